"""numpy's arrays in a file (``.npz``): inputs and targets of any task."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np

from regab.data.inputs.place import place
from regab.data.own.loaded import taken
from regab.data.split import Source
from regab.errors import UsageError
from regab.tasks import task_named, tasks
from regab.tasks.classification import Classification

Pair = tuple[np.ndarray, np.ndarray]
CHANNELS = (1, 3, 4)
USUAL = (  # what files call inputs and targets, in small letters
    *(("x_train", "y_train"), ("train_x", "train_y"), ("train_images", "train_labels"), ("train_data", "train_labels")),
    *(("x", "y"), ("images", "labels"), ("data", "labels"), ("data", "target")),
)
HELD_OUT = {"test": ("test",), "val": ("val", "valid", "validation")}


class Arrays(NamedTuple):
    """Inputs and targets, and what they are called in their file."""

    x: np.ndarray
    y: np.ndarray
    names: tuple[str, str]


def load(path: str, x: str = "x", y: str = "y", test_path: str | None = None, task: str = "auto") -> Source:
    """A file that ``numpy.savez`` wrote: inputs ``x`` and targets ``y``, of a test set ``x_test`` and ``y_test``, of a
    validation set ``x_val`` and ``y_val``. A file without ``x`` and ``y`` may call them otherwise (``USUAL``); where
    the name has ``train`` in it, that of the others has ``test`` and ``val`` in its place.

    Inputs are ``[N, features]``, or images ``[N, H, W]`` (bytes, or as high as wide), ``[N, C, H, W]`` or
    ``[N, H, W, C]``, of whatever type of number. Without a ``task``, a target for each pixel is segmentation; several
    of an example are multilabel if all are 0 and 1, and else a regression; one is a class, or if some have decimals a
    regression. What is read as what, and what is left, is said. Raises UsageError for a file that is none, or lacks an
    array.
    """
    if task not in ("auto", *tasks()):
        raise UsageError(f"data.task={task}: must be auto, {' or '.join(tasks())}")
    found, left = _parts(path, x, y)
    if test_path:
        found["test"] = _test_set(test_path, found["train"].names)
    parts = {name: _channels_first(each.x, each.y) for name, each in found.items()}
    said = [_described(name, each, parts[name][0]) for name, each in found.items()]
    said += [f"not used of {path}: {', '.join(left)}"] if left else []
    source = _source(parts, task, f"data.path={path}")
    return source._replace(said=(*said, *source.said))


def _source(parts: dict[str, Pair], task: str, where: str) -> Source:
    y = parts["train"][1]
    if task == "auto":
        return taken(dict(parts), where)
    if y.ndim == 1 and task_named(task).reads == Classification.reads:
        found = taken(dict(parts), where)
        return found._replace(task=task) if found.task == Classification.name else _asked(parts, 1, task, where)
    return _asked(parts, y.shape[1] if y.ndim == 2 else y.ndim == 1, task, where)


def _asked(parts: dict[str, Pair], outputs: int, task: str, where: str) -> Source:
    """For a task that the targets do not tell."""
    splits: dict[str, Any] = parts  # which are made tensors
    return taken(Source(splits["train"], outputs, splits.get("test"), task=task, val=splits.get("val")), where)


def _parts(path: str, x: str, y: str) -> tuple[dict[str, Arrays], list[str]]:
    """What a file has for training, testing and validation, and the names of what else it has."""
    with _opened(path, "data.path") as file:
        pair = _pair(file.files, x, y)
        found = {"train": _of_pair(file, pair, f"data.path={path}")}
        for part, words in HELD_OUT.items():
            for names in (tuple(_of_part(name, word) for name in pair) for word in words):
                if part not in found and {*names} & {*file.files}:
                    found[part] = _of_pair(file, names, f"data.path={path}")
        used = {name for each in found.values() for name in each.names}
        return found, [name for name in file.files if name not in used]


def _test_set(path: str, names: tuple[str, str]) -> Arrays:
    """By the names of the training data, or by those of a test set."""
    with _opened(path, "data.test_path") as file:
        ours = tuple(_of_part(name, "test") for name in names)
        return _of_pair(file, ours if {*ours} <= {*file.files} else names, f"data.test_path={path}")


def _pair(files: list[str], x: str, y: str) -> tuple[str, str]:
    there = {name.lower(): name for name in files}
    usual = [(there[a], there[b]) for a, b in USUAL if {a, b} <= {*there}]
    asked = (x, y) != ("x", "y") or {x, y} & {*files}
    return (x, y) if asked or not usual else usual[0]


def _of_part(name: str, part: str) -> str:
    return re.sub("train", part, name, count=1, flags=re.IGNORECASE) if "train" in name.lower() else f"{name}_{part}"


def _of_pair(file: Any, names: tuple[str, ...], where: str) -> Arrays:
    """Raises UsageError where one of them is not there, or holds Python's objects."""
    if lost := [name for name in names if name not in file.files]:
        raise UsageError(f"{where}: has no array {lost[0]!r}; there is: {', '.join(file.files)}")
    x, y = names
    return Arrays(file[x], file[y], (x, y))


@contextmanager
def _opened(path: str, key: str) -> Iterator[Any]:
    """Raises UsageError for a file that is no ``.npz``, when it is opened or read."""
    if not place(path).is_file():
        raise UsageError(f"{key}={path}: there is no such file")
    try:
        with place(path).open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            yield file
    except (TypeError, AttributeError) as error:  # of an array, which is no context
        raise UsageError(f"{key}={path}: holds one array without a name; write numpy.savez(file, x=…, y=…)") from error
    except (ValueError, OSError, EOFError, BadZipFile) as error:
        raise UsageError(f"{key}={path}: cannot be read as .npz ({error})".splitlines()[0]) from error


def _channels_first(x: np.ndarray, y: np.ndarray) -> Pair:
    """Images as ``[N, C, H, W]``; for which axis is the channels', targets of pixels tell the other two."""
    if x.ndim == 3 and (y.ndim >= 3 or x.dtype == np.uint8 or x.shape[1] == x.shape[2]):
        return x[:, None], y
    if x.ndim == 4 and (x.shape[1:3] == y.shape[1:3] if y.ndim == 3 else _is_last(x)):
        return np.moveaxis(x, 3, 1), y
    return x, y


def _is_last(x: np.ndarray) -> bool:
    return x.shape[3] in CHANNELS and x.shape[1] not in CHANNELS


def _described(part: str, found: Arrays, x: np.ndarray) -> str:
    """``train data: x of 60×28×28 (grey images, uint8), y of 60 (int64)``."""
    kinds = {3: "grey images, ", 4: "channels last, "} if x.shape != found.x.shape else {}
    sizes = ["×".join(map(str, array.shape)) for array in (found.x, found.y)]
    names, kind = found.names, kinds.get(found.x.ndim, "")
    return f"{part} data: {names[0]} of {sizes[0]} ({kind}{found.x.dtype}), {names[1]} of {sizes[1]} ({found.y.dtype})"
