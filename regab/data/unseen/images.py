"""Images: files, folders of them, tables with a column of their names, or arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regab.data.inputs.depth import Depth
from regab.data.inputs.images import Kind, Picture, decode, image_endings, visible
from regab.data.unseen.containers import Held, held, is_array, is_data_set, is_plain, of_data_set
from regab.data.unseen.examples import Examples, a_kind, existing, is_path, of_names
from regab.data.unseen.sheet import Sheet, is_table, plain_numbers, sheet_of
from regab.errors import UsageError

FILES = ("file", "path", "filename", "file_name", "image", "image_path")
LABELS = ("label", "class", "target")
TABLES = (".csv", ".tsv", ".parquet", ".jsonl")
WHOLE = Depth(0, 2**16 - 1, as_bytes=True)  # of 16-bit images where training had none


@dataclass
class Images:
    """What the images of training were: ``shape`` ``[C, H, W]``, whether others are ``scaled`` to it, the background
    of transparent ones, their ``depth`` (low, high, as bytes) if they had more than 8 bits, and whether pixels are
    ``floats`` from 0 to 1 before they are encoded. ``classes`` are their names; with ``numbers``, targets are these.
    ``label`` is what a table calls them, if not as in ``LABELS``."""

    shape: list[int]
    classes: list[str]
    scaled: bool = True
    alpha: str = "white"
    depth: list[Any] | None = None
    floats: bool = False
    numbers: bool = False
    label: str = ""

    def read(self, given: Any, encode: Any = None) -> Examples:
        """Files in a folder of the name of a class have this label. Raises UsageError for what is no image."""
        given = given.tolist() if hasattr(given, "tolist") and _are_words(given) else given
        if is_array(given) or (isinstance(given, list | tuple) and given and all(map(is_plain, given))):
            return self._of_array(held(given if is_array(given) else _stacked(given), self.shape))
        if pictures := _pictures(given):
            found = self._decoded(pictures, "predict")
            found.places = {}
            return found
        if is_table(given) or (is_path(given) and Path(given).suffix.lower() in TABLES):
            return self._of_sheet(sheet_of(given), Path() if is_table(given) else Path(given).parent)
        if is_data_set(given) and not is_path(given):
            return self._of_data_set(given)
        if not is_path(given) and not (isinstance(given, list | tuple) and all(map(is_path, given))):
            raise UsageError(f"predict: {a_kind(given)} holds no images; give files, a folder, or an array")
        files, skipped = _files([given] if is_path(given) else given)
        found = self._decoded(files, str(given) if is_path(given) else "predict")
        found.said += [f"{skipped} files skipped that are no images"] if skipped else []
        of_class = [self._class_of(file, [Path(given)] if is_path(given) else []) for file in files]
        found.label([*map(bool, of_class)], lambda rows: self._targets([of_class[row] for row in rows], "a folder"))
        return found

    def _class_of(self, file: Path, roots: Sequence[Path]) -> str:
        """The class that the innermost folder in what was given, or that itself, or a single file's, is named after."""
        inside = next((file.relative_to(root).parts[:-1] for root in roots if root in file.parents), ())
        outside = file.absolute().parents[len(inside)].name
        return next((part for part in (*reversed(inside), outside) if part in self.classes), "")

    def _decoded(self, files: Sequence[Any], key: str) -> Examples:
        color = "grey" if self.shape[0] == 1 else "rgb"
        kind = Kind(key, (self.shape[1], self.shape[2]) if self.scaled else None, color, self.alpha)
        read = decode(list(files), kind, Depth(*self.depth) if self.depth else WHOLE, tuple(self.shape))
        said = [f"{read.animated} images have several frames, of which the first is taken"] if read.animated else []
        return Examples(self._pixels(read.images), places={"file": [str(file) for file in files]}, said=said)

    def _pixels(self, images: Tensor) -> Tensor:
        return images.float().div_(255) if self.floats and images.dtype == torch.uint8 else images

    def _of_sheet(self, sheet: Sheet, folder: Path) -> Examples:
        column = next((name for name in sheet.columns if name.lower() in FILES), None)
        if column is None and (pixels := self._pixels_of(sheet)) is not None:
            return pixels
        if column is None:
            raise UsageError(f"{sheet.source}: has no column of image files; call it {FILES[0]}")
        files = [existing(folder / name) for name in sheet.columns[column]]
        found = self._decoded(files, sheet.source)
        found.places, found.frame = {"file": sheet.columns[column]}, sheet.frame
        if label := next((name for name in sheet.columns if name == self.label or name.lower() in LABELS), None):
            cells = sheet.columns[label]
            found.label([*map(bool, cells)], lambda rows: self._targets([cells[row] for row in rows], label))
        return found

    def _pixels_of(self, sheet: Sheet) -> Examples | None:
        """Grey images of a table with a column for every pixel."""
        labels = [name for name in sheet.columns if name == self.label or name.lower() in LABELS]
        names = [name for name in sheet.columns if name not in labels]
        if self.shape != [1, *self.shape[1:]] or len(names) != self.shape[1] * self.shape[2]:
            return None
        x = np.stack([plain_numbers(sheet, name) for name in names], 1)
        y = np.array(sheet.columns[labels[0]], dtype=object) if labels and all(sheet.columns[labels[0]]) else None
        found = self._of_array(Held(x.astype(np.int64) if (x % 1 == 0).all() else x, y, sheet.source, list(sheet.said)))
        found.places, found.frame = sheet.places, sheet.frame
        return found

    def _of_data_set(self, given: Any) -> Examples:
        items = [given[i] for i in range(len(given))]
        pairs = bool(items) and all(isinstance(item, tuple | list) and len(item) == 2 for item in items)
        pictures = _pictures([item[0] for item in items] if pairs else items)
        if not pictures:
            return self._of_array(of_data_set(given))
        found = self._decoded(pictures, "the data set")
        found.places = {}
        if pairs:
            found.label([True] * len(items), lambda rows: self._targets([item[1] for item in items], "a label"))
        return found

    def _of_array(self, given: Held) -> Examples:
        array, labels, source, said = given
        x = self._pixels(torch.from_numpy(_with_channels(array, self.shape, source)))
        if x.is_floating_point() and not self.depth and (x.min() < 0 or x.max() > 1):
            raise UsageError(f"{source}: pixels are from {x.min():g} to {x.max():g}; give bytes, or floats from 0 to 1")
        found = Examples(x, said=said)
        if labels is not None:
            if len(labels) != len(x):
                raise UsageError(f"{source}: has {len(x)} images, but {len(labels)} labels")
            found.label([True] * len(x), lambda rows: self._targets(labels.tolist(), f"{source}: a label"))
        return found

    def _targets(self, labels: Sequence[Any], where: str) -> Tensor:
        if self.numbers:
            return torch.from_numpy(_floats(labels, where))
        return torch.tensor(of_names(labels, self.classes, where))


