"""Reading CSV and TSV files, with complaints that name the line."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from regab.errors import UsageError
from regab.targets import unknown

DELIMITERS = ",;\t|"


@dataclass
class Rows:
    """A table as text: its columns by name, and the line of the file in which each row ends.

    ``source`` is how a complaint begins: ``data.path=some.csv``.
    """

    source: str
    columns: dict[str, list[str]]
    lines: list[int]

    def column(self, name: str, key: str) -> list[str]:
        """The cells of a column that the option ``key`` names. Raises UsageError."""
        if name not in self.columns:
            raise UsageError(f"{unknown('column', f'{key}=', name, self.columns)} ({self.source})")
        return self.columns[name]

    def at(self, row: int) -> str:
        """A row's place, as the beginning of a complaint."""
        return f"{self.source}, line {self.lines[row]}"


def read_rows(path: str, key: str, delimiter: str = "auto") -> Rows:
    """A table whose first line names its columns. ``key`` is the option that gave the path.

    ``delimiter`` is one character, or ``auto``: that of ``,;|`` and tab which is most frequent in the first line.
    Raises UsageError where the file cannot be read, is empty, or has lines of different lengths.
    """
    source = f"{key}={path}"
    try:
        with Path(path).expanduser().open(newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            file.seek(0)
            reader = csv.reader(file, delimiter=max(DELIMITERS, key=first.count) if delimiter == "auto" else delimiter)
            numbered = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row]
    except OSError as error:
        raise UsageError(f"{source}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{source}: is not a text file in UTF-8 (byte {error.start})") from error
    except (csv.Error, TypeError) as error:
        raise UsageError(f"{source}: cannot be read as a table ({error})") from error
    return _checked(source, numbered)


def _checked(source: str, numbered: list[tuple[int, list[str]]]) -> Rows:
    if not numbered:
        raise UsageError(f"{source}: is empty")
    (_, header), *rest = numbered
    if not rest:
        raise UsageError(f"{source}: has a first line, which names the columns, and nothing below it")
    if twice := [name for i, name in enumerate(header) if name in header[:i]]:
        raise UsageError(f"{source}: has two columns of the name {twice[0]!r}; the first line must name the columns")
    for line, cells in rest:
        if len(cells) != len(header):
            raise UsageError(f"{source}, line {line}: has {len(cells)} cells, but there are {len(header)} columns")
    cells = zip(*(cells for _, cells in rest), strict=True)
    return Rows(source, dict(zip(header, map(list, cells), strict=True)), [line for line, _ in rest])
