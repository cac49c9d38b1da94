"""``regab ls``: what there is under ``outputs/``."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from regab.arguments import Arguments
from regab.errors import UsageError
from regab.records.columns import cell, column, measures_from, words
from regab.records.load import load_result, load_yaml
from regab.records.log import OVERRIDES
from regab.records.printable import printable
from regab.records.results import (
    OUTCOME,
    REPLICATE,
    RESULTS,
    Rows,
    is_run,
    load_measures,
    load_results,
    outcome,
    variant_name,
    varying,
)  # fmt: skip
from regab.records.state import State, bytes_in, folders_below, size_words, state_of

TEXT = """\
List the sweeps and single runs below a folder: what was asked, the best variant and its verdict, size and state
(finished, running, interrupted: runs are left to train, failed: some runs have).
"""
HEAD = ["folder", "state", "runs", "question", "best", "verdict", "size"]
MOST, LONGEST = 5, 60  # levels that are all named, and characters of a question


def run(words: Sequence[str]) -> int:
    """``regab ls``. Raises UsageError."""
    made = Arguments(prog="regab ls", description=TEXT)
    made.add_argument("folder", nargs="?", type=Path, default=Path("outputs"), metavar="DIR", help="default: outputs")
    root = made.parse_args([*words]).folder
    if not root.is_dir():
        raise UsageError(f"ls {root}: there is no such folder; regab train writes to outputs")
    rows = [line_of(folder) for folder in folders_below(root)]
    if not rows:
        print(printable(f"{root}: nothing of regab's is here; regab train writes to outputs"))
        return 0
    widths = [max(len(row[i]) for row in [HEAD, *rows]) for i in range(len(HEAD))]
    for row in [HEAD, *rows]:
        print(printable("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()))
    return 0


def line_of(root: Path) -> list[str]:
    """A folder in the columns of ``HEAD``. What cannot be read is left empty."""
    state, asked, best = state_of(root), "?", ("", "")
    with suppress(UsageError, OSError, KeyError, ValueError):
        asked = question(state)
    with suppress(UsageError, OSError, KeyError, ValueError):
        best = _of_a_run(root) if is_run(root) else best_of(root)
    done = f"{len(state.finished)}/{len(state.runs)}"
    return [str(root), state.word, done, asked, *best, size_words(bytes_in(root))]


def question(state: State) -> str:
    """``dropout.rate=0,0.5 norm.kind=none,batch, 5 seeds``: what a sweep varies; the overrides of a single run."""
    if is_run(state.root):
        return _short(variant_name(dict(_overrides(state.root))) if _overrides(state.root) else "a single run")
    asked = _asked(state)
    levels = {key: list(dict.fromkeys(row.get(key, "") for row in asked)) for key in _factors(asked)}
    varied = " ".join(f"{key.removeprefix('reg.')}={_levels(values)}" for key, values in levels.items())
    repeated = [_counted(asked, key, name) for key, name in zip(REPLICATE, ("seed", "fold"), strict=True)]
    return ", ".join(filter(None, [_short(varied), *repeated])) or "one variant"


def _asked(state: State) -> list[dict[str, str]]:
    """What was asked for of every run: from the table of a sweep, if that has them all, or from the runs' files."""
    rows: Rows = load_results(state.root) if (state.root / RESULTS).is_file() else []
    if rows and len(rows) >= len(state.runs):
        factors = [*rows[0]][: [*rows[0]].index(OUTCOME[0])]
        keep = [*factors, "seed"]
        return [{key: row[key] for key in keep} | ({"data.fold": row["fold"]} if row["fold"] else {}) for row in rows]
    return [dict(_overrides(folder)) for folder in state.runs if (folder / OVERRIDES).is_file()]


def _factors(asked: list[dict[str, str]]) -> list[str]:
    return [key for key in varying(asked) if key not in REPLICATE]


def _overrides(folder: Path) -> dict[str, str]:
    return dict(word.partition("=")[::2] for word in load_yaml(folder / OVERRIDES))


def _levels(values: list[str]) -> str:
    return ",".join(values) if len(values) <= MOST else f"{values[0]},…,{values[-1]} ({len(values)})"


def _counted(asked: list[dict[str, str]], key: str, name: str) -> str:
    count = len({row[key] for row in asked if key in row})
    return f"{count} {name}s" if count > 1 else ""


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _of_a_run(root: Path) -> tuple[str, str]:
    result = load_result(root)
    return (outcome(result) if result else ""), ""


def best_of(root: Path) -> tuple[str, str]:
    """The variant with the best mean in a sweep's ``effects.csv``, and its verdict; empty where there is none yet."""
    with (root / "effects.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["mean"]]
    if not rows:
        return "", ""
    measured = column(rows[0]["metric"], measures_from(load_measures(root).get("metrics")))
    best = max(rows, key=lambda row: _rank(row, measured.measure.upwards))
    return f"{best['variant']}: {words(measured)} {cell(measured, float(best['mean']))}", best["verdict"]


def _rank(row: dict[str, Any], upwards: bool) -> float:
    mean = float(row["mean"])
    return -math.inf if math.isnan(mean) else mean if upwards else -mean
