"""Time series: a table with a row for every moment of every one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from regab.data.tables.columns import Column
from regab.data.tables.moments import Moments
from regab.data.unseen.examples import Examples
from regab.data.unseen.sheet import Sheet, sheet_of
from regab.data.unseen.tables import Tables
from regab.errors import UsageError
from regab.lazy import pandas as pd


@dataclass
class SeriesTables:
    """The column that says whose row it is, how that of times is read, and how those of values and labels are."""

    id: str
    time: Column
    table: Tables

    @property
    def classes(self) -> list[str]:
        return self.table.classes

    def read(self, given: Any, encode: Any = None) -> Examples:
        """A series for each id, in the order of their first rows. Raises UsageError where a column is missing, a cell
        of one of values or times is none, or a series has a time twice."""
        sheet = sheet_of(given, self.table.delimiter, self.table.encoding)
        used = [column for column in self.table.columns if column.kind == "numeric"]
        self.table.check_columns(sheet, [Column(self.id, "categorical"), self.time, *used])
        cells = np.stack([self.table.numbers(sheet, column) for column in used], 1)
        moments = Moments(sheet, self.id, self.time.name, self._times(sheet), cells)
        first = moments.first
        whose = [moments.ids[row] for row in first]
        found = Examples(moments.series, places={self.id: whose}, said=[*sheet.said, *_said(moments, encode)])
        found.frame = pd.DataFrame({name: [column[row] for row in first] for name, column in sheet.columns.items()})
        label = self.table.labels[0]
        if label in sheet.columns:
            there = [not self.table.absent(sheet.columns[label][row]) for row in first]
            found.label(there, lambda rows: self._targets(sheet, moments, label, rows))
        return found

    def _times(self, sheet: Sheet) -> np.ndarray:
        times = self.table.numbers(sheet, self.time)
        if (absent := np.isnan(times)).any():
            raise UsageError(f"{sheet.at(int(absent.argmax()))}: has no {self.time.name}, which is data.time")
        return times

    def _targets(self, sheet: Sheet, moments: Moments, label: str, rows: np.ndarray) -> Any:
        moments.check_constant(label)
        return self.table.targets_of(sheet, moments.first[rows])


def _said(moments: Moments, encode: Any) -> list[str]:
    if encode is None:
        return []
    lengths, said = np.array([*map(len, moments.series.values)]), []
    if (cut := int((lengths > encode.length).sum())) > 0:
        said.append(f"{cut} series are cut after {encode.length} moments")
    if (short := int((lengths < encode.length).sum())) > 0 and not encode.mask:
        said.append(f"{short} series are shorter than all of training; the mean is put in after their end")
    return said
