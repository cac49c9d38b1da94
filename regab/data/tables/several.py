"""Several columns of a table that are to be predicted together: numbers, or labels that a row has or has not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from regab.data.tables.columns import Column, Options, odd, of_cells, plain_name
from regab.data.tables.marks import Marks
from regab.data.tables.rows import Rows
from regab.errors import UsageError
from regab.tasks import task_named, tasks
from regab.tasks.multilabel import Multilabel
from regab.tasks.regression import Regression

YES, NO = ("1", "1.0", "true", "yes", "t", "y"), ("0", "0.0", "false", "no", "f", "n")
SHOWN = 5


@dataclass
class SeveralTargets:
    """Columns ``[N, T]``: each of zeros and ones (or true and false, yes and no) for the task ``multilabel``, else of
    numbers. ``names`` are those of the columns."""

    columns: list[Column]
    task: str
    options: Options

    @staticmethod
    def of(rows: Rows, labels: list[str], task: str, options: Options) -> SeveralTargets:
        """By what is in the training data. Raises UsageError where a column is neither."""
        if task not in ("auto", *tasks()):
            raise UsageError(f"data.task={task}: must be auto, {' or '.join(tasks())}")
        if twice := [name for name, count in Counter(labels).items() if count > 1]:
            raise UsageError(f"data.label={labels}: names {twice[0]} twice")
        for name in labels:
            _check_present(rows, name, rows.column(name, "data.label"))
        marked = all(set(map(str.lower, rows.columns[name])) <= {*YES, *NO} for name in labels)
        if task == "auto":
            task = (Multilabel if marked else Regression).name
        if task_named(task).reads not in (Regression.name, Multilabel.name):
            one = f"data.label={labels}: several columns are no labels of task={task}, which has one"
            raise UsageError(f"{one}; there is task=multilabel, regression, soft_labels")
        columns = [Column(name, "marks" if task == Multilabel.name else "numeric") for name in labels]
        if task != Multilabel.name:
            marks = Marks(rows, labels, options)
            columns = [_numeric(rows, name, options) for name in labels]
            for column in columns:
                marks.tell(column)
        return SeveralTargets(columns, task, options)

    def __call__(self, rows: Rows) -> Tensor:
        """``[N, T]``: int64 of 0 and 1, or float64."""
        found = [self._numbers(rows, column) for column in self.columns]
        return torch.from_numpy(np.stack(found, 1))

    def _numbers(self, rows: Rows, column: Column) -> np.ndarray:
        cells = rows.column(column.name, "data.label")
        _check_present(rows, column.name, cells)
        if column.kind != "marks":
            numbers = column.numbers(rows, self.options)
            for row in np.flatnonzero(np.isnan(numbers)).tolist():
                raise UsageError(f"{rows.at(row)}: {column.name} is {cells[row]!r}, and not a finite number")
            return numbers
        for row, cell in enumerate(cells):
            if cell.lower() not in (*YES, *NO):
                raise UsageError(f"{rows.at(row)}: {column.name} is {cell!r}; must be 0 or 1 (or true, false, yes, no)")
        return np.array([cell.lower() in YES for cell in cells], dtype=np.int64)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def outputs(self) -> int:
        return len(self.columns)

    def words(self, y: Tensor) -> str:
        """What there is to predict in the training data, in a line."""
        if self.task == Multilabel.name:
            shown = [f"{plain_name(n)} {count}" for n, count in zip(self.names, y.sum(0).tolist(), strict=True)]
            return f"{len(shown)} labels ({_some(shown)})"
        ends = zip(self.names, y.amin(0).tolist(), y.amax(0).tolist(), strict=True)
        return (
            f"{len(self.columns)} numbers ({_some([f'{plain_name(n)}: {low:g} to {high:g}' for n, low, high in ends])})"
        )


def _numeric(rows: Rows, name: str, options: Options) -> Column:
    column = of_cells(rows, name, options)
    if column.kind != "numeric":
        raise odd(rows, 0, name)
    return column


def _check_present(rows: Rows, name: str, cells: list[str]) -> None:
    for row, cell in enumerate(cells):
        if not cell:
            raise UsageError(f"{rows.at(row)}: has no {name}, which is to be predicted")


def _some(items: list[str]) -> str:
    return ", ".join([*items[:SHOWN], *([f"{len(items) - SHOWN} more"] if len(items) > SHOWN else [])])
