"""What holds arrays: files of them, pairs and dicts, tensors, sparse matrices."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from regab.data.unseen.examples import existing, is_path
from regab.errors import UsageError

ARRAYS = (".npy", ".npz", ".pt", ".pth")
INPUTS, LABELS = ("x", "X", "data", "inputs", "images", "features"), ("y", "Y", "label", "labels", "target", "class")
TEST = "test"  # what the names of arrays for testing have in them


class Held(NamedTuple):
    """Inputs, labels if they are there, what to call them, and what the user should know."""

    x: np.ndarray
    y: np.ndarray | None
    source: str
    said: list[str]


def is_array(given: Any) -> bool:
    """Whether this is numbers, or what holds them."""
    if is_path(given):
        return Path(given).suffix.lower() in ARRAYS
    return is_plain(given) or _is_pair(given) or _is_named(given)


def is_plain(given: Any) -> bool:
    """Whether this is an array, a tensor or a sparse matrix."""
    held = hasattr(given, "__array__") and hasattr(given, "ndim") and not hasattr(given, "iloc")
    return held or hasattr(given, "toarray")  # of a sparse matrix


def _is_pair(given: Any) -> bool:
    """Whether these are inputs and their labels, not two examples."""
    if not isinstance(given, tuple | list) or len(given) != 2 or not all(map(is_plain, given)):
        return False
    (first, *one), (second, *other) = (each.shape or (0,) for each in given)
    return first == second and one != other


def _is_named(given: Any) -> bool:
    return isinstance(given, Mapping) and any(is_plain(each) and each.ndim > 1 for each in given.values())


def held(given: Any, shape: list[int] | None) -> Held:
    """The arrays in a file or an object, for inputs of a ``shape``, without the number of examples.

    Raises UsageError.
    """
    if not is_path(given):
        return _one(given, "the array" if is_plain(given) else f"the {type(given).__name__}", shape)
    path = existing(given)
    try:
        found = torch.load(path, "cpu", weights_only=True) if path.suffix.lower() in (".pt", ".pth") else _numpys(path)
    except Exception as error:  # torch's and NumPy's readers fail in many ways on a broken file
        reason = " ".join(str(error).split())[:120]
        raise UsageError(f"{given}: cannot be read as an array ({reason})") from error
    return _one(found, str(given), shape)


def is_data_set(given: Any) -> bool:
    """Whether this gives examples one by one, as torch's data sets do."""
    return not isinstance(given, list | tuple | str) and hasattr(given, "__getitem__") and hasattr(given, "__len__")


def of_data_set(given: Any) -> Held:
    """The examples of a data set, which are pairs of an input and a target, or inputs alone. Raises UsageError."""
    from regab.data.own.reading import as_example

    items = [given[i] for i in range(len(given))]
    alone = not all(isinstance(item, tuple | list | Mapping) for item in items)
    read = [as_example((item, 0) if alone else item, f"predict: example {i}") for i, item in enumerate(items)]
    if len({example.x.shape for example in read}) != 1 or any(example.parts for example in read):
        raise UsageError("predict: the data set is empty, or its examples have several shapes or tensors")
    x, y = torch.stack([example.x for example in read]).numpy(), np.array([example.y for example in read])
    return Held(x, None if alone else y, "the data set", [])


def _numpys(path: Path) -> Any:
    found = np.load(path, allow_pickle=False)
    if isinstance(found, np.ndarray):
        return found
    with found:
        return {name: found[name] for name in found.files}


def _one(found: Any, source: str, shape: list[int] | None) -> Held:
    if is_plain(found):
        return Held(_array(found), None, source, [])
    if _is_pair(found):
        return Held(_array(found[0]), _array(found[1]), source, [])
    if not isinstance(found, Mapping):
        raise UsageError(f"{source}: holds a {type(found).__name__}, and not an array, or inputs and labels")
    arrays = {str(name): _array(each) for name, each in found.items() if is_plain(each)}
    inputs, said = _inputs(arrays, shape)
    if inputs is None:
        there = ", ".join(f"{name} {[*array.shape]}" for name, array in arrays.items())
        raise UsageError(f"{source}: has the arrays {there or 'none'}; call the inputs {INPUTS[0]}")
    label = _label(arrays, inputs)
    return Held(arrays[inputs], None if label is None else arrays[label], source, said)


def _inputs(arrays: dict[str, np.ndarray], shape: list[int] | None) -> tuple[str | None, list[str]]:
    """By their name, as the only ones that are no labels or have the shape, or among these as those for testing."""
    if named := [name for name in INPUTS if name in arrays]:
        return named[0], []
    others = [name for name in arrays if name not in LABELS]
    like = [name for name in others if len(others) == 1 or [*arrays[name].shape[1:]] in _layouts(shape)]
    if len(like) == 1:
        return like[0], []
    test = [name for name in like if TEST in name.lower()]
    rest = ", ".join(name for name in like if name not in test)
    return (test[0], [f"{test[0]} is predicted, not {rest}"]) if len(test) == 1 else (None, [])


def _layouts(shape: list[int] | None) -> list[list[int]]:
    """The shapes in which such examples may come: images without their channel, or with channels last."""
    if shape is None or len(shape) != 3:
        return [shape] if shape is not None else []
    return [shape, [*shape[1:], shape[0]], *([shape[1:]] if shape[0] == 1 else [])]


def _label(arrays: dict[str, np.ndarray], inputs: str) -> str | None:
    if named := [name for name in LABELS if name in arrays]:
        return named[0]
    other = [n for n, array in arrays.items() if TEST in n.lower() and n != inputs and array.ndim]
    same = [name for name in other if TEST in inputs.lower() and len(arrays[name]) == len(arrays[inputs])]
    return same[0] if len(same) == 1 else None


def _array(given: Any) -> np.ndarray:
    if isinstance(given, Tensor):
        given = given.detach().cpu()
        return (given.float() if given.dtype == torch.bfloat16 else given).numpy()
    return np.asarray(given.toarray() if hasattr(given, "toarray") else given)
