"""Examples that are there more than once, and so may be learned and tested on at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regab.lazy import pandas as pd

LEAST = 0.01  # of examples, below which copies are not said


def in_training_too(train: Any, others: dict[str, Any]) -> Iterator[str]:
    """A sentence on inputs of each other part, by its name, that are inputs of training examples; of parts that are
    in memory. ``Cells`` of which rows are alike by chance have none."""
    for name, part in others.items():
        count = int(_in_both(train, part).sum())
        if count and count >= LEAST * len(part) and (count == len(part) or _is_no_chance(part)):
            yield f"{count} of {len(part)} {name} examples have the inputs of a training example, and test nothing new"


def copies(cells: Any, y: Tensor) -> Iterator[str]:
    """A sentence on rows of a table that are the same as an earlier one, with what is to be predicted."""
    targets = dict(enumerate(y.reshape(len(y), -1).T.numpy()))
    count = int(pd.DataFrame({"x": cells.codes()} | targets).duplicated().sum())
    if count and count >= LEAST * len(cells) and _is_no_chance(cells):
        yield f"{count} rows are copies of others, and may be in training and in test data; leave them out"


def _is_no_chance(x: Any) -> bool:
    return not hasattr(x, "varied") or x.varied()


def _in_both(train: Any, part: Any) -> np.ndarray:
    """For each example of a part whether its inputs are in the training data; none of inputs that are not in memory."""
    if isinstance(train, Tensor) and isinstance(part, Tensor):
        return _of_tensors(train, part.to(train.dtype))
    if hasattr(train, "codes"):
        train, part = train.codes(), part.codes()
    if not isinstance(train, np.ndarray):
        return np.zeros(0, dtype=bool)
    if train.ndim > 1 and train.dtype != object:
        return _of_tensors(torch.from_numpy(train), torch.from_numpy(part))
    try:
        known = set(train.tolist())
    except TypeError:  # objects of a loader's own
        return np.zeros(0, dtype=bool)
    return np.array([example in known for example in part.tolist()], dtype=bool)


def _of_tensors(train: Tensor, part: Tensor) -> np.ndarray:
    """Those alone whose sums of bits are the same are compared: 0.1 s for 60,000 images of MNIST."""
    train, part = _bits(train), _bits(part)
    ours, theirs = (x.sum(1, dtype=torch.int64).numpy() for x in (train, part))
    known = {train[row].numpy().tobytes() for row in np.flatnonzero(np.isin(ours, theirs)).tolist()}
    found = np.isin(theirs, ours)
    for row in np.flatnonzero(found).tolist():
        found[row] = part[row].numpy().tobytes() in known
    return found


def _bits(x: Tensor) -> Tensor:
    """Each example's bits as whole numbers."""
    kind = {1: torch.uint8, 2: torch.int16}.get(x.element_size(), torch.int32)
    return x.flatten(1).contiguous().view(kind)
