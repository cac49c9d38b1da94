"""What the user should know of a table before anything is trained on it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np

from regab.data.inputs.pieces import are_texts
from regab.data.tables.columns import MANY, NEARLY, Column, Options, plain_name
from regab.data.tables.encode import Cells, known_as
from regab.data.tables.numbers import INFINITE, MISSING, PLAIN
from regab.data.tables.rows import Rows, some

EXAMPLES = 3
FEWEST = 3  # different numbers of which one may stand apart
CODE = re.compile(r"0[0-9]+")
DURATION = re.compile(r"[0-9]+:[0-9]{2}(:[0-9]{2})?(\.[0-9]+)?")
TOTAL = re.compile(r"(grand |sub-?)?total[es]?:?|sum:?|summe:?|(ins)?gesamt:?", re.IGNORECASE)
UNIT = re.compile(r"[-+]?[0-9.,]*[0-9] *(?P<unit>[^\W\d_]{1,6}[²³]?|°[CF]?)")


def summary(rows: Rows, columns: list[Column], most: int) -> str:
    """``12 numeric, 3 categorical (city: 41, job: 7), 1 ignored (column_1)``."""
    kinds = {kind: [c for c in columns if c.kind == kind] for kind in ("numeric", "categorical", "ignored")}
    special = {
        c.why: [other.name for other in kinds["numeric"] if other.why == c.why] for c in kinds["numeric"] if c.why
    }
    notes = [f"{why}: {some(names)}" for why, names in special.items()]
    parts = [f"{len(kinds['numeric'])} numeric" + (f" ({'; '.join(notes)})" if notes else "")]
    if words := kinds["categorical"]:
        sizes = [f"{c.name}: {_size(rows, c, most)}" for c in words]
        parts.append(f"{len(words)} categorical ({some(sizes)})")
    if left := kinds["ignored"]:
        parts.append(f"{len(left)} ignored ({some([f'{c.name}: {c.why}' for c in left])})")
    return ", ".join(parts)


def _size(rows: Rows, column: Column, most: int) -> str:
    size = len(set(rows.columns[column.name]))
    return f"{size}" if size <= most else f"{size}, of which the {most} most frequent have a place"


def remarks(rows: Rows, columns: list[Column], label: str, options: Options) -> Iterator[str]:
    """Sentences on cells taken as missing, and on columns that tell nothing or too much."""
    kept = [c for c in columns if c.kind != "ignored"]
    numeric = [c for c in kept if c.kind == "numeric"]
    if missing := [words for c in numeric if (words := _missing(c.name, rows, options))]:
        yield f"taken as missing: {some(missing)}"
    for column in kept:
        if column.kind == "categorical" and are_texts([cell for cell in rows.columns[column.name] if cell]):
            yield f"{column.name}: texts are taken as words that name a category; data=text_csv reads texts"
        if column.kind == "categorical" and _are_durations(rows.columns[column.name]):
            yield f"{column.name}: times of more than a day are taken as words; write them as one number each"
        if column.kind == "categorical" and (unit := _unit(rows.columns[column.name])):
            yield f"{column.name}: numbers with {unit!r} behind them are taken as words; take it out to have numbers"
        if column.kind == "categorical" and (alike := _alike(rows.columns[column.name])):
            yield f"categories of {column.name} that differ in capitals or spaces alone: {some(alike)}"
    cells = {c.name: rows.columns[c.name] for c in kept}
    if codes := [c.name for c in numeric if not c.date and any(map(CODE.fullmatch, set(cells[c.name])))]:
        words = f"data.categorical=[{codes[0]}] takes them as words"
        yield f"codes with zeros in front are taken as numbers: {some(codes)}; {words}"
    for column in columns:
        if found := Counter(cell for cell in rows.columns[column.name] if TOTAL.fullmatch(cell)):
            count = found.total()
            words = f"is {_name(found)} in {count} row{'s' * (count > 1)}; if these sum up others, take them out"
            yield f"{column.name} {words}"
    distinct = {name: len(set(column)) for name, column in cells.items()}
    if constant := [name for name, count in distinct.items() if count == 1]:
        yield f"the same in every row: {some(constant)}"
    identifying = [c.name for c in kept if distinct[c.name] == len(rows.lines) > 2 and _identifies(c, rows)]
    if identifying:
        yield f"different in every row, as an ID is: {some(identifying)}; leave out by data.ignore=[{identifying[0]}]"
    if alike := _alike(rows.columns[label]):
        yield f"classes that differ in capitals or spaces alone: {some(alike)}"
    if equal := [name for name in cells if _tells(cells[name], rows.columns[label])]:
        words = f"each value goes with one of {label} and the other way round"
        yield f"{some(equal)}: {words}; if that gives it away, data.ignore=[{equal[0]}]"


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


def _alike(cells: list[str]) -> list[str]:
    """Words that are the same but for capitals and spaces; not numbers such as 1e5 and 1E5."""
    words = sorted(word for word in set(cells) if not PLAIN.fullmatch(word))
    bare = Counter("".join(word.split()).lower() for word in words)
    return [repr(word) for word in words if bare["".join(word.split()).lower()] > 1]


def _are_durations(cells: list[str]) -> bool:
    distinct = set(cells)
    return len(distinct) > MANY and sum(map(bool, map(DURATION.fullmatch, distinct))) >= NEARLY * len(distinct)


def apart(name: str, numbers: np.ndarray) -> Iterator[str]:
    """A sentence on a number that several rows have and that is far from all others, as -999 for "missing" is."""
    values, counts = np.unique(numbers[np.isfinite(numbers)], return_counts=True)
    if len(values) < FEWEST:
        return
    for end, rest in ((values[0], values[1:]), (values[-1], values[:-1])):
        count, low, high = counts[values == end][0], rest.min(), rest.max()
        usual = set(f"{abs(end):.15g}") == {"9"}  # 99, -999
        if count > 1 and (usual or len(rest) > MANY) and max(low - end, end - high) > high - low:
            words = f"is {end:.15g} in {count} rows, and else from {low:g} to {high:g}"
            yield f"{name} {words}; if it means missing, name it in data.missing"


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
        yield f"missing, though never in training; the median is taken: {some(never)}"
    for name, words, seen in zip(kept["categorical"], cells.words.T, known, strict=True):
        same = known_as(words.tolist(), seen)
        if new := Counter(word for word in words.tolist() if same[word] is None):
            shown = some([repr(plain_name(word)) for word in new])
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
