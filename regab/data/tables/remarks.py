"""What the user should know of a table before anything is trained on it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np

from regab.data.tables.columns import MANY, NEARLY, Column, Options, plain_name
from regab.data.tables.encode import Cells, known_as
from regab.data.tables.numbers import INFINITE, MISSING, PLAIN
from regab.data.tables.rows import Rows

SHOWN, EXAMPLES = 4, 3
UNIT = re.compile(r"[-+]?[0-9.,]*[0-9] *(?P<unit>[^\W\d_]{1,6}[²³]?|°[CF]?)")


def summary(rows: Rows, columns: list[Column], most: int) -> str:
    """``12 numeric, 3 categorical (city: 41, job: 7), 1 ignored (column_1)``."""
    kinds = {kind: [c for c in columns if c.kind == kind] for kind in ("numeric", "categorical", "ignored")}
    special = {
        c.why: [other.name for other in kinds["numeric"] if other.why == c.why] for c in kinds["numeric"] if c.why
    }
    notes = [f"{why}: {_some(names)}" for why, names in special.items()]
    parts = [f"{len(kinds['numeric'])} numeric" + (f" ({'; '.join(notes)})" if notes else "")]
    if words := kinds["categorical"]:
        sizes = [f"{c.name}: {_size(rows, c, most)}" for c in words]
        parts.append(f"{len(words)} categorical ({_some(sizes)})")
    if left := kinds["ignored"]:
        parts.append(f"{len(left)} ignored ({_some([f'{c.name}: {c.why}' for c in left])})")
    return ", ".join(parts)


def _size(rows: Rows, column: Column, most: int) -> str:
    size = len(set(rows.columns[column.name]))
    return f"{size}" if size <= most else f"{size}, of which the {most} most frequent have a place"


def _some(items: list[str]) -> str:
    return ", ".join([*items[:SHOWN], *(["…"] if len(items) > SHOWN else [])])


def remarks(rows: Rows, columns: list[Column], label: str, options: Options) -> Iterator[str]:
    """Sentences on cells taken as missing, and on columns that tell nothing or too much."""
    kept = [c for c in columns if c.kind != "ignored"]
    numeric = [c for c in kept if c.kind == "numeric"]
    if missing := [words for c in numeric if (words := _missing(c.name, rows, options))]:
        yield f"taken as missing: {_some(missing)}"
    for column in kept:
        if column.kind == "categorical" and (unit := _unit(rows.columns[column.name])):
            yield f"{column.name}: numbers with {unit!r} behind them are taken as words; take it out to have numbers"
    cells = {c.name: rows.columns[c.name] for c in kept}
    distinct = {name: len(set(column)) for name, column in cells.items()}
    if constant := [name for name, count in distinct.items() if count == 1]:
        yield f"the same in every row: {_some(constant)}"
    identifying = [c.name for c in kept if distinct[c.name] == len(rows.lines) > 2 and _identifies(c, rows)]
    if identifying:
        yield f"different in every row, as an ID is: {_some(identifying)}; leave out by data.ignore=[{identifying[0]}]"
    if alike := _alike(rows.columns[label]):
        yield f"classes that differ in capitals alone: {_some(alike)}"
    if equal := [name for name in cells if _tells(cells[name], rows.columns[label])]:
        words = f"each value goes with one of {label} and the other way round"
        yield f"{_some(equal)}: {words}; if that gives it away, data.ignore=[{equal[0]}]"


def _missing(name: str, rows: Rows, options: Options) -> str | None:
    """How many cells of a column of numbers are missing by a word that is no usual one."""
    found = Counter(cell for cell in rows.columns[name] if _is_odd(cell, options))
    count = sum(found.values())
    return f"{_name(found)} in {count} row{'s' * (count > 1)} of {name}" if found else None


def _is_odd(cell: str, options: Options) -> bool:
    lower = cell.lower()
    return bool(INFINITE.fullmatch(cell)) or (lower in options.no_number and lower not in MISSING)


def _name(found: Counter[str]) -> str:
    return ", ".join(repr(cell) for cell, _ in found.most_common(3))


def _unit(cells: list[str]) -> str | None:
    """What stands behind nearly all of many different numbers."""
    found = Counter(match["unit"] for cell in set(cells) if (match := UNIT.fullmatch(cell)))
    unit, count = found.most_common(1)[0] if found else ("", 0)
    return unit if count > MANY and count >= NEARLY * len(set(cells)) else None


def _identifies(column: Column, rows: Rows) -> bool:
    """Whether a column whose cells are all different is words, or counts the rows."""
    if column.kind == "categorical":
        return True
    cells = rows.columns[column.name]
    if not all(cell.isdecimal() and len(cell) < 18 for cell in cells):
        return False
    numbers = np.array([int(cell) for cell in cells])
    return bool((np.diff(numbers) == 1).all())


def _alike(labels: list[str]) -> list[str]:
    lower = Counter(label.lower() for label in set(labels))
    return [repr(label) for label in sorted(set(labels)) if lower[label.lower()] > 1 and not PLAIN.fullmatch(label)]


def _tells(cells: list[str], labels: list[str]) -> bool:
    """Whether values and labels are one to one, and there are fewer of them than rows."""
    values = len(set(cells))
    if not 1 < values < len(cells) or values != len(set(labels)):
        return False
    return len(set(zip(cells, labels, strict=True))) == values


def unlike_training(
    columns: list[Column], cells: Cells, had_gaps: Iterable[bool], known: Iterable[Iterable[str]]
) -> Iterator[str]:
    """Sentences on what other rows have and training has not: ``had_gaps`` is whether a column of numbers had missing
    ones there, ``known`` its words of each column of categories."""
    kept = {kind: [c.name for c in columns if c.kind == kind] for kind in ("numeric", "categorical")}
    gaps = zip(kept["numeric"], np.isnan(cells.numbers).any(0), had_gaps, strict=True)
    if never := [name for name, absent, had in gaps if absent and not had]:
        yield f"missing, though never in training; the median is taken: {_some(never)}"
    for name, words, seen in zip(kept["categorical"], cells.words.T, known, strict=True):
        same = known_as(words.tolist(), seen)
        if new := Counter(word for word in words.tolist() if same[word] is None):
            shown = _some([repr(plain_name(word)) for word in new])
            yield f"{name} is {shown} in {new.total()} rows, none of the categories known"


def described(rows: Rows, columns: list[Column], numbers: np.ndarray) -> Iterator[tuple[str, str]]:
    """Every column's name, and its kind and first values: ``numeric (decimal commas): 0,94 (0.94), 0,37 (0.37), …``."""
    read = iter(numbers.T)
    for column in columns:
        cells = rows.columns[column.name]
        why = f" ({column.why})" if column.why else ""
        if column.kind == "numeric":
            shown = [_as_read(cell, number) for cell, number in zip(cells, next(read), strict=True)]
        else:
            shown = list(dict.fromkeys(cells))
        size = f", {len(shown)} values" if column.kind == "categorical" else ""
        yield column.name, f"{column.kind}{why}{size}: {', '.join(map(plain_name, shown[:EXAMPLES]))}"


def _as_read(cell: str, number: float) -> str:
    if np.isnan(number):
        return f"{cell or 'empty'} (missing)"
    return cell if PLAIN.fullmatch(cell) else f"{cell} ({number:.12g})"
