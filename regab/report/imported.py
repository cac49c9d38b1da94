"""``regab report table.csv``: results that were made elsewhere, as a folder of regab's to report on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from regab.analysis.table import metrics_of
from regab.analysis.verdicts.compare import column_of, compare, default_metric, with_direction
from regab.errors import UsageError
from regab.records.columns import higher_is_better
from regab.records.imports.columns import Asked
from regab.records.imports.source import Found
from regab.records.imports.table import Imported, find, imported, known_metrics, write
from regab.records.log import HIDDEN
from regab.records.results import RESULTS, run_folders
from regab.report.study import Options

if TYPE_CHECKING:
    from pandas import DataFrame


def is_ours(path: Path) -> bool:
    """Whether this is a folder of regab's: of a sweep, of a run, or of earlier reports; or one above such folders."""
    if (path / HIDDEN).is_dir():  # a sweep of regab's, whatever has become of its files
        return True
    if not path.is_dir():
        return False
    if (path / ".hydra" / "overrides.yaml").is_file() or run_folders_in(path):
        return True
    return any(is_table_of_ours(table) for table in (path / RESULTS, *path.glob(f"*/{RESULTS}")))


def run_folders_in(path: Path) -> bool:
    """Whether runs of regab's lie in this folder."""
    return not (path / RESULTS).is_file() and bool(run_folders(path))


def is_table_of_ours(path: Path) -> bool:
    """Whether this is a sweep's ``results.csv``."""
    if path.name != RESULTS or not path.is_file():
        return False
    with path.open(errors="replace") as file:
        return {"seed", "status", "folder"} <= set(file.readline().strip().split(","))


def table_at(paths: Sequence[Path]) -> Found:
    """The runs in files made elsewhere. Raises UsageError."""
    for path in paths:
        if not path.exists():
            raise UsageError(f"report {path}: there is no such folder or file")
    return find(paths)


def bring_in(paths: Sequence[Path], asked: Asked, options: Options, place: Path, given: Found | None = None) -> Options:
    """Write what was found (or ``given``) to ``place``, and say by what it is compared.

    Raises UsageError, writing nothing.
    """
    found = imported(given or table_at(paths), asked, known_metrics())
    metric = found.metric or headline_of(found.results, options.at)
    found.results = with_direction(found.results, metric, options.direction)
    compare(found.results, options.baseline, metric, options.practical or 0.0, options.at)  # refused before writing
    found.results.attrs["headline"] = metric
    write(found, place, paths)
    way = "up" if higher_is_better(column_of(found.results, metric, options.at)) else "down"
    print(_recognized(found, metric, way))
    return replace(options, metric=metric)


def headline_of(results: DataFrame, at: str = "selected") -> str:
    """What to compare by where nothing is said. Raises UsageError where that is a choice."""
    there = metrics_of(results, at)
    usual = default_metric(results, at)
    told = {*known_metrics(), *(results.attrs.get("metrics") or {}), results.attrs.get("headline")}
    if usual in there and usual in told:
        return usual
    if len(there) != 1:
        what = f"there is: {', '.join(there)}" if there else "no column looks like one"
        raise UsageError(f"which column says how good a run is? Say --metric NAME; {what}")
    return there[0]


def _recognized(found: Imported, metric: str, direction: str) -> str:
    """What was taken for what, so that it can be seen where it is wrong."""
    factors = ", ".join(found.roles.factors) or "none"
    seed = f"seed: {found.roles.seed}" if found.roles.seed else "no column of seeds"
    return f"{found.layout}, {len(found.results)} runs; factors: {factors}; {seed}; metric: {metric} ({direction})"
