"""Examples that are numbers: arrays, their files, and tables of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regab.data.inputs.images import image_endings
from regab.data.own.plain import numbers_of_objects
from regab.data.tables.numbers import PLAIN
from regab.data.tables.rows import read_rows
from regab.data.unseen.containers import LABELS, Held, held, is_array, is_data_set, of_data_set
from regab.data.unseen.examples import Examples, a_kind, existing, is_path, of_names
from regab.data.unseen.sheet import Sheet, is_frame_file, is_row, is_table, of_rows, plain_numbers, sheet_of
from regab.errors import UsageError

COUNTED = 3  # so many columns may have 0, 1, 2 as an example; more of them are numbered, as pandas does without names


def is_image(given: Any) -> bool:
    """Whether this is a folder, a file that is an image by its name, or a list of such."""
    if isinstance(given, list | tuple):
        return bool(given) and all(is_path(each) and is_image(each) for each in given)
    return is_path(given) and (Path(given).is_dir() or Path(given).suffix.lower() in image_endings())


@dataclass
class Arrays:
    """Inputs of a ``shape``, without the number of examples, and a ``dtype``; where training had none (None), as they
    are given. ``classes`` are names, and so are ``features``, of columns; ``numbers``: targets are numbers. Of images,
    ``white`` is what the brightest pixel may be, 1 or 255; 0: nothing says so."""

    shape: list[int] | None
    dtype: str
    classes: list[str]
    features: list[str]
    numbers: bool = False
    white: float = 0

    def read(self, given: Any, encode: Any = None) -> Examples:
        """Raises UsageError for another shape, and for what is no finite number."""
        if is_array(given):
            return self._examples(held(given, self.shape))
        if self.shape is not None and is_image(given):
            return self._of_images(given)
        if is_path(given) or is_table(given) or is_row(given):
            return self._of_sheet(given)
        if is_data_set(given):
            return self._examples(of_data_set(given))
        if not isinstance(given, list | tuple):
            raise UsageError(f"predict: {a_kind(given)} holds no examples; give an array, a file or a DataFrame")
        if self.shape is None:
            return Examples(given)
        try:
            return self._examples(Held(np.asarray(given, dtype=np.float64), None, "the list", []))
        except (ValueError, TypeError) as error:
            raise UsageError(f"predict: the list is no array of numbers ({error})") from error

    def _of_images(self, given: Any) -> Examples:
        from regab.data.unseen.images import Images

        assert self.shape is not None, "who has no shape has no images"
        if not self.white:
            raise UsageError(f"predict: examples of training are {self.shape}, no images; give an array (.npy, .npz)")
        found = Images(self.shape, self.classes, scaled=False, floats=True).read(given)
        found.x = found.x * self.white
        return found

    def _examples(self, given: Held) -> Examples:
        found = Examples(self._inputs(given.x, given.source), said=given.said)
        if (labels := given.y) is not None:
            if len(labels) != len(found):
                raise UsageError(f"{given.source}: has {len(found)} inputs, but {len(labels)} labels")
            found.label([True] * len(found), lambda rows: self._targets(labels, given.source))
        return found

    def _inputs(self, array: np.ndarray, source: str) -> Any:
        if self.shape is None:
            return array
        array = numbers_of_objects(array) if array.dtype.kind == "O" else array
        if array.dtype.kind not in "fiub":
            raise UsageError(f"{source}: holds {array.dtype}, not numbers")
        if array.ndim < 1 or not len(array) or math.prod(array.shape[1:]) != math.prod(self.shape):
            shape = ", ".join(map(str, ["N", *self.shape]))
            raise UsageError(f"{source}: has the shape {[*array.shape]}, but must have [{shape}]")
        if bad := (~np.isfinite(array.reshape(len(array), -1))).any(1).nonzero()[0].tolist():
            raise UsageError(f"{source}: {len(bad)} examples hold NaN or infinity, the first in row {bad[0]}")
        self._check_white(array, source)
        array = _channels_first(array, self.shape, source)
        native = np.array(array, dtype=array.dtype.newbyteorder("="))  # a copy, which may be written to
        x = torch.from_numpy(native).to(getattr(torch, self.dtype))
        return x.reshape(len(x), *self.shape)

    def _check_white(self, array: np.ndarray, source: str) -> None:
        """That pixels are as bright as those of training, from 0 to 1 or to 255."""
        high = float(array.max())
        if (self.white == 1 and high > 1) or (self.white > 1 and 0 < high <= 1 and array.dtype.kind == "f"):
            words = f"pixels are from {array.min():g} to {high:g}, but those of training from 0 to {self.white:g}"
            raise UsageError(f"{source}: {words}; scale them as these")

    def _targets(self, labels: np.ndarray, where: str) -> Tensor:
        if self.numbers:
            return torch.from_numpy(labels.astype(np.float64))
        labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
        if labels.ndim > 1:
            return torch.from_numpy(labels.astype(np.float64 if labels.dtype.kind == "f" else np.int64))
        return torch.tensor(of_names(labels.tolist(), self.classes, f"{where}: a label"))

    def _of_sheet(self, given: Any) -> Examples:
        """Columns by their names, where they are known, else in their order."""
        sheet = _sheet(given)
        if self.shape is None:
            return Examples(sheet.frame.to_numpy(), places=sheet.places, frame=sheet.frame)
        names, said = self._columns(sheet)
        x = np.stack([plain_numbers(sheet, name) for name in names], 1)
        found = self._examples(Held(x, None, sheet.source, []))
        found.places, found.frame, found.said = sheet.places, sheet.frame, [*sheet.said, *said]
        if label := next((name for name in LABELS if name in sheet.columns and name not in names), None):
            cells = sheet.columns[label]
            found.label([*map(bool, cells)], lambda rows: self._of_cells(sheet, label, rows))
        return found

    def _of_cells(self, sheet: Sheet, label: str, rows: np.ndarray) -> Tensor:
        values = plain_numbers(sheet, label) if self.numbers else np.array(sheet.columns[label], dtype=object)
        return self._targets(values[rows], sheet.source)

    def _columns(self, sheet: Sheet) -> tuple[list[str], list[str]]:
        assert self.shape is not None, "what has no shape is taken as it is"
        if self.features and {*self.features} <= {*sheet.columns}:
            return list(self.features), []
        wanted, names = math.prod(self.shape), list(sheet.columns)
        if len(names) > wanted:
            names = [name for name in names if name not in LABELS]
        if len(names) != wanted:
            missing = [name for name in self.features if name not in sheet.columns]
            words = f"; it lacks {missing[0]!r}" if missing and len(missing) < len(self.features) else ""
            raise UsageError(f"{sheet.source}: has {len(names)} columns of inputs, but training had {wanted}{words}")
        if self.features and {*self.features} & {*names}:
            lost = next(name for name in self.features if name not in names)
            raise UsageError(f"{sheet.source}: has no column {lost!r}, which the training data had")
        return names, ["columns are taken in their order, since their names are not those of training"]


def _channels_first(array: np.ndarray, shape: list[int], source: str) -> np.ndarray:
    """Examples ``[N, …]`` in the order of axes that those of training have. Raises UsageError where it is unclear."""
    own = [*array.shape[1:]]
    if own == shape or 1 in (len(own), len(shape)) or [n for n in own if n != 1] == [n for n in shape if n != 1]:
        return array
    if len(own) == 3 and [own[2], *own[:2]] == shape:
        return np.moveaxis(array, 3, 1)
    raise UsageError(f"{source}: has the shape {[*array.shape]}, but must have [{', '.join(map(str, ['N', *shape]))}]")


def _sheet(given: Any) -> Sheet:
    if not is_path(given) or is_frame_file(existing(given)):
        return sheet_of(given)
    rows = read_rows(str(given), "")
    first = [cells[0] for cells in rows.columns.values()]
    counted = len(first) > COUNTED and first == [str(number) for number in range(len(first))]
    return of_rows(rows if all(map(PLAIN.fullmatch, first)) and not counted else rows.named())
