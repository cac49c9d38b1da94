"""Time series with labels, from tables with a row for every moment of every series."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regab.data.inputs.scaling import Encode, Fit, divisor
from regab.data.split import Source, Split
from regab.data.tables.columns import Column, Options, columns_of
from regab.data.tables.keys import Keys, in_both, placed
from regab.data.tables.labels import Targets
from regab.data.tables.marks import set_marks
from regab.data.tables.moments import Moments, Series
from regab.data.tables.remarks import apart
from regab.data.tables.rows import Rows, column_name, read_rows
from regab.data.unseen.series import SeriesTables
from regab.data.unseen.tables import Tables
from regab.errors import UsageError


def load(
    path: str,
    id: str,
    time: str,
    label: str,
    test_path: str | None = None,
    values: list[str] | None = None,
    ignore: list[str] | None = None,
    max_length: int | None = None,
    task: str = "auto",
    group: str | None = None,
    delimiter: str = "auto",
    missing: Any = None,
    decimal: str = "auto",
    day_first: bool | None = None,
    encoding: str = "auto",
) -> Source:
    """A table (as ``csv`` reads it) of which the rows of one ``id`` are a series, in the order of ``time``.

    Channels are the columns named in ``values``, or all others but those in ``ignore``; all must be numbers. ``label``
    (and ``group``) is the same in all rows of a series. A missing value is that of the moment before. What is divided
    is whole series. See ``fitter`` for ``max_length`` and how they are encoded. Raises UsageError for whatever is wrong
    with the files, naming the line.
    """
    if max_length is not None and max_length < 1:
        raise UsageError(f"data.max_length={max_length}: must be at least 1, or null")
    names = _Names(
        column_name(id), column_name(time), column_name(label), None if group is None else column_name(group)
    )
    options = Options([], [], [column_name(str(name)) for name in ignore or []], missing, decimal, day_first)
    files = [("data.path", path), ("data.test_path", test_path)]
    parts = [read_rows(p, key, delimiter, encoding=encoding).named() for key, p in files if p is not None]
    columns = _channels(parts[0], names, [column_name(str(name)) for name in values or []], options)
    read = [_Read(rows, names, columns, options) for rows in parts]
    targets = Targets.of(read[0].one_each, names.label, task, options, set_marks(read[0].one_each, [], label, options))
    splits = [Split(one.series, targets(one.one_each)) for one in read]
    lengths = [len(values) for one in read for values in one.series.values]
    longest = max(len(values) for values in read[0].series.values)
    length = longest if max_length is None else min(longest, max_length)
    return Source(
        splits[0],
        targets.outputs,
        (*splits, None)[1],
        fitter(length, padded=min(lengths) < length),
        targets.task,
        (*_said(read[0], columns, lengths, length, targets.words(splits[0].y)), *in_both(*_both(read, names))),
        names=targets.names,
        groups=read[0].groups,
        reader=SeriesTables(names.id, read[0].time, Tables(columns, options, targets, delimiter, encoding)),
    )


@dataclass(frozen=True)
class _Names:
    id: str
    time: str
    label: str
    group: str | None


class _Read:
    """The series of one table for training: a row of the table for each, and what their groups are."""

    def __init__(self, rows: Rows, names: _Names, columns: list[Column], options: Options) -> None:
        self.time, times = placed(rows, names.time, "data.time", options)
        self.cells = np.array([column.numbers(rows, options) for column in columns]).T
        self.moments = moments = Moments(rows, names.id, names.time, times, self.cells)
        for name in filter(None, (names.label, names.group)):
            moments.check_constant(name)
        first = moments.first.tolist()
        self.one_each = Rows(
            rows.source,
            {name: [cells[row] for row in first] for name, cells in rows.columns.items()},
            [rows.lines[row] for row in first],
            unit=rows.unit,
            words=rows.words,
            said=rows.said,
        )
        self.groups = Keys(names.group, None).groups(self.one_each)

    @property
    def series(self) -> Series:
        return self.moments.series


def _channels(rows: Rows, names: _Names, values: list[str], options: Options) -> list[Column]:
    """Raises UsageError where one is not numbers, or none is left."""
    keys = {"data.id": names.id, "data.time": names.time, "data.label": names.label, "data.group": names.group}
    found: dict[str, str] = {}
    for key, name in keys.items():
        if name is None:
            continue
        rows.column(name, key)
        if name in found and (key, found[name]) != ("data.group", "data.id"):
            raise UsageError(f"{key}={name}: is {found[name]} as well; choose another column")
        found.setdefault(name, key)
    for name in values:
        rows.column(name, "data.values")
        if name in found:
            raise UsageError(f"data.values=[{name}]: is {found[name]}, which is no value")
    others = [name for name in rows.columns if name not in found and (values and name not in values)]
    options.apart = {name: key for name, key in found.items() if key != "data.label"} | dict.fromkeys(others, "")
    columns = [c for c in columns_of(rows, names.label, options) if c.kind != "ignored"]
    if words := [column.name for column in columns if column.kind != "numeric"]:
        cure = f"leave it out by data.ignore=[{words[0]}]"
        raise UsageError(f"{rows.source}: {words[0]} is words, and series are numbers; {cure}")
    if not columns:
        raise UsageError(f"{rows.source}: has no column of values beside {', '.join(found)}")
    set_marks(rows, columns, names.label, options)
    return columns


def _both(read: list[_Read], names: _Names) -> tuple[Any, Any]:
    """What must not be in training and test data: groups, or series themselves."""
    of = names.group or names.id
    found = [one.one_each.columns[of] for one in read]
    return (*found, None)[0], (*found, None)[1]


def _said(read: _Read, columns: list[Column], lengths: list[int], length: int, words: str) -> Iterator[str]:
    ends = f"{min(lengths)} to {max(lengths)}" if min(lengths) < max(lengths) else f"{length}"
    channels = ", ".join(column.name for column in columns[:4]) + (", …" if len(columns) > 4 else "")
    yield f"{len(read.series)} series of {ends} moments, {len(columns)} channels ({channels}); {words}"
    yield from read.one_each.said
    for column, values in zip(columns, read.cells.T, strict=True):
        yield from () if column.date else apart(column.name, values)
    if max(lengths) > length:
        yield f"{sum(n > length for n in lengths)} series are cut after {length} moments"
    if read.moments.gaps:
        yield f"{read.moments.gaps} missing values are those of the moment before, at the beginning the mean"
    if not read.moments.even:
        yield "moments are not evenly spaced; their order alone is used"


@dataclass
class Padded:
    """Series to ``[N, C, length]``, or with ``mask`` ``[N, C + 1, length]``, as ``fitter`` says."""

    mean: np.ndarray
    deviation: np.ndarray
    length: int
    mask: bool

    def __call__(self, examples: Series) -> Tensor:
        found = np.zeros((len(examples), len(self.mean) + self.mask, self.length), dtype=np.float32)
        for row, values in zip(found, examples.values, strict=True):
            scaled = np.nan_to_num((values[: self.length] - self.mean) / self.deviation)
            row[: len(self.mean), : len(scaled)] = scaled.T
            row[len(self.mean) :, : len(scaled)] = 1
        return torch.from_numpy(found)


def fitter(length: int, padded: bool) -> Fit:
    """How ``Series`` are encoded: ``[N, C, length]`` float32, less the mean and over the deviation of all training
    moments of a channel.

    Longer ones are cut. Shorter ones are filled up with zeros at their end if there are any (``padded``), and one more
    channel, the last, is 1 where there is a moment; a model that asks for ``masked`` is told whether there is.
    """

    def fit(train: Series) -> tuple[Encode, dict[str, Any]]:
        moments = np.concatenate([values[:length] for values in train.values])
        counts = np.maximum((~np.isnan(moments)).sum(0), 1)
        mean = np.nansum(moments, 0) / counts
        deviation = np.sqrt(np.nansum((moments - mean) ** 2, 0) / counts)
        filled = np.where(np.isnan(moments), mean, moments)
        deviation = divisor(deviation, filled.min(0), filled.max(0))
        return Padded(mean, deviation, length, padded), {"masked": padded}

    return fit
