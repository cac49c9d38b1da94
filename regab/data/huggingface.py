"""Data sets of Hugging Face's datasets library: a folder that it has saved or can load, or a name on its hub."""

from __future__ import annotations

import io
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from regab.data import folder, table, text
from regab.data.inputs.images import Kind, decode
from regab.data.inputs.pieces import WORDY, are_texts, words_each
from regab.data.inputs.place import place
from regab.data.split import Source, Split
from regab.data.tables.columns import Options
from regab.data.tables.frames import rows_of
from regab.data.tables.keys import Keys
from regab.data.tables.labels import Targets, is_number
from regab.data.tables.marks import Marks
from regab.data.tables.rows import Rows, column_name
from regab.data.unseen.images import Images
from regab.errors import UsageError
from regab.lazy import pandas as pd
from regab.targets import unknown

FILES = {".parquet": "parquet", ".json": "json", ".jsonl": "json", ".csv": "csv", ".tsv": "csv", ".arrow": "arrow"}
SAVED = ("dataset_dict.json", "state.json")  # by which a folder of save_to_disk is known
NESTED = ("Sequence", "List", "LargeList", "dict", "Array2D")
HELD_OUT = ("test", "validation", "valid", "val", "dev")  # the first of these that has labels is the test set
PROBED = 1000  # cells, by which it is decided whether they are texts


def load(
    path: str,
    name: str | None = None,
    split: str = "train",
    test_split: str | None = None,
    label: str = "label",
    text: str | None = None,
    image: str | None = None,
    size: Any = None,
    color: str = "auto",
    alpha: str = "white",
    max_length: int = 128,
    min_count: int = 2,
    task: str = "auto",
    numeric: list[str] | None = None,
    categorical: list[str] | None = None,
    ignore: list[str] | None = None,
    max_categories: int = 100,
    missing: Any = None,
    group: str | None = None,
    order: str | None = None,
) -> Source:
    """What ``datasets`` reads from ``path``, and of a hub's data set by its configuration ``name``.

    A folder of images (``image``, or the only column of them) is read as ``image_folder`` reads it, a column of texts
    (``text``, or the only column of strings if they have three words on average) as ``text_csv``, anything else as a
    table (``csv``), with the options of these. ``test_split`` None is the first of test and validation whose labels are
    known; a validation split beside it is for validation. Raises UsageError for what is missing or cannot be read.
    """
    splits = _read(path, name)
    names = _names(splits, split, test_split, label)
    parts = {part: splits[found] for part, found in names.items()}
    features, label = parts["train"].features, column_name(label)
    keys, ignore = Keys.of(group, order), list(ignore or [])
    images = _of_kind(features, "Image")
    if isinstance(features[label], list | tuple) or type(features[label]).__name__ in NESTED:
        words = "its cells hold several values each; make a column of each and give a file of them to data=csv"
        raise UsageError(f"data.label={label}: {words}")
    if image is not None or (images and text is None):
        kind = Kind("data.path", folder.shape_of(size), color, alpha)
        found = _images(parts, _column(image or images[0], features, "data.image"), label, task, keys, kind)
        return found._replace(said=(*found.said, *_said(names)))
    rows = {part: _rows(data, f"data.path={path}, {names[part]}") for part, data in parts.items()}
    column = _column(text, features, "data.text") if text else None
    if column is None and not categorical:  # which a table has
        column = _texts(parts["train"], [label, group, order, *ignore])
    if column is not None:
        found = _of_texts(rows, column, label, max_length, min_count, task, keys)
    else:
        options = Options(list(numeric or []), list(categorical or []), ignore, missing)
        found = table.of_rows([*rows.values()], label, task, options, keys, max_categories)
    return found._replace(said=(*found.said, *_said(names)))


def _said(names: Mapping[str, str]) -> list[str]:
    """Which split is which part, where there are several."""
    return [f"{part} data are the split {name}" for part, name in names.items() if len(names) > 1]


def _of_texts(
    rows: dict[str, Rows], column: str, label: str, max_length: int, min_count: int, task: str, keys: Keys
) -> Source:
    options = Options(missing=[])
    return text.of_rows([*rows.values()], column_name(column), label, max_length, min_count, task, options, keys)


def _read(path: str, name: str | None) -> Mapping[str, Any]:
    """Every split by its name. Raises UsageError."""
    if find_spec("datasets") is None:
        raise UsageError("data=huggingface: needs the datasets library; install it by: pip install datasets")
    import datasets

    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    where = place(path)
    builder = _builder(where) if where.is_file() else None
    try:
        if any((where / mark).is_file() for mark in SAVED):
            found = datasets.load_from_disk(str(where))
        elif builder:
            found = datasets.load_dataset(builder, data_files=str(where))
        else:
            found = datasets.load_dataset(str(where) if where.is_dir() else path, name)
    except Exception as error:  # no network, no such data set, damaged files, whatever its builders make of them
        reason = " ".join(f"{type(error).__name__} {error}".split())[:200]
        what = "cannot be read by datasets" if where.exists() else "is no folder here, and the hub does not give it"
        raise UsageError(f"data.path={path}: {what} ({reason})") from error
    return found if isinstance(found, Mapping) else {"train": found}


