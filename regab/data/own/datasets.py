"""What a loader of the user's own may return beside a Source: data sets of torch's, pairs, and splits by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, RandomSampler, SequentialSampler
from torch.utils.data._utils.collate import default_collate

from regab.data.inputs.scaling import Fit
from regab.data.own.streamed import Found, read_all, read_once
from regab.data.own.tensors import Packed, is_several
from regab.data.split import Source, Split
from regab.errors import UsageError
from regab.tasks.classification import Classification
from regab.tasks.multilabel import Multilabel
from regab.tasks.regression import Regression
from regab.tasks.segmentation import Segmentation

SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
MOST_CLASSES = 20  # that whole numbers written as floats may be
KNOWN = "a Source, a torch Dataset, inputs and labels (X, y), or train and test data as a pair or a dict of these"
DRAWN = "examples are drawn anew in every epoch; what is measured is measured on one draw of each"
ONE_HOT = ("every example has exactly one of these labels; if they are classes, return y.argmax(1)",)
ONCE = "an iterable data set is read once; what it draws stays as it is"


@dataclass
class AsItIs:
    """Leaves inputs alone."""

    def __call__(self, examples: Any) -> Any:
        return examples


def as_source(found: Any, key: str) -> Source:
    """A Source of whatever a loader returned; ``classes`` is 0 where nothing says how many there are.

    Data sets are taken as they are: their inputs are not standardized. Raises UsageError, naming ``key``.
    """
    source = found if isinstance(found, Source) else _named(_parts(found, key))
    parts = {name: part for name in ("train", "val", "test") if (part := getattr(source, name)) is not None}
    if not any(map(_is_data_set, parts.values())):
        return source
    if not all(map(_is_data_set, parts.values())):
        raise UsageError(f"{key}: some of {', '.join(parts)} are data sets, and others are not")
    read, said = {}, []
    for name, part in parts.items():
        read[name], more = _read(part, f"{key}: {name}")
        said += [words for words in more if words not in said]
    names = source.names or _names(parts["train"])
    told: dict[str, Any] = {name: Split(one.x, one.y) for name, one in read.items()}
    told["fingerprint"] = "-".join(one.fingerprint for one in read.values())
    told |= {"fit": _as_it_is(read), "names": names, "said": (*source.said, *said)}
    return source._replace(**told | {"classes": source.classes or len(names)})


def _named(parts: dict[str, Any]) -> Source:
    return Source(parts["train"], 0, parts.get("test"), val=parts.get("val"))


def _parts(found: Any, key: str) -> dict[str, Any]:
    if _is_data_set(found):
        return {"train": found}
    if isinstance(found, dict):
        return _by_name(found, key)
    if isinstance(found, tuple | list):
        if all(map(_is_part, found)) and len(found) in (2, 3):
            return dict(zip(("train", "test") if len(found) == 2 else ("train", "val", "test"), found, strict=True))
        if _is_part(found):
            return {"train": Split(*found)}
    size = f" of {len(found)}" if isinstance(found, tuple | list) else ""
    what = f"a {type(found).__name__}{size}" if found is not None else "nothing"
    raise UsageError(f"{key}: must return {KNOWN}, but returned {what}")


def _by_name(found: dict[str, Any], key: str) -> dict[str, Any]:
    if {"data", "target"} <= {*found}:  # scikit-learn's
        return {"train": Split(found["data"], found["target"])}
    parts = {SPLITS.get(str(name).lower(), name): part for name, part in found.items()}
    if "train" not in parts or not {*parts} <= {*SPLITS.values()} or len(parts) < len(found):
        raise UsageError(f"{key}: must return a dict of train and, if there are such, val and test; not {[*found]}")
    if wrong := [name for name, part in parts.items() if not _is_part(part)]:
        raise UsageError(f"{key}: {wrong[0]}: must be a data set or a pair of inputs and labels")
    return {name: part if _is_data_set(part) else Split(*part) for name, part in parts.items()}


def _is_part(found: Any) -> bool:
    pair = isinstance(found, tuple | list) and len(found) == 2
    if pair and is_several(found[0]):
        return _is_inputs(found[1])
    return _is_data_set(found) or (pair and all(map(_is_inputs, found)))


def _is_inputs(found: Any) -> bool:
    return hasattr(found, "shape") or isinstance(found, list)


def _is_data_set(found: Any) -> bool:
    if isinstance(found, Dataset | DataLoader):
        return True
    plain = isinstance(found, tuple | list | dict | str) or hasattr(found, "dtype") or hasattr(found, "iloc")
    return not plain and hasattr(found, "__getitem__") and hasattr(found, "__len__")


def _read(part: Any, where: str) -> tuple[Found, list[str]]:
    said = []
    if isinstance(part, DataLoader):
        said, part = _said_of(part, where), part.dataset
    if isinstance(part, IterableDataset) or not hasattr(part, "__getitem__"):
        return read_once(part, where), [*said, ONCE]
    found = read_all(part, where)
    return found, [*said, DRAWN] if found.draws else said


def _said_of(loader: DataLoader, where: str) -> list[str]:
    """Raises UsageError where a DataLoader makes something of the examples that the data set alone does not."""
    if loader.collate_fn not in (default_collate, None) and loader.batch_size is not None:
        words = "its DataLoader has a collate_fn of its own; return the data set, and do what it does in __getitem__"
        raise UsageError(f"{where}: {words}")
    if loader.batch_size is None:
        raise UsageError(f"{where}: its DataLoader leaves batches to the data set; return one of single examples")
    if type(loader.sampler) in (RandomSampler, SequentialSampler) or isinstance(loader.dataset, IterableDataset):
        return []
    return [f"of the DataLoader the data set alone is taken, not its {type(loader.sampler).__name__}"]


def _names(data_set: Any) -> tuple[str, ...]:
    """What torchvision's data sets call their classes."""
    while not hasattr(data_set, "classes") and hasattr(data_set, "dataset"):  # a Subset, a DataLoader
        data_set = data_set.dataset
    found = getattr(data_set, "classes", None)
    words = isinstance(found, tuple | list) and all(isinstance(name, str) for name in found)
    return tuple(found) if words and found else ()


