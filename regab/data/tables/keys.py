"""Columns that say how rows are divided, and are no features: ``data.group`` and ``data.order``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from regab.data.division.order import shown
from regab.data.tables.columns import Column, Options, of_cells
from regab.data.tables.dates import EPOCH
from regab.data.tables.marks import Marks
from regab.data.tables.numbers import PLAIN
from regab.data.tables.rows import Rows, column_name
from regab.errors import UsageError

PEOPLE = r"patient|subject|person|participant|individual|user|customer|client|member|donor|speaker|author|animal|mouse"
PEOPLE += (
    r"|household|family|student|pupil|school|hospital|site|clinic|centre|center|device|machine|sensor|session|batch"
)
ID = r"id|ids|no|nr|num|number|code|key|uid|uuid|name"
SUSPECT = re.compile(rf"(?:{PEOPLE})s?[ _.-]*(?:{ID})?|(?:p|s|u|m|pt|sub|subj)?[ _.-]?u?id|mrn", re.IGNORECASE)
FEWEST = 3  # different values of a column that may be groups


@dataclass(frozen=True)
class Keys:
    """The names of the columns, or None."""

    group: str | None
    order: str | None

    @staticmethod
    def of(group: str | None, order: str | None) -> Keys:
        """Raises UsageError for both."""
        if group is not None and order is not None:
            raise UsageError(f"data.order={order}: cannot be kept together with data.group={group}; leave out one")
        return Keys(*(name if name is None else column_name(str(name)) for name in (group, order)))

    def apart(self, rows: Rows, label: str, options: Options) -> dict[str, str]:
        """Which columns are no features, and why; an order that is in ``data.numeric`` is one. Raises UsageError."""
        named = {"data.group": self.group, "data.order": self.order}
        found: dict[str, str] = {}
        for key, name in named.items():
            if name is None:
                continue
            rows.column(name, key)
            if name == label:
                raise UsageError(f"{key}={name}: is data.label, which is to be predicted")
            if key == "data.group" and name in (*options.numeric, *options.categorical):
                raise UsageError(f"data.group={name}: is no feature; take it out of data.numeric and data.categorical")
            if name not in options.numeric:
                found[name] = key
        return found

    def groups(self, rows: Rows) -> np.ndarray | None:
        """The group of every row; plain numbers are equal if their values are. Raises UsageError where one is empty."""
        if self.group is None:
            return None
        cells = rows.column(self.group, "data.group")
        if "" in cells:
            raise UsageError(f"{rows.at(cells.index(''))}: has no {self.group}, which is data.group")
        plain = all(PLAIN.fullmatch(cell) for cell in set(cells))
        return np.array([Decimal(cell).normalize() if plain else cell for cell in cells], dtype=object)

    def places(self, rows: Rows, options: Options) -> np.ndarray | None:
        """The number or time of every row. Raises UsageError where one has none, or they are words."""
        return None if self.order is None else placed(rows, self.order, "data.order", options)[1]

    def across(self, train: Rows, test: Rows | None, options: Options) -> Iterator[str]:
        """What a test set of its own has in common with the training data, or has earlier than they."""
        if test is None:
            return
        if self.group is not None and self.group in test.columns:
            yield from in_both(self.groups(train), self.groups(test))
        if self.order is not None and self.order in test.columns:
            last, first = self.places(train, options).max(), self.places(test, options).min()  # type: ignore[union-attr]
            if first <= last:
                yield f"the test data begin at {shown(first)}, before the training data end, at {shown(last)}"


def placed(rows: Rows, name: str, key: str, options: Options) -> tuple[Column, np.ndarray]:
    """How a column that the option ``key`` names is read, and its numbers or times.

    Raises UsageError where one is neither.
    """
    rows.column(name, key)
    column = of_cells(rows, name, options)
    if column.kind != "numeric":
        raise UsageError(f"{key}={name}: is neither numbers nor dates ({rows.source})")
    if not column.date:
        Marks(rows, [name], options).tell(column)
    values = column.numbers(rows, options)
    if (absent := np.isnan(values)).any():
        raise UsageError(f"{rows.at(int(absent.argmax()))}: has no {name}, which is {key}")
    if column.why == "times" or not column.date:
        return column, values
    return column, EPOCH + np.round(values * (24 * 3600 * 10**6)).astype("timedelta64[us]")


def in_both(ours: Iterable[Any] | None, theirs: Iterable[Any] | None) -> Iterator[str]:
    """A sentence on groups that are in the training data and in a test set of its own."""
    train, test = set(ours if ours is not None else ()), set(theirs if theirs is not None else ())
    if train & test:
        yield f"{len(train & test)} of the {len(test)} groups of the test data are in the training data too"


def suspects(columns: dict[str, list[str]], label: str) -> Iterator[str]:
    """A sentence on the first column that seems to say whose rows they are, where some have several."""
    for name, cells in columns.items():
        values = len(set(cells))
        if name != label and SUSPECT.fullmatch(name) and FEWEST <= values < len(cells) and _are_codes(cells):
            words = f"{name} has {values} values in {len(cells)} rows; where rows that share one are alike, they leak"
            yield f"{words} into test data unless data.group={name} keeps them together"
            return


def _are_codes(cells: list[str]) -> bool:
    """Whether these are words or whole numbers."""
    return not any(PLAIN.fullmatch(cell) and not cell.lstrip("+-").isdecimal() for cell in set(cells))


def grouped_by(pattern: str, names: list[str]) -> list[str]:
    """What a regular expression finds in every name: its first group, or all that matches. Raises UsageError."""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"data.group={pattern}: is no regular expression ({error})") from error
    found: list[Any] = [compiled.search(name) for name in names]
    if None in found:
        raise UsageError(f"data.group={pattern}: is not found in {names[found.index(None)]}")
    return [match[1] if compiled.groups and match[1] is not None else match[0] for match in found]
