"""A look at a sweep that is being trained: what is undecided, and what would decide it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from regab.analysis.baseline import variants_of
from regab.analysis.table import read, variant_names
from regab.analysis.verdicts.undecided import hopeless, undecided, wanted
from regab.errors import UsageError
from regab.records.looks import load_looks
from regab.report.factors import level_name
from regab.report.looks import finished, judge_at, keep, one_step

if TYPE_CHECKING:
    from pandas import DataFrame

NAMED = 6  # questions in a line


class Found(NamedTuple):
    """``folders``: of the runs of variants that should have more seeds than the ``seeds`` that there are."""

    words: str
    folders: set[str]
    seeds: int = 0


def look(root: Path, folders: set[str], most: int) -> Found:
    """Judge the runs in these folders; the look is kept in ``looks.json``.

    Where nothing was said of what is too small to matter, it is the smallest difference that the metric can show.
    """
    try:
        table = read([root])
        table = table[[Path(folder).name in folders for folder in table["folder"]]].reset_index(drop=True)
        practical = one_step(table)
    except UsageError as error:
        return Found(str(error), set())
    if not (table["status"] == "finished").any():
        return Found("no run has finished, so there is nothing to judge", set())
    known = load_looks(root)
    practical = practical if known.practical is None else known.practical
    looks = replace(known, practical=practical).at(finished(table))
    keep(root, looks)
    judgement = judge_at(table, looks, None, None, practical, "selected")
    n = table["seed"].nunique()
    open_rows, names = undecided(judgement), set(wanted(judgement, variants_of(table)))
    without = hopeless(judgement)
    lost = f"; no more seeds for {_few(without)}, of which no run has a value" if without else ""
    if not names:
        return Found(f"{n} seeds: everything {'else ' if without else ''}is decided{lost}", set())
    words = f"{n} seeds: undecided {_named(open_rows)}{lost}"
    if n >= most:
        return Found(f"{words}; {most} seeds are the most", set())
    there = zip(table["folder"], variant_names(table), strict=True)
    return Found(words, {Path(folder).name for folder, name in there if name in names}, n)


def _named(rows: DataFrame) -> str:
    return _few([level_name(r.factor, r.level) for r in rows.itertuples()] if "factor" in rows else [*rows["variant"]])


def _few(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
