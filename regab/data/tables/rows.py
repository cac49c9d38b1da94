"""Reading CSV and TSV files, with complaints that name the line."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from regab.data.inputs.decode import read_text
from regab.errors import UsageError
from regab.targets import unknown

DELIMITERS = ",;|"
NAMED_DELIMITERS = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}
SHOWN = 4
COMMENT = "#"
EXCEL = re.compile(r"sep=(.)\r?\n")  # a line by which Excel is told the separator
QUOTED = re.compile(r'"(?:[^"]|"")*"')
NO_TABLE = {  # how texts begin that are no tables
    "JSON of neither records nor columns": re.compile(r"\s*(\[\s*[\[\]{\"]|\{\s*\")"),
    "an ARFF file": re.compile(r"(\s|%.*)*@relation\b", re.IGNORECASE),
    "HTML or XML": re.compile(r"\s*<(!doctype|html|table|\?xml)\b", re.IGNORECASE),
}
Record = tuple[int, int, list[str]]  # the first and the last line of a row, and its cells


@dataclass
class Rows:
    """A table as text: its columns by name (or "0", "1", …), and the line of the file in which each row begins.

    ``source`` is how a complaint begins: ``data.path=some.csv``. ``nameless`` are columns that were called
    ``column_1``, … since their file does not name them; ``said`` is what was left out. A table that has types counts in
    another ``unit`` than lines, and says which columns are ``words``, whatever they look like.
    """

    source: str
    columns: dict[str, list[str]]
    lines: list[int]
    nameless: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    unit: str = "line"
    words: list[str] = field(default_factory=list)

    def column(self, name: str | int, key: str) -> list[str]:
        """The cells of a column, by name or position, that the option ``key`` asks for. Raises UsageError."""
        if isinstance(name, int):
            if not 0 <= name < len(self.columns):
                raise UsageError(f"{key}={name}: there are {len(self.columns)} columns, from 0 ({self.source})")
            return list(self.columns.values())[name]
        if name not in self.columns:
            raise UsageError(f"{unknown('column', f'{key}=', name, self.columns)} ({self.source})")
        return self.columns[name]

    def unused(self, *used: int | str | None) -> list[str]:
        """A sentence on other columns than those that are used, by name or position, if there are such."""
        names = list(self.columns)
        taken = {names[column] if isinstance(column, int) else column for column in used}
        left = [name for name in names if name not in taken]
        return [f"not used: the columns {some(left)}"] if left else []

    def at(self, row: int) -> str:
        """A row's place, as the beginning of a complaint."""
        return f"{self.source}, {self.unit} {self.lines[row]}"

    def named(self) -> Rows:
        """The same with columns named by the first row; those without a name and content are left out.

        Raises UsageError where that cannot be.
        """
        if len(self.lines) == 1:
            raise UsageError(f"{self.source}: has a first line, which names the columns, and nothing below it")
        cells = {i: cells for i, cells in enumerate(self.columns.values(), 1) if any(cells)}
        header = {i: column_name(column[0]) or f"column_{i}" for i, column in cells.items()}
        names = list(header.values())
        if twice := [name for i, name in enumerate(names) if name in names[:i]]:
            complaint = f"has two columns of the name {twice[0]!r}; the first line must name the columns"
            raise UsageError(f"{self.source}: {complaint}, each by its own name")
        nameless = [header[i] for i, column in cells.items() if not column_name(column[0])]
        columns = {header[i]: column[1:] for i, column in cells.items()}
        words = [column_name(name) for name in self.words]
        return Rows(self.source, columns, self.lines[1:], nameless, self.said, self.unit, words)


