"""Any table with a column to predict: numbers and categories, missing values among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from regab.data.division.copies import copies
from regab.data.split import Source, Split
from regab.data.tables.columns import Column, Options, columns_of
from regab.data.tables.encode import Cells, fitter
from regab.data.tables.keys import Keys, suspects
from regab.data.tables.labels import Targets, is_number
from regab.data.tables.marks import Marks, set_marks
from regab.data.tables.remarks import apart, described, remarks, summary, unlike_training
from regab.data.tables.rows import Rows, column_name, read_rows
from regab.data.tables.several import SeveralTargets
from regab.data.unseen.tables import Tables
from regab.errors import UsageError


def load(
    path: str,
    label: Any,
    test_path: str | None = None,
    task: str = "auto",
    numeric: list[str] | None = None,
    categorical: list[str] | None = None,
    ignore: list[str] | None = None,
    delimiter: str = "auto",
    max_categories: int = 100,
    missing: Any = None,
    decimal: str = "auto",
    day_first: bool | None = None,
    encoding: str = "auto",
    group: str | None = None,
    order: str | None = None,
) -> Source:
    """A CSV, TSV, JSON, Parquet or Feather file that names its columns; ``label`` is predicted from the others.

    Several, as ``[a, b]``, are numbers or, where all are 0 and 1, labels that a row has or has not.

    Columns in which everything present is a number or a date are numeric, the others categorical, but for those named
    in ``numeric``, ``categorical`` and ``ignore``. Numbers may have thousands separators, a decimal comma, %, a
    currency and other spellings (``regab.data.tables.numbers``), if a whole column agrees on them; ``decimal``
    (``point``, ``comma``) and ``day_first`` say what cannot be seen. Missing are empty cells and the words in
    ``missing``, by default NA, N/A, NaN, null, None and ``?``, and among numbers ``-``, ``#DIV/0!`` and the like. A
    column that is nearly all numbers is an error. Rows of one ``group`` stay in one part of the data, training,
    validation and test data follow each other by ``order``; these columns are no features (but for an order in
    ``numeric``). ``task``: ``regression`` if the label is a number with decimals, or one of more than 20 whole numbers;
    else ``classification``; or as said. See ``fitter`` for how columns are encoded. Raises UsageError for whatever is
    wrong with the files, naming the line.
    """
    options = Options(numeric or [], categorical or [], ignore or [], missing, decimal, day_first)
    files = [("data.path", path), ("data.test_path", test_path)]
    parts = [read_rows(p, key, delimiter, encoding=encoding).named() for key, p in files if p is not None]
    return of_rows(parts, label, task, options, Keys.of(group, order), max_categories, (delimiter, encoding))


def of_rows(
    parts: list[Rows],
    label: Any,
    task: str,
    options: Options,
    keys: Keys,
    max_categories: int,
    files: tuple[str, str] = ("auto", "auto"),
) -> Source:
    """Tables for training and, as far as there are such, for testing and validation; the rest as ``load`` has it.

    ``files``: the delimiter and encoding of files that are read later.
    """
    if max_categories < 1:
        raise UsageError(f"data.max_categories={max_categories}: must be at least 1")
    rows, labels = parts[0], _labels(parts[0], label)
    for kind in ("numeric", "categorical", "ignore"):
        setattr(options, kind, _named(getattr(options, kind)))
    label = labels[0]
    inputs = replace(rows, columns={n: c for n, c in rows.columns.items() if n == label or n not in labels})
    options.apart = keys.apart(inputs, label, options)
    columns = columns_of(inputs, label, options)
    targets = _targets(rows, labels, task, options, set_marks(inputs, columns, label, options))
    cells = [_cells(part, columns, options) for part in parts]
    splits = [Split(x, targets(part)) for x, part in zip(cells, parts, strict=True)]
    train, (test, val) = splits[0], (*splits[1:], None, None)[:2]
    words = targets.words(train.y)
    said = [
        f"{summary(inputs, columns, max_categories)}; {words}",
        *rows.said,
        *remarks(inputs, columns, label, options),
        *_in_training(columns, train, label, targets.task),
        *(() if keys.group else copies(train.x, train.y)),
        *_unlike(columns, cells),
        *keys.across(rows, (*parts, None)[1], options),
        *(() if keys.group else suspects(inputs.columns, label)),
    ]
    return Source(
        train,
        targets.outputs,
        test,
        fitter(max_categories),
        targets.task,
        said=tuple(said),
        columns=dict(described(inputs, columns, train.x.numbers)) | {", ".join(labels): f"to be predicted: {words}"},
        names=targets.names,
        features=tuple(c.name for c in columns if c.kind == "numeric"),
        groups=keys.groups(rows),
        order=keys.places(rows, options),
        reader=Tables(columns, options, targets, *files),
        val=val,
    )


def _labels(rows: Rows, label: Any) -> list[str]:
    """The columns to predict. Raises UsageError."""
    labels = _named(label if isinstance(label, list) else [label])
    if not labels:
        raise UsageError("data.label=[]: must name what is to be predicted")
    for name in labels:
        rows.column(name, "data.label")
    return labels


def _targets(rows: Rows, labels: list[str], task: str, options: Options, marks: Marks) -> Any:
    if len(labels) > 1:
        return SeveralTargets.of(rows, labels, task, options)
    return Targets.of(rows, labels[0], task, options, marks)


def _named(columns: list[str]) -> list[str]:
    return [column_name(str(name)) for name in columns]


def _cells(rows: Rows, columns: list[Column], options: Options) -> Cells:
    """Raises UsageError where a column is missing, or a cell of a numeric one is no number."""
    for column in columns:
        if column.kind != "ignored" and column.name not in rows.columns:
            raise UsageError(f"{rows.source}: has no column {column.name!r}, which the training data have")
    numbers = [c.numbers(rows, options) for c in columns if c.kind == "numeric"]
    words = [_words(rows.columns[c.name], options) for c in columns if c.kind == "categorical"]
    n = len(rows.lines)
    return Cells(np.array(numbers, dtype=np.float64).reshape(-1, n).T, np.array(words, dtype=object).reshape(-1, n).T)


def _words(cells: list[str], options: Options) -> list[str]:
    return ["" if cell.lower() in options.absent else cell for cell in cells]


def _in_training(columns: list[Column], train: Split, label: str, task: str) -> Iterator[str]:
    """Columns that are the target of a regression, and numbers, of that too, that may stand for missing ones."""
    yield from _telling(columns, train.x.numbers, train.y, task)
    numbers = zip((c for c in columns if c.kind == "numeric"), train.x.numbers.T, strict=True)
    for column, values in numbers:
        yield from apart(column.name, values) if not column.date else ()
    if is_number(task) and train.y.ndim == 1:
        yield from apart(label, train.y.numpy())


def _unlike(columns: list[Column], cells: list[Cells]) -> Iterator[str]:
    """What tables for testing and validation have that the one for training has not."""
    train, *others = cells
    gaps, known = np.isnan(train.numbers).any(0), [set(words.tolist()) for words in train.words.T]
    for name, part in zip(("test", "validation"), others, strict=False):
        yield from (f"{name} data: {words}" for words in unlike_training(columns, part, gaps, known))


def _telling(columns: list[Column], numbers: np.ndarray, y: Tensor, task: str) -> Iterator[str]:
    """Columns of numbers that are the target of a regression itself, but for their unit."""
    if not is_number(task) or y.ndim > 1:
        return
    names = [c.name for c in columns if c.kind == "numeric"]
    for name, column in zip(names, numbers.T, strict=True):
        centred, target = column - column.mean(), y.numpy() - y.numpy().mean()
        size = np.linalg.norm(centred) * np.linalg.norm(target)
        if len(y) > 2 and size > 0 and abs(centred @ target) > (1 - 1e-12) * size:
            yield f"{name} is the label itself, but for its unit; leave it out by data.ignore=[{name}]"
