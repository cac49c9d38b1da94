"""Tables with a row for every moment of every series, as series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regab.data.tables.columns import shown
from regab.data.tables.rows import Rows
from regab.errors import UsageError

EVEN = 1e-6  # of a step, by which steps may differ and be called equal


@dataclass
class Series:
    """Values ``[T, C]`` of every series (float64, NaN where missing); ``[rows]`` takes some of the series."""

    values: list[np.ndarray]

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: np.ndarray) -> Series:
        return Series([self.values[row] for row in rows])

    def codes(self) -> np.ndarray:
        """Bytes for each series, equal where its values are."""
        return np.array([values.tobytes() for values in self.values], dtype=object)


class Moments:
    """The series of one table, in the order of their first rows: ``times [R]`` and ``cells [R, C]`` are of its rows.

    ``first`` are the first rows of each, ``even`` whether all steps are equal, ``gaps`` how many values were missing.
    Raises UsageError for a row without an id, and for a time that a series has twice.
    """

    def __init__(self, rows: Rows, id: str, time: str, times: np.ndarray, cells: np.ndarray) -> None:
        ids = rows.column(id, "data.id")
        if "" in ids:
            raise UsageError(f"{rows.at(ids.index(''))}: has no {id}, which is data.id")
        self.rows, self.id, self.ids = rows, id, ids
        numbers = {name: number for number, name in enumerate(dict.fromkeys(ids))}
        self.codes = np.array([numbers[cell] for cell in ids])
        order = np.lexsort((times, self.codes))
        codes, times = self.codes[order], times[order]
        self._check_times(time, codes, times, order)
        begins = np.flatnonzero(np.diff(codes, prepend=-1))
        self.series = Series([_filled(part) for part in np.split(cells[order], begins[1:])])
        self.gaps = int(np.isnan(cells).sum())
        steps = np.diff(times.astype(np.float64))[np.diff(codes) == 0]
        self.even = not len(steps) or bool(np.ptp(steps) <= EVEN * abs(steps[0]))
        self.first = np.unique(self.codes, return_index=True)[1]

    def _check_times(self, time: str, codes: np.ndarray, times: np.ndarray, order: np.ndarray) -> None:
        twice = np.flatnonzero((np.diff(codes) == 0) & (times[1:] == times[:-1]))
        if len(twice):
            rows = self.rows
            first, second = sorted((int(order[twice[0]]), int(order[twice[0] + 1])))
            words = f"{self.ids[second]} has {time} {shown(rows.columns[time][second])} already"
            raise UsageError(f"{rows.at(second)}: {words} in {rows.unit} {rows.lines[first]}")

    def check_constant(self, name: str) -> None:
        """Raises UsageError where a column is not the same in all rows of a series."""
        cells = self.rows.columns[name]
        for row, code in enumerate(self.codes.tolist()):
            if cells[row] != cells[self.first[code]]:
                words = f"{name} is {shown(cells[row])}, but {shown(cells[self.first[code]])} in other rows of"
                raise UsageError(
                    f"{self.rows.at(row)}: {words} {self.ids[row]}; it must be the same for all of one {self.id}"
                )


def _filled(values: np.ndarray) -> np.ndarray:
    """Each missing value as the one before it; NaN where there is none."""
    last = np.where(np.isnan(values), 0, np.arange(len(values))[:, None])
    return np.take_along_axis(values, np.maximum.accumulate(last, 0), 0)