def column_name(name: str) -> str:
    """The name of a column as it is read and asked for: printable, with single spaces."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())


def some(items: list[str]) -> str:
    """The first of them, in a sentence."""
    return ", ".join([*items[:SHOWN], *(["…"] if len(items) > SHOWN else [])])


def read_rows(path: str, key: str, delimiter: str = "auto", raw_tabs: bool = False, encoding: str = "auto") -> Rows:
    """A table whose columns are called "0", "1", … ``key`` is the option that gave the path, if one did.

    ``delimiter`` is one character, ``tab``, or ``auto``: a tab if there is one in the first line, else that of ``,;|``
    which is most frequent there, or spaces if there is none of these. Rows without any content and lines of another
    length that begin with # are left out, as are empty cells beyond the first line's. A first line with one name less,
    as R writes it, names all columns but the first. With ``raw_tabs``, for texts, # and spaces are nothing special, and
    between tabs quotes are ordinary characters, unless all cells of the first line are in quotes, or lines have one
    length only with quotes. Raises UsageError where the file cannot be read, is empty or no table, has lines of
    different lengths or a quote that is never closed. Parquet, Feather and JSON files are read by what they say of
    their types (see ``regab.data.tables.frames``).
    """
    from regab.data.tables.frames import read_frame, rows_of

    source = f"{key}={path}" if key else path
    if (frame := read_frame(path, source)) is not None:
        return rows_of(frame, source)
    text = read_text(path, source, encoding)
    lines, above = list(io.StringIO(text, newline="")), 0
    if not raw_tabs:
        if kind := next((kind for kind, begin in NO_TABLE.items() if begin.match(text)), None):
            raise UsageError(f"{source}: is {kind}, and no table; save it as CSV")
        lines, above = _without_comments(lines)
    told = EXCEL.match(text)
    if delimiter == "auto":
        delimiter = told[1] if told else _sniffed(lines, spaces=not raw_tabs)
    delimiter = NAMED_DELIMITERS.get(delimiter, delimiter)
    try:
        rows, quoting = _read(lines, bool(told), delimiter, raw_tabs and delimiter == "\t")
    except (csv.Error, TypeError, ValueError) as error:
        raise UsageError(f"{source}: cannot be read as a table ({error})") from error
    if rows and quoting == csv.QUOTE_MINIMAL and (line := _unclosed(lines, rows[-1][0], delimiter)):
        raise UsageError(f"{source}, line {line}: opens a quote that is never closed")
    return _checked(source, rows if raw_tabs else _with_row_names(rows, lines), above, not raw_tabs)


def _without_comments(lines: list[str]) -> tuple[list[str], int]:
    """The same, those at the beginning that begin with # as empty lines, but for a last one that names the columns;
    and how many these are."""
    first = next((i for i, line in enumerate(lines) if line.strip() and line[0] != COMMENT), 0)
    above = [i for i in range(first) if lines[i].strip()]
    if above:
        delimiter = _sniffed(lines[first:], spaces=True)
        cells = [
            len(next(csv.reader([lines[i]], delimiter=delimiter, skipinitialspace=True))) for i in (above[-1], first)
        ]
        first = above.pop() if cells[0] == cells[1] else first
    return [*["\n"] * first, *lines[first:]], len(above)


def _sniffed(lines: list[str], spaces: bool) -> str:
    """Spaces only if neither of the first two lines has anything else."""
    first, second, *_ = (*(QUOTED.sub("", line).strip("\r\n") for line in lines if line.strip()), "", "")
    found = "\t" if "\t" in first else max(DELIMITERS, key=first.count)
    others = any(mark in line for mark in ("\t", *DELIMITERS) for line in (first, second))
    return " " if spaces and not others and " " in first.strip() else found


def _read(lines: list[str], told: bool, delimiter: str, raw: bool) -> tuple[list[Record], int]:
    """The rows, and whether quotes were ordinary characters, as they are if ``raw`` unless rows show otherwise."""
    read = partial(_records, lines, told, delimiter=delimiter, skipinitialspace=True)
    rows = read(quoting=csv.QUOTE_NONE if raw else csv.QUOTE_MINIMAL)
    if raw and (_all_quoted(rows) or _is_ragged(rows)):
        with suppress(csv.Error):
            quoted = read(strict=True)
            if not _is_ragged(quoted):
                return quoted, csv.QUOTE_MINIMAL
    return rows, csv.QUOTE_NONE if raw else csv.QUOTE_MINIMAL


def _all_quoted(rows: list[Record]) -> bool:
    return bool(rows) and all(map(QUOTED.fullmatch, rows[0][2]))


def _is_ragged(rows: list[Record]) -> bool:
    return any(len(cells) < len(rows[0][2]) or any(cells[len(rows[0][2]) :]) for _, _, cells in rows if any(cells))


def _records(lines: list[str], told: bool, **dialect: Any) -> list[Record]:
    """Every row's first and last line, and its cells."""
    csv.field_size_limit(sys.maxsize)  # cells may be long texts
    reader, found, begin = csv.reader(lines[told:], **dialect), [], 1 + told
    for row in reader:
        end = reader.line_num + told
        if row:
            found.append((begin, end, [cell.strip() for cell in row]))
        begin = end + 1
    return found


def _unclosed(lines: list[str], begin: int, delimiter: str) -> int | None:
    """The line in which the last row, which begins in a line, opens a quote that is still open at the end."""
    text, sep = "".join(lines[begin - 1 :]), re.escape(delimiter)
    last = [*re.finditer(rf'(?:^|{sep}) *(?P<quote>"[^"]*(?:""[^"]*)*(?P<closed>"?))[^{sep}]*', text)]
    if not last or last[-1]["closed"]:
        return None
    return begin + text[: last[-1].start("quote")].count("\n")


def _with_row_names(rows: list[Record], lines: list[str]) -> list[Record]:
    """As R writes tables: where the first line has one cell less than all others, and these begin with the name of a
    row, in quotes or its number, that column has no name."""
    (begin, end, names), *others = rows or [(0, 0, [])]
    if not others or any(len(cells) != len(names) + 1 or not cells[-1] for _, _, cells in others):
        return rows
    counted = all(cells[0] == str(i) for i, (_, _, cells) in enumerate(others, 1))
    quoted = all(lines[line - 1].lstrip()[:1] == '"' for line, _, _ in others)
    return [(begin, end, ["", *names]), *others] if counted or quoted else rows


def _checked(source: str, rows: list[Record], above: int, comments: bool) -> Rows:
    if not rows:
        raise UsageError(f"{source}: is empty")
    width = len(rows[0][2])
    remarks = [row for row in rows[1:] if comments and row[2][0][:1] == COMMENT and len(row[2]) != width]
    left = {row[0] for row in remarks}
    filled = [row for row in rows if row[0] not in left]
    kept = [row for row in filled if any(row[2]) or row is rows[0]]
    columns = zip(*_squared(source, kept, width), strict=True)
    counts = {"without content": len(filled) - len(kept), f"that begin with {COMMENT}": above + len(remarks)}
    said = [f"{count} rows {kind} left out" for kind, count in counts.items() if count]
    return Rows(source, {str(i): list(cells) for i, cells in enumerate(columns)}, [row[0] for row in kept], said=said)


def _squared(source: str, rows: list[Record], width: int) -> Iterator[list[str]]:
    title = sum(map(bool, rows[0][2])) == 1
    for begin, end, cells in rows:
        if len(cells) < width or any(cells[width:]):
            hint = f"; it goes on to line {end}, so look for a quote that is not closed" if end > begin else ""
            hint = hint or "; the first line must name the columns: take out what is above them" * title
            raise UsageError(f"{source}, line {begin}: has {len(cells)} cells, but the first line has {width}{hint}")
        yield cells[:width]
