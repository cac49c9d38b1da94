"""What was learned of data, as plain JSON: dataclasses of numbers, words, lists, arrays and tensors."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from regab.errors import UsageError
from regab.targets import locate

if TYPE_CHECKING:
    from regab.data.split import Data

Plain = dict[str, Any]
VERSION = 1
# In which rooms of regab/data the files are now that were in none when classes in them were kept.
MOVED = dict.fromkeys(("columns", "encode", "labels", "several"), "tables") | {"scaling": "inputs", "tensors": "own"}
GONE = {"regab.data.unseen.tables.Tables": ("pointed",)}  # fields that earlier versions kept


def kept(thing: Any) -> Any:
    """A value as JSON has it; a dataclass is an object with its ``_target_``, a tensor or array one with its numbers.

    Raises TypeError for what is none of these, and for values that JSON has no word for, as infinity.
    """
    if thing is None or isinstance(thing, bool | int | str):
        return thing
    if isinstance(thing, float | np.floating):
        return _finite(float(thing))
    if isinstance(thing, Tensor):
        return {"tensor": _finite(thing.tolist()), "dtype": str(thing.dtype).removeprefix("torch."), **_shape(thing)}
    if isinstance(thing, np.ndarray) and thing.dtype.kind in "fiub":
        return {"array": _finite(thing.tolist()), "dtype": thing.dtype.name, **_shape(thing)}
    if isinstance(thing, np.integer | np.bool_):
        return thing.item()
    if isinstance(thing, list | tuple):
        return [kept(each) for each in thing]
    if isinstance(thing, dict):
        return {"entries": [[kept(key), kept(value)] for key, value in thing.items()]}  # of JSON, keys are words
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        values = {field.name: kept(getattr(thing, field.name)) for field in dataclasses.fields(thing)}
        return {"_target_": f"{type(thing).__module__}.{type(thing).__qualname__}", **values}
    raise TypeError(f"a {type(thing).__name__} is no dataclass of plain values")


def described(data: Data) -> Plain:
    """All that is needed to encode further examples as a run's, and to make its model again."""
    return {
        "version": VERSION,
        "task": data.task.name,
        "shape": list(data.shape),
        "dtype": str(data.train.x.dtype).removeprefix("torch."),
        "outputs": data.classes,
        "answers": [list(answer) for answer in data.task.answers(data.train.y, data.classes)],
        "given": _or_why_not(data.given),
        "imbalance": data.imbalance is not None,
        "names": [str(name) for name in data.names],
        "scale": kept(data.scale),
        "reader": _or_why_not(data.reader),
        "encoder": _or_why_not(data.encode),
    }


def with_present_names(value: Any) -> Any:
    """What was kept by an earlier version, with its classes called by where they are now."""
    if isinstance(value, list):
        return [with_present_names(each) for each in value]
    if not isinstance(value, dict):
        return value
    names = {"_target_": _present_name(value["_target_"])} if "_target_" in value else {}
    gone = GONE.get(names.get("_target_", ""), ())
    return {key: with_present_names(each) for key, each in value.items() if key not in gone} | names


def _present_name(target: str) -> str:
    file, _, name = target.removeprefix("regab.data.").partition(".")
    return f"regab.data.{MOVED[file]}.{file}.{name}" if target.startswith("regab.data.") and file in MOVED else target


def _or_why_not(thing: Any) -> Plain:
    """What cannot be kept is said to be ``lost``, with the reason."""
    try:
        return kept(thing)
    except TypeError as error:
        return {"lost": str(error)}


def restored(value: Any, where: str) -> Any:
    """What ``kept`` was given; tuples have become lists. Raises UsageError where a class is not found."""
    if isinstance(value, list):
        return [restored(each, where) for each in value]
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return torch.tensor(value["tensor"], dtype=getattr(torch, value["dtype"])).reshape(value["shape"])
    if "array" in value:
        return np.array(value["array"], dtype=value["dtype"]).reshape(value["shape"])
    if "entries" in value:
        return {key: restored(each, where) for key, each in value["entries"]}
    cls: Any = locate(value, where)
    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        raise UsageError(f"{where}._target_={value['_target_']}: is no dataclass")
    fields = {key: restored(each, f"{where}.{key}") for key, each in value.items() if key != "_target_"}
    try:
        return cls(**fields)
    except TypeError as error:
        words = f"takes other values than were kept ({error})"
        raise UsageError(f"{where}._target_={value['_target_']}: {words}") from error


def _shape(array: Any) -> Plain:
    """Lists do not tell the shape of what is empty."""
    return {"shape": list(array.shape)}


def _finite(numbers: Any) -> Any:
    if not np.isfinite(np.asarray(numbers, dtype=np.float64)).all():
        raise TypeError("some numbers are not finite")
    return numbers
