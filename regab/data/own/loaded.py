"""What a loader of the user's own returned, as regab takes it: converted where the meaning is plain, else refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from regab.data.inputs.scaling import standardize
from regab.data.own.datasets import as_source, guessed, numbered
from regab.data.own.plain import in_columns_of_train, numbers_of_objects, of_frame, plain_labels
from regab.data.own.tensors import Several, fit_several, is_several, several
from regab.data.split import Source, Split
from regab.errors import UsageError
from regab.tasks import task_named
from regab.tasks.classification import Classification
from regab.tasks.regression import Regression

PLAIN = (Classification.reads, Regression.reads)  # what tasks read of which every example has one target


def taken(found: Any, key: str) -> Source:
    """A Source of tensors, from one of tensors, arrays, lists or pandas' objects, or from what ``as_source`` takes.

    Labels may be words, true or false, of any whole type, whole floats, in a column ``[N, 1]``, or counted from 1.
    ``key`` is the option that names the loader. Raises UsageError for what is no data set, naming where.
    """
    source = as_source(found, key)
    parts = {name: part for name in ("train", "val", "test") if (part := getattr(source, name)) is not None}
    parts = in_columns_of_train(parts, key)
    splits = {name: _split(part, f"{key}: {name}", source) for name, part in parts.items()}
    if source.classes == 0 and not isinstance(found, Source):
        splits, source = numbered(splits, guessed(source, [part.y for part in splits.values()]))
    if task_named(source.task).reads in PLAIN:
        splits, source = _as_targets(splits, source, key)
    if isinstance(splits["train"].x, Several) and source.fit is standardize:
        source = source._replace(fit=fit_several)
    for name in ("val", "test"):
        _check_alike(splits["train"], splits.get(name), name, key)
    keys = {n: _keys(getattr(source, n), splits["train"], f"{key}: {n}") for n in ("groups", "order")}
    return source._replace(train=splits["train"], test=splits.get("test"), val=splits.get("val"), **keys)


def _keys(values: Any, train: Split, where: str) -> Any:
    """An array with a value for each training example, or None. Raises UsageError for anything else."""
    if values is None:
        return None
    import pandas as pd

    found = pd.Series(values.numpy() if isinstance(values, Tensor) else values).to_numpy()
    if found.shape != (len(train),):
        raise UsageError(f"{where}: must have a value for each of {len(train)} training examples, not {len(found)}")
    return found


def _kind(found: Any) -> str:
    return f"a {type(found).__name__}" if found is not None else "nothing"


def _split(part: Any, where: str, source: Source) -> Split:
    if not isinstance(part, Split) and not (isinstance(part, tuple | list) and len(part) == 2):
        raise UsageError(f"{where}: must be a Split(x, y) of inputs and labels, not {_kind(part)}")
    x, y = part
    x, y = _inputs(x, where, source.fit is standardize), _targets(y, where)
    if len(x) != len(y):
        raise UsageError(f"{where}: has {len(x)} inputs, but {len(y)} labels")
    if not len(y):
        raise UsageError(f"{where}: is empty")
    return Split(x, y)


def _inputs(x: Any, where: str, ours: bool) -> Any:
    """Tensors where inputs are numbers. ``ours``: regab is to standardize them, so that they must be."""
    if is_several(x) and ours:
        return several(x, f"{where} inputs:")
    x = of_frame(x, where)
    if ours and isinstance(x, list | tuple):
        x = np.asarray(x) if not any(isinstance(row, Tensor) for row in x) else torch.stack(list(x))
    if ours and isinstance(x, np.ndarray) and x.dtype.kind == "O":
        x = numbers_of_objects(x)
    if ours and isinstance(x, np.ndarray) and x.dtype.kind in "fiub":
        x = torch.from_numpy(np.ascontiguousarray(x.astype(x.dtype.newbyteorder("="))))
    if not ours:
        return x
    if not isinstance(x, Tensor):
        cure = "return x.toarray()" if hasattr(x, "toarray") else "the Source needs a fit that makes a tensor of them"
        kind = f"an array of {x.dtype}" if isinstance(x, np.ndarray) else _kind(x)
        raise UsageError(f"{where} inputs: are {kind}, not numbers; {cure}")
    if x.ndim < 2:
        raise UsageError(f"{where} inputs: have the shape {list(x.shape)}; must be [examples, features] or more")
    x = x if x.dtype in (torch.float32, torch.float64) else x.float()
    if bad := (~torch.isfinite(x)).flatten(1).any(1).nonzero()[:, 0].tolist():
        raise UsageError(f"{where} inputs: {len(bad)} examples hold NaN or infinity, the first in row {bad[0]}")
    return x


def _targets(y: Any, where: str) -> Any:
    """A tensor of numbers, or an array of words."""
    if isinstance(y, Tensor):
        found = y.detach()
    else:
        array = plain_labels(y, f"{where} labels")
        if array.dtype.kind == "O":
            return array
        found = torch.from_numpy(np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="))))
    if found.ndim == 0:
        raise UsageError(f"{where} labels: are a single number")
    if found.is_floating_point() and not torch.isfinite(found).all():
        row = int((~torch.isfinite(found)).reshape(len(found), -1).any(1).nonzero()[0])
        raise UsageError(f"{where} labels: hold NaN or infinity, the first in row {row}")
    return found if found.is_floating_point() else found.long()


def _as_targets(splits: dict[str, Split], source: Source, key: str) -> tuple[dict[str, Split], Source]:
    """Labels ``[N]``: from 0 (int64) for classes, floats in a regression."""
    if any(not isinstance(part.y, Tensor) for part in splits.values()):
        splits, source = _from_words(splits, source, key)
    splits = {name: Split(x, y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y) for name, (x, y) in splits.items()}
    if _is_of_numbers(source) or any(part.y.ndim > 1 for part in splits.values()):
        return splits, source
    if all((part.y == part.y.round()).all() for part in splits.values()):
        splits = {name: Split(x, y.long()) for name, (x, y) in splits.items()}
    return _from_zero(splits, source, key)


def _is_of_numbers(source: Source) -> bool:
    return task_named(source.task).reads == Regression.reads


def _from_words(splits: dict[str, Split], source: Source, key: str) -> tuple[dict[str, Split], Source]:
    if _is_of_numbers(source) or any(isinstance(part.y, Tensor) for part in splits.values()):
        raise UsageError(f"{key}: some labels are words, and others numbers, or the task is a regression")
    names = sorted({word for part in splits.values() for word in part.y})
    numbers = {word: number for number, word in enumerate(names)}
    splits = {name: Split(x, torch.tensor([numbers[word] for word in y])) for name, (x, y) in splits.items()}
    return splits, source._replace(names=source.names or tuple(names))


def _from_zero(splits: dict[str, Split], source: Source, key: str) -> tuple[dict[str, Split], Source]:
    if not isinstance(source.classes, int | np.integer) or source.classes < 1:
        raise UsageError(f"{key}: classes is {source.classes!r}; must be how many classes there are")
    source = source._replace(classes=int(source.classes))
    ends = [(int(part.y.min()), int(part.y.max())) for part in splits.values() if not part.y.is_floating_point()]
    low, high = min((e[0] for e in ends), default=0), max((e[1] for e in ends), default=0)
    if source.classes > 1 and (low, high) == (1, source.classes):
        splits = {name: Split(x, y - 1) for name, (x, y) in splits.items()}
        names = source.names or tuple(str(label) for label in range(1, high + 1))
        said = (*source.said, f"labels 1 to {high} are counted from 0")
        return splits, source._replace(said=said, names=names)
    if source.classes > 1 and (low < 0 or high >= source.classes):
        known = f"from 0 to {source.classes - 1}, since classes={source.classes}"
        raise UsageError(f"{key}: labels are from {low} to {high}; must be {known}")
    return splits, source


def _check_alike(train: Split, other: Split | None, name: str, key: str) -> None:
    if other is None:
        return
    for what, ours, theirs in (("an example has", train.x, other.x), ("labels of an example have", train.y, other.y)):
        if hasattr(ours, "shape") and hasattr(theirs, "shape") and ours.shape[1:] != theirs.shape[1:]:
            shapes = f"{list(ours.shape[1:])} in training and {list(theirs.shape[1:])} in {name} data"
            raise UsageError(f"{key}: {what} the shape {shapes}")
