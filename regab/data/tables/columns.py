"""Which columns of a table are numbers, dates or words, decided by all that is in them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from regab.data.tables.dates import date_forms, date_numbers, in_words
from regab.data.tables.numbers import (
    INFINITE,
    MISSING,
    MISSING_NUMBER,
    PLAIN,
    MissingWords,
    Spelling,
    form,
    plain_numbers,
    value,
)
from regab.data.tables.rows import Rows
from regab.errors import UsageError

NEARLY = 0.9  # of a column's cells that make it a column of numbers, in which the others are mistakes
MANY = 10  # different numbers beside which a single word, however frequent, is no category
UNNAMED = re.compile(r"Unnamed: ?\d+")  # what pandas calls a column without a name
MARKS = {"auto": None, "point": ".", "comma": ",", ".": ".", ",": ","}


@dataclass
class Options:
    """What the user says of columns. ``missing``: the words for it, in place of the usual ones; empty cells always.

    ``apart`` are columns that divide rows and are no features, by the option that names them.
    """

    numeric: list[str] = field(default_factory=list)
    categorical: list[str] = field(default_factory=list)
    ignore: list[str] = field(default_factory=list)
    missing: Any = None
    decimal: str = "auto"
    day_first: bool | None = None
    apart: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.decimal not in MARKS:
            raise UsageError(f"data.decimal={self.decimal}: must be auto, point or comma")
        given = self.missing is not None
        if given and not isinstance(self.missing, list):
            raise UsageError(f"data.missing={self.missing}: must be a list, as [{self.missing}], or null for the usual")
        own = MissingWords(["", *("null" if w is None else str(w).strip().lower() for w in self.missing or [])])
        self.absent = own if given else MissingWords(MISSING)
        self.no_number = own if given else MissingWords((*MISSING, *MISSING_NUMBER))

    def plain(self, cells: list[str]) -> np.ndarray | None:
        """The numbers of cells that are all written as in Python; None where one is not, or points are no decimals."""
        if MARKS[self.decimal] == "," and any("." in cell for cell in cells):
            return None
        return plain_numbers(cells, self.no_number)

    def spelling(self, cells: list[str]) -> Spelling:
        """How the numbers of cells are written."""
        return Spelling.of(cells, self.no_number, MARKS[self.decimal] or ".,")

    def check(self, rows: Rows, label: str) -> None:
        """Raises UsageError for columns that do not exist or are said to be two things."""
        lists = {"numeric": self.numeric, "categorical": self.categorical, "ignore": self.ignore}
        for key, names in lists.items():
            for name in names:
                rows.column(name, f"data.{key}")
                if twice := [other for other, also in lists.items() if other != key and name in also]:
                    raise UsageError(f"data.{key}=[{name}]: is also in data.{twice[0]}; take it out of one of them")
                if name == label:
                    raise UsageError(f"data.{key}=[{name}]: is data.label, which is to be predicted")


@dataclass
class Column:
    """How a column is read: ``numeric``, ``categorical`` or ``ignored``; ``why`` says more of it in words.

    ``mark`` is what stands before decimals, ``date`` the form of dates (see ``date_forms``). What training numbers are
    written with, None where that is not known: whether marks between thousands (``grouped``), and which ``unit``.
    """

    name: str
    kind: str
    why: str = ""
    mark: str = "."
    date: str = ""
    grouped: bool | None = None
    unit: str | None = None

    def numbers(self, rows: Rows, options: Options, cure: str = "") -> np.ndarray:
        """float64, NaN where missing or infinite.

        Raises UsageError, naming the line, where a cell is no number, or may be another one than training's spelling
        of numbers has it.
        """
        cells = rows.columns[self.name]
        if self.date:
            return self._dates(rows, cells, options, cure)
        found = options.plain(cells)
        if found is not None and self.unit != "%" and (self.mark == "." or not any("." in cell for cell in cells)):
            return found
        spelling = Spelling.of(cells, options.no_number, self.mark)
        values = spelling.numbers(self.mark)
        for row, cell in enumerate(cells):
            if cell not in values and cell.lower() not in options.no_number and not INFINITE.fullmatch(cell):
                raise odd(rows, row, self.name, cure=cure)
        self._check_units(rows, spelling)
        self._check_marks(rows, spelling, options)
        return np.array([values.get(cell, np.nan) for cell in cells], dtype=np.float64)

    def spelled(self, cells: list[str], options: Options) -> None:
        """Note what training numbers are written with."""
        spelling = Spelling.of(cells, options.no_number, self.mark)
        kinds = {*spelling.units.values()} - ({""} if "%" not in spelling.units.values() else set())
        self.grouped = spelling.grouped(self.mark) is not None
        self.unit = None if len(kinds) > 1 else next(iter(kinds), "")

    def _check_units(self, rows: Rows, spelling: Spelling) -> None:
        if self.unit is None:
            return
        for cell, unit in spelling.units.items():
            if (unit == "%") != (self.unit == "%") or (unit and self.unit and unit != self.unit):
                told = f"with {self.unit}" if self.unit else f"without {unit}"
                words = f"{self.name} is {shown(cell)}, but in the training data numbers are written {told}"
                raise UsageError(f"{rows.at(rows.columns[self.name].index(cell))}: {words}; write them so here too")

    def _check_marks(self, rows: Rows, spelling: Spelling, options: Options) -> None:
        """That numbers with thousands are such, where training has none and nothing else in the column says so."""
        cell = spelling.grouped(self.mark) if self.grouped is False and MARKS[options.decimal] is None else None
        if cell is None or len(Spelling.of(rows.columns[self.name], options.no_number).decimals) == 1:
            return
        number = form(cell)
        assert number is not None, "it is one of the numbers"
        numbers = " or ".join(f"{value(number, mark):g}" for mark in ".,")
        words = f"{self.name} is {shown(cell)}, which may be {numbers}; training data have no marks between thousands"
        cure = "write decimals as there, or set data.decimal=point or data.decimal=comma in training"
        raise UsageError(f"{rows.at(rows.columns[self.name].index(cell))}: {words}; {cure}")

    def _dates(self, rows: Rows, cells: list[str], options: Options, cure: str) -> np.ndarray:
        days = date_numbers(cells, self.date)
        for row in np.flatnonzero(np.isnan(days)).tolist():
            if cells[row].lower() not in options.no_number:
                raise odd(rows, row, self.name, "a date", cure)
        return days


def odd(rows: Rows, row: int, name: str, what: str = "a number", cure: str = "") -> UsageError:
    """What is to be said of a cell that is not what its column is."""
    cell = rows.columns[name][row]
    cure = cure or f"mend it, or set data.missing=[{cell!r}], data.categorical=[{name!r}] or data.ignore=[{name!r}]"
    return UsageError(f"{rows.at(row)}: {name} is {shown(cell)}, and not {what} as elsewhere in that column; {cure}")


def shown(cell: str) -> str:
    """A cell in quotes, cut if it is long."""
    return repr(cell if len(cell) <= 40 else cell[:37] + "...")


def plain_name(text: str) -> str:
    """A name for the terminal, cut if it is long: without what is not printable."""
    text = text if text.isprintable() else repr(text)[1:-1]
    return text if len(text) <= 40 else text[:37] + "..."


def columns_of(rows: Rows, label: str, options: Options) -> list[Column]:
    """All columns but ``label``, as the user says or by what is in them. Raises UsageError where that is unclear.

    What stands before decimals is left open (see ``Marks``).
    """
    options.check(rows, label)
    if not set(rows.columns) - {label, *options.ignore, *options.apart}:
        raise UsageError(f"{rows.source}: has no column but {label}, so there is nothing to predict it from")
    return [_column(rows, name, options) for name in rows.columns if name != label]


def _column(rows: Rows, name: str, options: Options) -> Column:
    if name in options.apart:
        return Column(name, "ignored", options.apart[name])
    if name in options.ignore:
        return Column(name, "ignored", "as asked")
    if name in options.categorical:
        return Column(name, "categorical", "as asked")
    if name in rows.words and name not in options.numeric:
        return Column(name, "categorical", "as its type says")
    if name not in options.numeric and _is_index(rows, name):
        return Column(name, "ignored", "it has no name and numbers or names the rows")
    return of_cells(rows, name, options)


def _is_index(rows: Rows, name: str) -> bool:
    """Whether this is a first column without a name, or one that pandas named, that is different in every row."""
    first = name == next(iter(rows.columns)) and name in rows.nameless
    if not (first or UNNAMED.fullmatch(name)):
        return False
    cells = rows.columns[name]
    return len(set(cells)) == len(cells) > 1 and not any(PLAIN.fullmatch(cell) and "." in cell for cell in cells)


def of_cells(rows: Rows, name: str, options: Options) -> Column:
    """A column by what is in it. Raises UsageError where it is nearly all numbers, or mixes kinds of them."""
    cells = rows.columns[name]
    if options.plain(cells) is not None:
        return Column(name, "numeric")
    spelling = options.spelling(cells)
    if not spelling.odd:
        if spelling.mixed:
            raise UsageError(
                f"{rows.source}: {name} mixes {spelling.mixed}; make it one, or set data.ignore=[{name!r}]"
            )
        return Column(name, "numeric")
    if (name in options.numeric and spelling.values) or _are_numbers(Counter(cells), spelling):
        raise odd(rows, next(row for row, cell in enumerate(cells) if cell in spelling.odd), name)
    forms = date_forms([*spelling.values, *spelling.odd], options.day_first)
    if len(forms) > 1:
        words = "can have the day or the month first; set data.day_first=true or false"
        raise UsageError(f"{rows.source}: the dates in {name}, as {shown(spelling.odd[0])}, {words}")
    if forms:
        return Column(name, "numeric", in_words(forms[0]), date=forms[0])
    if name in options.numeric:
        raise odd(rows, next(row for row, cell in enumerate(cells) if cell in spelling.odd), name)
    return Column(name, "categorical")


def _are_numbers(counts: Counter[str], spelling: Spelling) -> bool:
    """Whether those cells that are no numbers, or have another decimal mark, are mistakes, or a word for missing."""
    words = [cell for cell in spelling.odd if cell not in spelling.otherwise]
    others = sum(counts[cell] for cell in words)
    numbers = sum(counts[cell] for cell in (*spelling.values, *spelling.otherwise))
    if numbers >= NEARLY * (numbers + others):
        return True
    return len(spelling.odd) == 1 and numbers > others and len(spelling.values) > MANY
