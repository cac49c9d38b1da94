"""What is to be predicted of a row: classes by name, or a number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regab.data.tables.columns import Column, Options, plain_name, shown
from regab.data.tables.marks import Marks
from regab.data.tables.numbers import LARGEST, PLAIN
from regab.data.tables.rows import Rows
from regab.errors import UsageError
from regab.tasks import task_named, tasks
from regab.tasks.classification import Classification
from regab.tasks.regression import Regression

MOST_CLASSES = 20  # whole numbers that differ more than this are a quantity
SHOWN = 5


@dataclass
class Targets:
    """How labels are read: ``classes`` by name and number, none in a regression.

    ``label`` is a column's name or position, ``what`` it is called in complaints. Names are texts, unless all of them
    are plain numbers: then 1 and 1.0 are one class, where 1_0 and 10, or 01 and 1, are two.
    """

    label: int | str
    task: str
    column: Column
    options: Options
    classes: dict[Any, int] = field(default_factory=dict)

    @staticmethod
    def of(
        rows: Rows, label: int | str, task: str, options: Options, marks: Marks, order: Callable | None = None
    ) -> Targets:
        """By what is in the training data. Raises UsageError where a label is missing or all are the same."""
        if task not in ("auto", *tasks()):
            raise UsageError(f"data.task={task}: must be auto, {' or '.join(tasks())}")
        cells = rows.column(label, "data.label")
        name = list(rows.columns)[label] if isinstance(label, int) else label
        _check_present(rows, cells, _called(label), options)
        distinct = sorted(set(_values(cells)), key=order or _by_value)
        if len(distinct) == 1:
            raise UsageError(f"data.label={label}: is {cells[0]!r} in all rows, so there is nothing to tell apart")
        column = Column(name, "numeric")
        if task == "auto":
            task = _task(rows, name, distinct, options)
        if is_number(task):
            marks.tell(column)
            return Targets(label, task, column, options)
        _check_classes(rows, label, cells, distinct)
        return Targets(label, task, column, options, {value: number for number, value in enumerate(distinct)})

    def __call__(self, rows: Rows) -> Tensor:
        """Numbers of the classes ``[N]`` (int64), or the numbers themselves (float64)."""
        cells = rows.column(self.label, "data.label")
        _check_present(rows, cells, _called(self.label), self.options)
        if is_number(self.task):
            own = rows if self.column.name in rows.columns else Rows(rows.source, {self.column.name: cells}, rows.lines)
            numbers = self.column.numbers(own, self.options)
            for row in np.flatnonzero(np.isnan(numbers)).tolist():
                raise UsageError(f"{rows.at(row)}: {self.column.name} is {cells[row]!r}, and not a finite number")
            return torch.from_numpy(numbers)
        plain = all(isinstance(name, float) for name in self.classes)
        values = [float(cell) if plain and PLAIN.fullmatch(cell) else cell for cell in cells]
        for row, value in enumerate(values):
            if value not in self.classes:
                known = f"is {cells[row]!r}, which the training data do not have"
                raise UsageError(f"{rows.at(row)}: {_called(self.label)} {known}")
        return torch.tensor([self.classes[value] for value in values])

    @property
    def outputs(self) -> int:
        """How many classes there are, 1 in a regression."""
        return len(self.classes) or 1

    @property
    def names(self) -> tuple[str, ...]:
        """The classes in words."""
        return tuple(f"{name:g}" if isinstance(name, float) else name for name in self.classes)

    def words(self, y: Tensor) -> str:
        """What there is to predict in the training data, in a line."""
        if is_number(self.task):
            return f"{_called(self.label)}: a number from {y.min():g} to {y.max():g}"
        counts = torch.bincount(y, minlength=len(self.classes)).tolist()
        shown = [f"{plain_name(name)} {count}" for name, count in zip(self.names, counts, strict=True)]
        more = [f"{len(shown) - SHOWN} more"] if len(shown) > SHOWN else []
        return f"{_called(self.label)}: {len(counts)} classes ({', '.join([*shown[:SHOWN], *more])})"


def is_number(task: str) -> bool:
    """Whether the label of a task is read as a number, not as one of some names."""
    return task_named(task).reads == Regression.name


def _task(rows: Rows, name: str, distinct: list[float | str], options: Options) -> str:
    if name in rows.words:
        return Classification.name
    texts = [value for value in distinct if isinstance(value, str)]
    if not texts:
        whole = all(float(value).is_integer() for value in distinct)
        return (Classification if whole and len(distinct) <= MOST_CLASSES else Regression).name
    spelling = options.spelling(rows.columns[name])
    numbers = spelling.numbers(spelling.decimals[0])
    quantity = len(numbers) > MOST_CLASSES or any(number != round(number) for number in numbers.values())
    if not spelling.odd:
        return (Regression if quantity else Classification).name
    counts = Counter(rows.columns[name])
    if len(numbers) > MOST_CLASSES and sum(counts[cell] for cell in spelling.odd) <= 0.1 * len(rows.lines):
        row = rows.columns[name].index(spelling.odd[0])
        cure = "mend it, or set data.task=classification if these are names"
        raise UsageError(f"{rows.at(row)}: {name} is {shown(spelling.odd[0])}, and not a number as elsewhere; {cure}")
    return Classification.name


def _check_present(rows: Rows, cells: list[str], name: str, options: Options) -> None:
    for row, cell in enumerate(cells):
        if not cell:
            raise UsageError(f"{rows.at(row)}: has no {name}, which is to be predicted")
        if cell.lower() in options.absent:
            cure = "set data.missing=[] if it is a class" if options.missing is None else "take it out of data.missing"
            words = f"{name} is {cell!r}, which means missing, and is to be predicted"
            raise UsageError(f"{rows.at(row)}: {words}; {cure}, or leave such rows out")


def _check_classes(rows: Rows, label: int | str, cells: list[str], distinct: list[Any]) -> None:
    alone = sum(count == 1 for count in Counter(cells).values())
    if len(distinct) > 2 and alone == len(distinct) and len(distinct) == len(cells) > MOST_CLASSES:
        raise UsageError(f"data.label={label}: is different in every row ({rows.source}), so there are no classes")
    if alone > MOST_CLASSES and alone > len(cells) / 2:
        words = f"has {len(distinct)} different texts in {len(cells)} rows, {alone} of them once"
        raise UsageError(f"data.label={label}: {words} ({rows.source}), which are no classes")


def _called(label: int | str) -> str:
    return "label" if isinstance(label, int) else label


def _values(cells: list[str]) -> list[float | str]:
    """The numbers of cells that are all plain numbers, else their texts."""
    if all(PLAIN.fullmatch(cell) and abs(float(cell)) <= LARGEST for cell in set(cells)):
        return [float(cell) for cell in cells]
    return list(cells)


def _by_value(value: float | str) -> tuple[bool, float, str]:
    """Numbers first."""
    number = float(value) if isinstance(value, float) or PLAIN.fullmatch(value) else None
    return number is None, number or 0.0, str(value)
