"""Rows of a table, its columns read as those of the training data were."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regab.data.tables.columns import Column, Options
from regab.data.tables.dates import EPOCH
from regab.data.tables.encode import Cells
from regab.data.tables.labels import is_number
from regab.data.tables.remarks import unlike_training
from regab.data.tables.several import SeveralTargets
from regab.data.unseen.examples import Examples
from regab.data.unseen.sheet import Sheet, sheet_of
from regab.errors import UsageError

SHOWN = 3
DAY = np.timedelta64(24 * 3600 * 10**6, "us")


@dataclass
class Tables:
    """What was found of the training table: its ``columns``, ``options`` and ``targets``."""

    columns: list[Column]
    options: Options
    targets: Any
    delimiter: str = "auto"
    encoding: str = "auto"

    @property
    def classes(self) -> list[str]:
        return [*self.targets.names]

    def read(self, given: Any, encode: Any = None) -> Examples:
        """From a file or a frame; columns may stand in any order, and there may be others.

        Raises UsageError where a column is missing, or a cell of a numeric one is no number.
        """
        sheet = sheet_of(given, self.delimiter, self.encoding)
        used = [column for column in self.columns if column.kind != "ignored"]
        self.check_columns(sheet, used)
        numbers = [self.numbers(sheet, column) for column in used if column.kind == "numeric"]
        categorical = [column for column in used if column.kind == "categorical"]
        known = encode.words if encode else [[]] * len(categorical)
        words = [self._words(sheet, column, its) for column, its in zip(categorical, known, strict=True)]
        n = len(sheet.lines)
        cells = Cells(
            np.array(numbers, dtype=np.float64).reshape(-1, n).T, np.array(words, dtype=object).reshape(-1, n).T
        )
        found = Examples(cells, places=sheet.places, said=[*sheet.said, *self._said(sheet, used, cells, encode)])
        found.frame = sheet.frame
        if all(name in sheet.columns for name in self.labels):
            cells_of = zip(*(sheet.columns[name] for name in self.labels), strict=True)
            found.label([not any(map(self.absent, row)) for row in cells_of], lambda rows: self.targets_of(sheet, rows))
        return found

    @property
    def labels(self) -> list[str]:
        several = isinstance(self.targets, SeveralTargets)
        return [*self.targets.names] if several else [str(self.targets.label)]

    def check_columns(self, sheet: Sheet, used: list[Column]) -> None:
        if missing := [column.name for column in used if column.name not in sheet.columns]:
            there = f"; it has {_some([*map(repr, sheet.columns)])}" if len(missing) == len(used) else ""
            names = _some([*map(repr, missing)])
            raise UsageError(f"{sheet.source}: has no column {names}, which the training data had{there}")

    def numbers(self, sheet: Sheet, column: Column) -> np.ndarray:
        name = column.name
        if name in sheet.instants and column.date:
            return np.where(np.isnat(sheet.instants[name]), np.nan, (sheet.instants[name] - EPOCH) / DAY)
        if name in sheet.instants or (name in sheet.numbers and column.date):
            kinds = ("dates", "numbers") if column.date else ("numbers", "dates")
            raise UsageError(f"{sheet.source}: {name} has {kinds[1]}, but in the training data it had {kinds[0]}")
        if name in sheet.numbers:
            found = sheet.numbers[name]
            return np.where(np.isin(found, [*self.options.no_number.numbers]), np.nan, found)
        return column.numbers(sheet, self.options, "mend it, or leave the cell empty")

    def _words(self, sheet: Sheet, column: Column, known: list[str]) -> list[str]:
        cells = sheet.columns[column.name]
        if column.name in sheet.numbers:
            cells = _with_zeros(cells, known)
        return ["" if self.absent(cell) else cell for cell in cells]

    def absent(self, cell: str) -> bool:
        return cell.lower() in self.options.absent

    def targets_of(self, sheet: Sheet, rows: np.ndarray) -> Tensor:
        """The targets of some rows. Raises UsageError."""
        some = sheet.part({name: sheet.columns[name] for name in self.labels}, rows)
        if not is_number(self.targets.task):
            return self.targets(some)
        columns = getattr(self.targets, "columns", None) or [self.targets.column]
        found = [self._number(sheet, some, column, rows) for column in columns]
        return torch.from_numpy(np.stack(found, 1) if len(found) > 1 else found[0])

    def _number(self, sheet: Sheet, some: Sheet, column: Column, rows: np.ndarray) -> np.ndarray:
        typed = column.name in sheet.numbers
        values = sheet.numbers[column.name][rows] if typed else column.numbers(some, self.options, "mend it")
        if (wrong := np.flatnonzero(~np.isfinite(values))).size:
            cell = some.columns[column.name][wrong[0]]
            raise UsageError(f"{some.at(wrong[0])}: {column.name} is {cell!r}, and not a finite number")
        return values

    def _said(self, sheet: Sheet, used: list[Column], cells: Cells, encode: Any) -> list[str]:
        said = []
        known = {*self.labels, *(column.name for column in self.columns)}
        if extra := [name for name in sheet.columns if name not in known]:
            said.append(f"not used, as training had no such columns: {_some(extra)}")
        if typed := [column.name for column in used if column.unit == "%" and column.name in sheet.numbers]:
            said.append(f"numbers, where training had %; they are taken as 0.1 for 10 %: {_some(typed)}")
        if encode is not None:
            said += unlike_training(used, cells, encode.gaps, encode.words)
        return said


def _with_zeros(cells: list[str], known: list[str]) -> list[str]:
    """Numbers, each of which is the only one that begins with zeros among words that training knew, as that word:

    ``7`` as ``007``, which pandas makes ``7``.
    """
    begun = [(word.lstrip("0") or "0", word) for word in known if word.startswith("0")]
    times = Counter([*known, *(digits for digits, _ in begun)])
    words = {digits: word for digits, word in begun if times[digits] == 1}
    return [words.get(cell, cell) for cell in cells]


def _some(items: list[str]) -> str:
    return ", ".join([*items[:SHOWN], *([f"and {len(items) - SHOWN} more"] if len(items) > SHOWN else [])])
