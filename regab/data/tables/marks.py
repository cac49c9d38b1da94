"""What stands before the decimals of a file's numbers: a point or a comma."""

from __future__ import annotations

from regab.data.tables.columns import MARKS, Column, Options, shown
from regab.data.tables.numbers import form, value
from regab.data.tables.rows import Rows
from regab.errors import UsageError

Possible = tuple[tuple[str, ...], str | None]  # marks by which a column can be read, and a cell that differs by them


class Marks:
    """The decimal marks of columns of numbers: as the user says, or as a column's cells or else other columns prove.

    ``1,941`` alone may be 1941 or 1.941, but beside ``2,5`` or ``0,941`` it is 1.941, and beside ``1,941.5`` 1941.
    """

    def __init__(self, rows: Rows, names: list[str], options: Options) -> None:
        self.rows, self.options, self.asked = rows, options, MARKS[options.decimal]
        self.plain = {name for name in names if options.plain(rows.columns[name]) is not None}
        self.possible = {n: _spelled(rows.columns[n], options) for n in names if n not in self.plain}
        if any(marks != (".",) for marks, _ in self.possible.values()):  # else nothing speaks for commas
            self.possible |= {name: _pointed(rows.columns[name]) for name in self.plain}
        self.proven = {marks[0] for marks, _ in self.possible.values() if len(marks) == 1}

    def tell(self, column: Column) -> None:
        """A column what stands before its decimals, and what else its numbers are written with. Raises UsageError."""
        column.mark = self.of(column.name)
        cells = self.rows.columns[column.name]
        if column.name in self.plain and (column.mark == "." or not any("." in cell for cell in cells)):
            column.grouped, column.unit = False, ""  # as Spelling would find, which takes seconds for 1e6 cells
        else:
            column.spelled(cells, self.options)

    def of(self, name: str) -> str:
        """Raises UsageError where nothing tells."""
        if self.asked is not None:
            return self.asked
        marks, example = self.possible.get(name, ((".",), None))
        if len(marks) == 1:
            return marks[0]
        if len(self.proven) == 1:
            return min(self.proven)
        if example is None or name in self.plain:
            return "."
        place = self.rows.at(self.rows.columns[name].index(example))
        number = form(example)
        assert number is not None, "an example can be read by either mark"
        numbers = " or ".join(f"{value(number, mark):g}" for mark in ".,")
        cure = "set data.decimal=point or data.decimal=comma"
        raise UsageError(f"{place}: {name} is {shown(example)}, which may be {numbers}; {cure}")


def _spelled(cells: list[str], options: Options) -> Possible:
    spelling = options.spelling(cells)
    return spelling.decimals, spelling.ambiguous


def _pointed(cells: list[str]) -> Possible:
    """Of cells that are written as in Python: whether their points may stand between thousands."""
    pointed = [cell for cell in dict.fromkeys(cells) if "." in cell and cell != "."]
    for cell in pointed:
        if (found := form(cell)) is None or value(found, ",") is None:
            return (".",), None
    return (".", ","), pointed[0] if pointed else None


def set_marks(rows: Rows, columns: list[Column], label: str, options: Options) -> Marks:
    """Tell every column of numbers what stands before its decimals. Raises UsageError where nothing tells."""
    numeric = [column for column in columns if column.kind == "numeric" and not column.date]
    marks = Marks(rows, [*(column.name for column in numeric), label], options)
    for column in numeric:
        marks.tell(column)
        if column.mark == "," and any("," in cell for cell in rows.columns[column.name]):
            column.why = "decimal commas"
    return marks
