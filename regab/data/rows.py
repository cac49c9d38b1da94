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
    """A table as text: its columns by name (or "0", "1", …), and the line of the file in which each row ends.

    ``source`` is how a complaint begins: ``data.path=some.csv``.
    """

    source: str
    columns: dict[str, list[str]]
    lines: list[int]

    def column(self, name: str | int, key: str) -> list[str]:
        """The cells of a column, by name or position, that the option ``key`` asks for. Raises UsageError."""
        if isinstance(name, int):
            if not 0 <= name < len(self.columns):
                raise UsageError(f"{key}={name}: there are {len(self.columns)} columns, from 0 ({self.source})")
            return list(self.columns.values())[name]
        if name not in self.columns:
            raise UsageError(f"{unknown('column', f'{key}=', name, self.columns)} ({self.source})")
        return self.columns[name]

    def at(self, row: int) -> str:
        """A row's place, as the beginning of a complaint."""
        return f"{self.source}, line {self.lines[row]}"

    def named(self) -> Rows:
        """The same with columns named by the first row. Raises UsageError where that cannot be."""
        header = [cells[0] for cells in self.columns.values()]
        if len(self.lines) == 1:
            raise UsageError(f"{self.source}: has a first line, which names the columns, and nothing below it")
        if twice := [name for i, name in enumerate(header) if name in header[:i]]:
            complaint = f"has two columns of the name {twice[0]!r}; the first line must name the columns"
            raise UsageError(f"{self.source}: {complaint}")
        cells = [cells[1:] for cells in self.columns.values()]
        return Rows(self.source, dict(zip(header, cells, strict=True)), self.lines[1:])


def read_rows(path: str, key: str, delimiter: str = "auto", raw_tabs: bool = False) -> Rows:
    """A table whose columns are called "0", "1", … ``key`` is the option that gave the path.

    ``delimiter`` is one character, or ``auto``: a tab if there is one in the first line, else that of ``,;|`` which is
    most frequent there. With ``raw_tabs``, quotes are ordinary characters in what tabs separate. Raises UsageError
    where the file cannot be read, is empty, or has lines of different lengths.
    """
    source = f"{key}={path}"
    try:
        with Path(path).expanduser().open(newline="", encoding="utf-8-sig") as file:
            delimiter = _sniffed(file.readline()) if delimiter == "auto" else delimiter
            file.seek(0)
            quoting = csv.QUOTE_NONE if raw_tabs and delimiter == "\t" else csv.QUOTE_MINIMAL
            reader = csv.reader(file, delimiter=delimiter, quoting=quoting)
            numbered = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row]
    except OSError as error:
        raise UsageError(f"{source}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{source}: is not a text file in UTF-8 (byte {error.start})") from error
    except (csv.Error, TypeError) as error:
        raise UsageError(f"{source}: cannot be read as a table ({error})") from error
    return _checked(source, numbered)


def _sniffed(first: str) -> str:
    return "\t" if "\t" in first else max(DELIMITERS, key=first.count)


def _checked(source: str, numbered: list[tuple[int, list[str]]]) -> Rows:
    if not numbered:
        raise UsageError(f"{source}: is empty")
    width = len(numbered[0][1])
    for line, cells in numbered:
        if len(cells) != width:
            raise UsageError(f"{source}, line {line}: has {len(cells)} cells, but the first line has {width}")
    columns = zip(*(cells for _, cells in numbered), strict=True)
    return Rows(source, {str(i): list(cells) for i, cells in enumerate(columns)}, [line for line, _ in numbered])
