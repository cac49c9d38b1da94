"""Any table with a column to predict: numbers and categories, missing values among them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regab.data.rows import Rows, read_rows
from regab.data.split import Encode, Source, Split
from regab.errors import UsageError

MISSING = {"", "na", "n/a", "nan", "null", "none", "?"}
MOST_CLASSES = 20  # whole numbers that differ more than this are a quantity


@dataclass
class Columns:
    """Numbers ``[N, A]`` (float64, NaN where missing) and words ``[N, C]``; ``[rows]`` takes some of the rows."""

    numbers: np.ndarray
    words: np.ndarray

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, rows: np.ndarray) -> Columns:
        return Columns(self.numbers[rows], self.words[rows])


def load(
    path: str,
    label: str,
    test_path: str | None = None,
    task: str = "auto",
    numeric: list[str] | None = None,
    categorical: list[str] | None = None,
    ignore: list[str] | None = None,
    delimiter: str = "auto",
    max_categories: int = 100,
) -> Source:
    """A CSV or TSV file whose first line names the columns, of which ``label`` is to be predicted from the others.

    Columns in which everything present is a number are numeric, the others categorical, but for those named in
    ``numeric``, ``categorical`` and ``ignore``. Missing are empty cells and NA, N/A, NaN, null, None and ``?``.
    ``task``: ``regression`` if the label is a number with decimals, or one of more than 20 whole numbers; else
    ``classification``; or as said. See ``fitter`` for how columns are encoded. Raises UsageError for whatever is wrong
    with the files, naming the line.
    """
    if task not in ("auto", "classification", "regression"):
        raise UsageError(f"data.task={task}: must be auto, classification or regression")
    if max_categories < 1:
        raise UsageError(f"data.max_categories={max_categories}: must be at least 1")
    train = read_rows(path, "data.path", delimiter).named()
    features = Features.of(train, label, numeric or [], categorical or [], ignore or [])
    targets = Targets.of(train, label, task)
    parts = [Split(features(rows), targets(rows)) for rows in _files(train, test_path, delimiter)]
    classes = len(targets.classes) or 1
    return Source(parts[0], classes, (*parts, None)[1], fitter(max_categories), targets.task)


def _files(train: Rows, test_path: str | None, delimiter: str) -> list[Rows]:
    return [train] if test_path is None else [train, read_rows(test_path, "data.test_path", delimiter).named()]


@dataclass
class Features:
    """Which columns are read as numbers and which as words."""

    numeric: list[str]
    categorical: list[str]

    @staticmethod
    def of(rows: Rows, label: str, numeric: list[str], categorical: list[str], ignore: list[str]) -> Features:
        """Named columns as they were named, the others by what is in them."""
        rows.column(label, "data.label")
        for key, names in (("numeric", numeric), ("categorical", categorical), ("ignore", ignore)):
            for name in names:
                rows.column(name, f"data.{key}")
        left = [name for name in rows.columns if name not in {label, *ignore}]
        if not left:
            raise UsageError(f"{rows.source}: has no column but {label}, so there is nothing to predict it from")
        numbers = [n for n in left if n in numeric or (n not in categorical and _parsed(rows.columns[n]) is not None)]
        return Features(numbers, [name for name in left if name not in numbers])

    def __call__(self, rows: Rows) -> Columns:
        """Raises UsageError where a column is missing, or a cell of a numeric one is no number."""
        for name in (*self.numeric, *self.categorical):
            if name not in rows.columns:
                raise UsageError(f"{rows.source}: has no column {name!r}, which the training data have")
        numbers = [_as_numbers(rows, name) for name in self.numeric]
        words = [["" if _missing(c) else c for c in rows.columns[name]] for name in self.categorical]
        n = len(rows.lines)
        return Columns(
            np.array(numbers, dtype=np.float64).reshape(-1, n).T, np.array(words, dtype=object).reshape(-1, n).T
        )


@dataclass
class Targets:
    """How labels are read: ``classes`` by name and number, none in a regression."""

    label: str
    task: str
    classes: dict[Any, int] = field(default_factory=dict)

    @staticmethod
    def of(rows: Rows, label: str, task: str) -> Targets:
        """By what is in the training data. Raises UsageError where a label is missing or all are the same."""
        cells = rows.columns[label]
        for row, cell in enumerate(cells):
            if _missing(cell):
                raise UsageError(f"{rows.at(row)}: has no {label}, which is to be predicted")
        distinct = sorted(set(_values(cells)), key=lambda value: (isinstance(value, str), value))
        if len(distinct) == 1:
            raise UsageError(f"data.label={label}: is {cells[0]!r} in all rows, so there is nothing to tell apart")
        if task == "auto":
            whole = all(isinstance(value, str) or value == round(value) for value in distinct)
            few = len(distinct) <= MOST_CLASSES or any(isinstance(value, str) for value in distinct)
            task = "classification" if whole and few else "regression"
        if task == "regression":
            return Targets(label, task)
        return Targets(label, task, {value: number for number, value in enumerate(distinct)})

    def __call__(self, rows: Rows) -> Tensor:
        """Numbers of the classes ``[N]`` (int64), or the numbers themselves (float64)."""
        cells = rows.column(self.label, "data.label")
        if self.task == "regression":
            numbers = _as_numbers(rows, self.label)
            for row in np.flatnonzero(np.isnan(numbers)):
                raise UsageError(f"{rows.at(row)}: has no {self.label}, which is to be predicted")
            return torch.from_numpy(numbers)
        values = _values(cells)
        for row, value in enumerate(values):
            if value not in self.classes:
                raise UsageError(f"{rows.at(row)}: {self.label} is {cells[row]!r}, which the training data do not have")
        return torch.tensor([self.classes[value] for value in values])


def fitter(max_categories: int) -> Any:
    """How ``Columns`` are encoded, learned from the training examples: ``[N, F]`` float32, three kinds of columns.

    Numbers, less their mean and over their deviation, the missing ones replaced by the median first; for each numeric
    column that has missing values, 1 where it has and else 0; for each categorical column a block of zeros with a 1 at
    the word's place. ``missing`` is a word as others are. Words that training lacks, and those beyond the
    ``max_categories`` most frequent, have no place: their block is zero throughout, which stands for "another". A model
    that asks for ``categories`` gets the widths of the blocks, which are the last columns.
    """

    def fit(train: Columns) -> tuple[Encode, dict[str, Any]]:
        missing = np.isnan(train.numbers)
        present = [column[~np.isnan(column)] for column in train.numbers.T]
        medians = np.array([np.median(column) if len(column) else 0.0 for column in present])
        filled = np.where(missing, medians, train.numbers)
        mean, deviation = filled.mean(0), filled.std(0)
        deviation[deviation == 0] = 1
        gaps = missing.any(0)
        places = [_places(column, max_categories) for column in train.words.T]

        def encode(examples: Columns) -> Tensor:
            absent = np.isnan(examples.numbers)
            scaled = (np.where(absent, medians, examples.numbers) - mean) / deviation
            blocks = [_one_hot(column, known) for column, known in zip(examples.words.T, places, strict=True)]
            return torch.from_numpy(np.concatenate([scaled, absent[:, gaps], *blocks], 1).astype(np.float32))

        return encode, {"categories": tuple(map(len, places))}

    return fit


def _places(words: np.ndarray, most: int) -> dict[str, int]:
    """The most frequent words (of equally frequent ones, the first in the alphabet), numbered in alphabetical order."""
    counted = sorted(Counter(words.tolist()).items(), key=lambda item: (-item[1], item[0]))
    return {word: number for number, word in enumerate(sorted(word for word, _ in counted[:most]))}


def _one_hot(words: np.ndarray, places: dict[str, int]) -> np.ndarray:
    numbers = np.array([places.get(word, -1) for word in words.tolist()], dtype=np.int64)
    return (numbers[:, None] == np.arange(len(places))).astype(np.float32)


def _missing(cell: str) -> bool:
    return cell.lower() in MISSING


def _values(cells: list[str]) -> list[float | str]:
    """The number of each cell that is one, the others as they are."""
    numbers = _parsed(cells)
    if numbers is not None:
        return numbers.tolist()
    single = {cell: _parsed([cell]) for cell in set(cells)}
    return [cell if single[cell] is None else float(single[cell][0]) for cell in cells]


def _parsed(cells: list[str]) -> np.ndarray | None:
    """Finite numbers, NaN where missing; None where a cell is neither. At once: 40 ms for 200,000 cells."""
    try:
        numbers = np.array(["nan" if _missing(cell) else cell for cell in cells], dtype=np.float64)
    except ValueError:
        return None
    return None if np.isinf(numbers).any() else numbers


def _as_numbers(rows: Rows, name: str) -> np.ndarray:
    cells = rows.columns[name]
    numbers = _parsed(cells)
    if numbers is not None:
        return numbers
    row = next(row for row, cell in enumerate(cells) if _parsed([cell]) is None)
    raise UsageError(f"{rows.at(row)}: {name} is {cells[row]!r}, and not a number as elsewhere in that column")