def _as_it_is(read: dict[str, Found]) -> Fit:
    tokens = [one.largest for one in read.values() if one.largest is not None]
    given: dict[str, Any] = {"vocabulary": max(tokens) + 1} if tokens else {}
    given |= {"parts": read["train"].parts} if read["train"].parts else {}
    if parts := given.get("parts"):
        return lambda train: (Packed(parts, [None] * len(parts)), given)
    return lambda train: (AsItIs(), given)


def guessed(source: Source, targets: list[Any]) -> Source:
    """The same with a task and how many classes, where nothing says so: by the targets of all parts."""
    if not all(isinstance(part, Tensor) for part in targets):
        return source._replace(classes=len({word for part in targets for word in part}))
    if targets[0].ndim > 2:
        return source._replace(classes=0, task=Segmentation.name)  # as many as the labels that are not ignored
    y = torch.cat([part.flatten() for part in targets])
    several = targets[0].ndim == 2 and targets[0].shape[1] > 1
    distinct = y.unique()
    few = len(distinct) <= (MOST_CLASSES if y.min() >= 0 else 0 if several else 2)
    if y.is_floating_point() and not (few and bool((y == y.round()).all())):
        return source._replace(classes=targets[0].shape[1] if several else 1, task=Regression.name)
    if several and y.min() >= 0 and y.max() <= 1:
        said = ONE_HOT if all(bool((part.sum(1) == 1).all()) for part in targets) else ()
        return source._replace(classes=targets[0].shape[1], task=Multilabel.name, said=(*source.said, *said))
    classes = _classes(distinct)
    lacking = 0 if several else classes - len(distinct)
    said = (f"{lacking} of {classes} classes (labels from 0 to {classes - 1}) have no example",) if lacking else ()
    return source._replace(classes=classes, task=Classification.name, said=(*source.said, *said))


def _classes(distinct: Tensor) -> int:
    """How many classes there are: all from 0, unless labels count from 1 or some are negative."""
    low, high = int(distinct.min()), int(distinct.max())
    from_one = low == 1 and len(distinct) == high
    return len(distinct) if low < 0 or from_one else high + 1


def numbered(splits: dict[str, Split], source: Source) -> tuple[dict[str, Split], Source]:
    """The same with classes by their rank where some labels ``[N]`` are negative, as -1 and 1 are."""
    targets = [part.y for part in splits.values()]
    if source.task != Classification.name or not all(isinstance(y, Tensor) and y.numel() == len(y) for y in targets):
        return splits, source
    distinct = torch.cat([y.flatten() for y in targets]).unique()
    if distinct.min() >= 0 or len(distinct) > MOST_CLASSES:
        return splits, source
    splits = {name: Split(x, torch.searchsorted(distinct, y.flatten())) for name, (x, y) in splits.items()}
    names = tuple(f"{label:g}" for label in distinct.tolist())
    said = f"labels {', '.join(names)} are classes 0 to {len(names) - 1}"
    return splits, source._replace(said=(*source.said, said), names=source.names or names)
