"""What a script left in its folder, as a row per epoch."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from regab.errors import UsageError
from regab.records.log import METRICS, RESULT
from regab.targets import flat

Rows = list[dict[str, float]]

OUTPUT = "run.log"
COUNTERS = ("epoch", "step", "_step", "iteration", "global_step")


def rows_of(folder: Path, pattern: str | None) -> Rows:
    """A row per epoch, 1, 2, …, without the column that counts them; empty where nothing was reported.

    By the first of these that is there: lines of output that match ``pattern``; ``metrics.csv``, or any other table of
    epochs (as Lightning's and Keras' CSVLogger write it); TensorBoard's event files. The numbers of ``result.json`` are
    those of the last row. Raises ValueError for a file that cannot be read.
    """
    rows = matched(folder / OUTPUT, pattern) if pattern else []
    rows = rows or table_rows(folder) or event_rows(folder)
    if final := _final(folder / RESULT):
        rows = [*rows[:-1], (rows[-1] if rows else {}) | final]
    return rows


def matched(path: Path, pattern: str) -> Rows:
    """The lines that a regular expression finds something in, by its named groups. Those of one epoch come together."""
    found: Rows = []
    if path.is_file():
        for line in path.read_text(errors="replace").splitlines():
            for match in re.finditer(pattern, line):
                numbers = {k: _number(v) for k, v in match.groupdict().items() if v is not None}
                found.append({k: v for k, v in numbers.items() if v is not None})
    return by_counter(found)


def table_rows(folder: Path) -> Rows:
    """The rows of ``metrics.csv``, or of the newest other table that counts epochs or steps."""
    own = folder / METRICS
    tables = [own] if own.is_file() else sorted(folder.rglob("*.csv"), key=lambda path: path.stat().st_mtime)
    for path in reversed(tables):
        rows = _table(path)
        if rows and (path == own or any(name in rows[0] for name in COUNTERS)):
            return by_counter([{k: v for k, v in row.items() if v is not None} for row in rows])
    return []


def _table(path: Path) -> list[dict[str, float | None]]:
    with path.open(newline="", errors="replace") as file:
        rows = list(csv.DictReader(file))
    # A last line cut short, by a script that is still writing or was killed, is left out.
    whole = [row for row in rows if None not in row and None not in row.values()]
    return [{k.strip(): _number(v) for k, v in row.items()} for row in whole]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def by_counter(rows: Iterable[dict[str, float]]) -> Rows:
    """Rows of one epoch (or step) together, the last value of a column counting; without the columns that count."""
    rows = list(rows)
    counter = next((name for name in COUNTERS if any(name in row for row in rows)), None)
    together: dict[float, dict[str, float]] = {}
    for index, row in enumerate(rows):
        key = row.get(counter, math.inf) if counter else index
        together.setdefault(key, {}).update({k: v for k, v in row.items() if k not in COUNTERS})
    found = [row for row in together.values() if row]
    return _once_at_the_end(found)


def _once_at_the_end(rows: Rows) -> Rows:
    """Columns of a last row that has no others, as of a final test, belong to the row before it."""
    if len(rows) > 1 and not rows[-1].keys() & rows[-2].keys():
        return [*rows[:-2], rows[-2] | rows[-1]]
    return rows


def event_rows(folder: Path) -> Rows:
    """The scalars of TensorBoard's event files, a row per step. Raises UsageError without TensorBoard."""
    files = sorted(folder.rglob("events.out.tfevents.*"))
    if not files:
        return []
    try:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    except ImportError:
        raise UsageError("the script left TensorBoard's event files; to read them: pip install tensorboard") from None
    found: dict[float, dict[str, float]] = {}
    for place in dict.fromkeys(file.parent for file in files):
        events = EventAccumulator(str(place), size_guidance={"scalars": 0})
        events.Reload()
        for tag in events.Tags()["scalars"]:
            for event in events.Scalars(tag):
                found.setdefault(event.step, {})[tag] = event.value
    return _once_at_the_end([found[step] for step in sorted(found)])


def _final(path: Path) -> dict[str, float]:
    """The numbers in a script's ``result.json``; of regab's own, none."""
    if not path.is_file():
        return {}
    content: Any = json.loads(path.read_text("utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} is no object of numbers")
    if "digest" in content and "selected" in content:
        return {}
    numbers = {k: v for k, v in flat(content) if isinstance(v, int | float) and not isinstance(v, bool)}
    return {k: float(v) for k, v in numbers.items() if k not in COUNTERS}
