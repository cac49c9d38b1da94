"""numpy's arrays in a file (``.npz``): inputs and targets of any task."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from regab.data.own.loaded import taken
from regab.data.split import Source
from regab.errors import UsageError
from regab.tasks import tasks

CHANNELS = (1, 3, 4)
Arrays = tuple[np.ndarray, np.ndarray]


def load(path: str, x: str = "x", y: str = "y", test_path: str | None = None, task: str = "auto") -> Source:
    """A file that ``numpy.savez`` wrote: inputs ``x`` and targets ``y``, of a test set ``x_test`` and ``y_test``.

    Inputs are ``[N, features]``, or images ``[N, H, W]``, ``[N, C, H, W]`` or ``[N, H, W, C]``, of whatever type of
    number. Without a ``task``, a target for each pixel is segmentation; several of an example are multilabel if all are
    0 and 1, and else a regression; one is a class, or if some have decimals a regression. Raises UsageError for a file
    that is none, or lacks an array.
    """
    if task not in ("auto", *tasks()):
        raise UsageError(f"data.task={task}: must be auto, {' or '.join(tasks())}")
    train = _read(path, "data.path", x, y)
    if test_path:
        test = _read(test_path, "data.test_path", x, y)
    else:
        test = _read(path, "data.path", f"{x}_test", f"{y}_test", needed=False)
    parts = [(_channels_first(*part), part[1]) for part in (train, test) if part is not None]
    where = f"data.path={path}"
    if task == "auto":
        return taken(dict(zip(("train", "test"), parts, strict=False)), where)
    many = parts[0][1].ndim
    classes = int(max(y.max() for _, y in parts)) + 1 if many == 1 else parts[0][1].shape[1] if many == 2 else 0
    splits: list[Any] = parts  # which are made tensors
    return taken(Source(splits[0], classes, (*splits, None)[1], task=task), where)


def _read(path: str, key: str, x: str, y: str, needed: bool = True) -> Arrays | None:
    """None where a file has neither array, and need not."""
    if not Path(path).expanduser().is_file():
        raise UsageError(f"{key}={path}: there is no such file")
    try:
        with Path(path).expanduser().open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            there = [name for name in (x, y) if name in file.files]
            if not there and not needed:
                return None
            if len(there) < 2:
                lost = next(name for name in (x, y) if name not in there)
                raise UsageError(f"{key}={path}: has no array {lost!r}; there is: {', '.join(file.files)}")
            return file[x], file[y]
    except (TypeError, AttributeError) as error:  # of an array, which is no context
        raise UsageError(
            f"{key}={path}: holds one array without a name; write numpy.savez(file, {x}=…, {y}=…)"
        ) from error
    except (ValueError, OSError, EOFError, BadZipFile) as error:
        raise UsageError(f"{key}={path}: cannot be read as .npz ({error})".splitlines()[0]) from error


def _channels_first(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Images as ``[N, C, H, W]``; for which axis is the channels', targets of pixels tell the other two."""
    if x.ndim == 3 and y.ndim >= 3:
        return x[:, None]
    if x.ndim == 4 and (x.shape[1:3] == y.shape[1:3] if y.ndim == 3 else _is_last(x)):
        return np.moveaxis(x, 3, 1)
    return x


def _is_last(x: np.ndarray) -> bool:
    return x.shape[3] in CHANNELS and x.shape[1] not in CHANNELS
