"""What is wrong with data once they are divided, or what the user should know of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from regab.data.division.copies import in_training_too
from regab.data.split import Data, Source, in_order
from regab.errors import UsageError
from regab.tasks.base import as_numbers
from regab.tasks.classification import imbalance_words

RARE = 0.2  # times an equal share of the examples, 10 % of two classes: a class of less is rare
FAR, BEYOND = 100.0, 10.0  # deviations, and times the farthest of training: what is beyond both is said to be far
# Inputs that vary less than so much of training's deviation, if they are so many numbers, are on another scale.
OTHER, MANY = 0.05, 1000
ROUNDING = 1e-15  # a deviation, as a share of the mean, that targets which are all the same may seem to have
SHOWN = 3


def examined(data: Data, source: Source) -> Data:
    """The same, with more to say. Raises UsageError where training inputs do not vary at all."""
    x = data.train.x
    if isinstance(x, Tensor) and len(x) > 1 and torch.equal(x[0], x[-1]) and bool((x == x[:1]).all()):
        raise UsageError(f"data: all {len(x)} training inputs are the same, so nothing can be learned from them")
    for mean, deviation in map(as_numbers, data.scale.each()):
        if deviation <= ROUNDING * abs(mean):
            raise UsageError(f"data: all {len(x)} training targets are {mean:g}, so there is nothing to predict")
    source = in_order(source, data.names)
    imbalance = imbalance_of(data, source)
    own = {"test": source.test, "validation": source.val}
    said = (
        *_of_classes(data, source),
        *_rare(imbalance),
        *_far_outside(data, source.features),
        *_other_scale(data, source),
        *_channels_last(data),
        *in_training_too(source.train.x, {name: part.x for name, part in own.items() if part is not None}),
    )
    return replace(data, said=(*data.said, *said), imbalance=imbalance)


def imbalance_of(data: Data, source: Source) -> dict[str, Any] | None:
    """The rarest and the most frequent class that a source has for training, with their shares; None if none is rare.

    Of all that it has, whatever is held out of it, so that the folds of one data set agree.
    """
    labels = data.task.typed(source.train.y)
    if data.task.of_inputs or labels.is_floating_point() or labels.ndim > 1 or source.classes < 2:
        return None
    counts = torch.bincount(labels)
    there = counts[counts > 0]
    rare, frequent = int(torch.where(counts > 0, counts, len(labels) + 1).argmin()), int(counts.argmax())
    if counts[rare] >= RARE * len(labels) / len(there):
        return None
    shares = (counts.double() / len(labels)).tolist()
    names = [source.names[c] if c < len(source.names) else f"class {c}" for c in (rare, frequent)]
    return {"rare": names[0], "share": shares[rare], "frequent": names[1], "rate": shares[frequent]}


def _channels_last(data: Data) -> Iterator[str]:
    """Of examples that look like images ``[H, W, C]``."""
    if len(data.shape) == 3 and data.shape[2] in (1, 3, 4) and min(data.shape[:2]) > 4:
        shape = " × ".join(map(str, data.shape))
        yield f"examples of {shape} are taken for {data.shape[0]} channels; if the last are, put these first"


def _rare(imbalance: dict[str, Any] | None) -> Iterator[str]:
    if imbalance:
        yield imbalance_words(imbalance)


def _of_classes(data: Data, source: Source) -> Iterator[str]:
    """Classes that training lacks, and those of a single example. Raises UsageError where training has one class."""
    labels = [part.y for part in (source.train, source.test, source.val) if part is not None]
    if source.classes < 2 or any(y.is_floating_point() or y.ndim > 1 for y in (data.train.y, *labels)):
        return
    learned = torch.bincount(data.train.y, minlength=source.classes)
    there = torch.stack([torch.bincount(y, minlength=source.classes) for y in labels]).sum(0)
    if (learned > 0).sum() == 1 < (there > 0).sum():
        only = _class(int(learned.argmax()), source)
        cure = "raise data.n_train or change data.split_seed"
        raise UsageError(f"data: all {len(data.train)} training examples are of class {only}; {cure}")
    if lost := ((learned == 0) & (there > 0)).nonzero()[:, 0].tolist():
        names = [f"{_class(c, source)} (of {there[c]} in all)" for c in lost]
        yield f"no training example of class {_some(names)}; it cannot be learned"
    if single := (there == 1).nonzero()[:, 0].tolist():
        yield f"a single example of class {_some([_class(c, source) for c in single])}"


def _class(number: int, source: Source) -> str:
    return repr(source.names[number]) if number < len(source.names) else str(number)


def _far_outside(data: Data, features: tuple[str, ...]) -> Iterator[str]:
    """Validation and test values that lie far outside of what training saw."""
    if not isinstance(data.train.x, Tensor) or not data.train.x.is_floating_point() or data.kind == "several":
        return
    for name, part in (("validation", data.val), ("test", data.test)):
        if len(part) and isinstance(part.x, Tensor) and (far := _size(part.x) > FAR).any():
            seen, found = _size(data.train.x), _size(part.x)
            for i in (far & (found > BEYOND * seen)).nonzero()[:SHOWN, 0].tolist():
                column = features[i] if i < len(features) else f"input {i}"
                words = f"{found[i]:.3g} deviations from the training mean, in training at most {seen[i]:.3g}"
                yield f"{column} reaches {words}, in {name} data"


def _other_scale(data: Data, source: Source) -> Iterator[str]:
    """Validation and test sets of their own whose inputs hardly vary beside those of training, as 0 to 1 to 0 to 255.

    The opposite is ``_far_outside``.
    """
    if not isinstance(data.train.x, Tensor) or not data.train.x.is_floating_point() or data.kind == "several":
        return
    for name, own, part in (("validation", source.val, data.val), ("test", source.test, data.test)):
        if own is not None and isinstance(part.x, Tensor) and part.x.numel() >= MANY:
            share = _spread(part.x) / _spread(data.train.x)
            if share < OTHER:
                words = f"vary {share:.2g} times as much as training's; are both on one scale?"
                yield f"the inputs of the {name} data {words}"


def _spread(x: Tensor) -> float:
    """The mean deviation of a feature or channel."""
    return float(x.std([0, *range(2, x.ndim)]).mean())


def _size(x: Tensor) -> Tensor:
    """The largest absolute value of each feature or channel."""
    axes = [0, *range(2, x.ndim)]
    return torch.maximum(x.amax(axes), -x.amin(axes))


def _some(items: list[str]) -> str:
    return ", ".join([*items[:SHOWN], *([f"and {len(items) - SHOWN} more"] if len(items) > SHOWN else [])])