def _pictures(given: Any) -> list[Picture]:
    """Pillow's images, one or a list."""
    pictures = given if isinstance(given, list | tuple) else [given]
    if not all(hasattr(each, "getbands") for each in pictures):
        return []
    return [Picture(each, f"image {number}") for number, each in enumerate(pictures)]


def _are_words(given: Any) -> bool:
    words = given.tolist()
    return isinstance(words, list) and bool(words) and all(isinstance(word, str) for word in words)


def _stacked(given: Sequence[Any]) -> np.ndarray:
    if len(shapes := {tuple(each.shape) for each in given}) > 1:
        one, two = sorted(shapes)[:2]
        raise UsageError(f"predict: images have several shapes, as {[*one]} and {[*two]}; give them as files")
    return np.stack([np.asarray(each) for each in given])


def _with_channels(array: np.ndarray, shape: list[int], source: str) -> np.ndarray:
    """``[N, C, H, W]`` of ``[N, H, W]`` or ``[N, H, W, C]``, of grey ones ``[N, H·W]`` too; bytes or float32."""
    own = [*array.shape]
    if array.dtype.kind not in "fiub":
        raise UsageError(f"{source}: holds {array.dtype}, not numbers")
    if array.ndim == 2 and shape[0] == 1 and array.shape[1] == shape[1] * shape[2]:
        array = array.reshape(-1, *shape)
    if array.ndim == 3:
        array = array[:, None]
    if array.ndim == 4 and [*array.shape[1:]] != shape and [array.shape[3], *array.shape[1:3]] == shape:
        array = array.transpose(0, 3, 1, 2)
    if [*array.shape[1:]] != shape:
        raise UsageError(f"{source}: has the shape {own}, but the images of training are {shape}")
    whole = array.dtype.kind in "iu" and array.size and array.min() >= 0 and 1 < array.max() <= 255
    return np.array(array, dtype=np.uint8 if array.dtype == np.uint8 or whole else np.float32)


def _files(given: Sequence[Any]) -> tuple[list[Path], int]:
    """Image files in their order, of folders all that are in them; and how many others there are."""
    files, skipped, endings = list[Path](), 0, image_endings()
    for path in map(existing, given):
        inside = [file for file in sorted(path.rglob("*")) if file.is_file() and visible(file, path)]
        images = [file for file in inside if file.suffix.lower() in endings]
        skipped += len(inside) - len(images)
        files += images if path.is_dir() else [path]
    if not files:
        raise UsageError(f"{', '.join(map(str, given))}: holds no images")
    return files, skipped


def _floats(labels: Sequence[Any], where: str) -> np.ndarray:
    try:
        return np.array([float(label) for label in labels])
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from error