def _builder(file: Path) -> str:
    if file.suffix.lower() not in FILES:
        raise UsageError(f"data.path={file}: must be a folder, or a file that ends in {', '.join(FILES)}")
    return FILES[file.suffix.lower()]


def _names(found: Mapping[str, Any], split: str, test_split: str | None, label: str) -> dict[str, str]:
    """The splits for training, testing and validation, as far as there are such, in this order. Raises UsageError."""
    for key, name in (("split", split), ("test_split", test_split)):
        if name is not None and name not in found:
            raise UsageError(unknown("split", f"data.{key}=", name, found))
    _column(label, found[split].features, "data.label")
    labelled = [name for name in HELD_OUT if name in found and name != split and _has_labels(found[name], label)]
    test = test_split or next(iter(labelled), None)
    rest = [name for name in labelled if name not in (test, "test")]
    if test is None:
        return {"train": split}
    return {"train": split, "test": test} | ({"validation": rest[0]} if rest else {})


def _has_labels(data: Any, label: str) -> bool:
    """Hidden labels are -1 or missing throughout."""
    if label not in data.features or not len(data):
        return False
    values = pd.Series(data[label][:])
    return bool(values.notna().all()) and not (pd.api.types.is_numeric_dtype(values) and (values == -1).all())


def _column(name: str, features: Mapping[str, Any], key: str) -> str:
    if name not in features:
        raise UsageError(unknown("column", f"{key}=", name, features))
    return name


def _of_kind(features: Mapping[str, Any], kind: str) -> list[str]:
    return [name for name, feature in features.items() if type(feature).__name__ == kind]


def _texts(data: Any, others: list[str | None]) -> str | None:
    """The only column of strings, if its cells are texts. Raises UsageError where several are, all of them different,
    so that they are no categories."""
    strings = [n for n, f in data.features.items() if getattr(f, "dtype", "") in ("string", "large_string")]
    strings = [name for name in strings if name not in others]
    cells = {name: [cell for cell in data[name][:PROBED] if cell] for name in strings}
    if len(strings) == 1:
        return strings[0] if words_each(cells[strings[0]]) >= WORDY else None
    if several := [name for name in strings if are_texts(cells[name])]:
        cure = f"set data.text={several[0]}, or leave them out by data.ignore=[{','.join(several)}]"
        raise UsageError(f"data=huggingface: {' and '.join(several)} hold texts, of which a model reads one; {cure}")
    return None


def _rows(data: Any, source: str) -> Rows:
    """A split's columns but for images, classes by their names."""
    data = data.remove_columns([name for kind in ("Image", "Audio", "Video") for name in _of_kind(data.features, kind)])
    frame = data.to_pandas()
    for name in _of_kind(data.features, "ClassLabel"):
        codes = frame[name].fillna(-1).astype(int)
        frame[name] = pd.Categorical.from_codes(codes, data.features[name].names)
    return rows_of(frame, source).named()


class Encoded(io.BytesIO):
    """An image in a split, with the words for it in a complaint."""

    def __init__(self, content: bytes, words: str) -> None:
        super().__init__(content)
        self.name = words

    def __str__(self) -> str:
        return self.name


def _images(parts: dict[str, Any], column: str, label: str, task: str, keys: Keys, kind: Kind) -> Source:
    rows = {part: _rows(data, f"data.path, {part}") for part, data in parts.items()}
    train, options = rows["train"], Options(missing=[])
    keys.apart(train, label, options)
    targets = Targets.of(train, label, task, options, Marks(train, [label], options))
    splits, depth, said = [], None, []
    for part, data in parts.items():
        found = decode(_encoded(data, column, part), kind, depth)
        depth, kind = found.depth, kind.of_channels(found.images.shape[1])
        splits.append(Split(found.images, targets(rows[part])))
        said.append(f"{part}: {len(data)} images of {_sides(found.images)}")
    if len({split.x.shape[1:] for split in splits}) > 1:
        raise UsageError("data=huggingface: the splits have images of several sizes; set data.size, as data.size=32")
    said = [targets.words(splits[0].y), *said, *train.unused(label, keys.group, keys.order)]
    return Source(
        splits[0],
        targets.outputs,
        (*splits, None)[1],
        folder.fit,
        targets.task,
        tuple(said),
        names=targets.names,
        groups=keys.groups(train),
        order=keys.places(train, options),
        val=(*splits, None, None)[2],
        reader=Images(
            list(splits[0].x.shape[1:]),
            [*targets.names],
            kind.shape is not None,
            kind.alpha,
            depth and [*depth],
            numbers=is_number(targets.task),
            label=label,
        ),
    )


def _encoded(data: Any, column: str, part: str) -> list[Any]:
    """What is to be decoded: files, or the bytes of one."""
    import datasets

    cells = data.cast_column(column, datasets.Image(decode=False))[column][:]
    if None in cells:
        raise UsageError(f"data.image={column}: row {cells.index(None)} of {part} has no image")
    return [
        Path(cell["path"]) if cell["bytes"] is None else Encoded(cell["bytes"], f"image {i} of {part}")
        for i, cell in enumerate(cells)
    ]


def _sides(images: torch.Tensor) -> str:
    return f"{images.shape[3]}×{images.shape[2]}, {'grey' if images.shape[1] == 1 else 'in colour'}"
