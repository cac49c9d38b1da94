"""Tables of results that are in memory, compared and reported on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regab.api.options import COLUMNS, COMPARED, REPORTED, check
from regab.errors import UsageError
from regab.records.imports.columns import Asked, level
from regab.records.imports.spreadsheet import from_table
from regab.records.imports.table import imported, known_metrics

if TYPE_CHECKING:
    from pandas import DataFrame


Baseline = str | dict[str, Any] | None
OURS = {"seed", "status", "folder"}  # columns of a sweep's results.csv


def judged(
    results: Any,
    baseline: Baseline,
    metric: str | None,
    practical: float,
    at: str,
    columns: dict[str, Any],
) -> DataFrame:
    """``regab.compare``; ``columns`` are ``factors``, ``seed`` and ``direction``, if they are said."""
    from regab.analysis.selection import check_selected
    from regab.analysis.verdicts.compare import compare, with_direction
    from regab.report.imported import headline_of

    asked = {"baseline": baseline, "metric": metric, "practical": practical, "at": at}
    check(asked | columns, (*COMPARED, *COLUMNS))
    table, named = as_results(results, Asked(tuple(columns.get("factors") or ()), columns.get("seed"), metric))
    named = named or metric or headline_of(table, at)
    check_selected(table, named, at)
    return compare(with_direction(table, named, columns.get("direction")), _as_text(baseline), named, practical, at)


def as_results(results: Any, asked: Asked) -> tuple[DataFrame, str | None]:
    """A table as ``regab.analysis.table.read`` gives it, and what the metric that was asked for is called in it."""
    from regab.api.trained import Sweep
    from regab.report.imported import is_ours, table_at

    if isinstance(results, Sweep):
        return results.results, None
    if isinstance(results, str | Path):
        path = Path(results)
        if is_ours(path):
            return Sweep([path]).results, None
        found = imported(table_at([path]), asked, known_metrics())
        return found.results, found.metric
    results = _named(results)
    if set(results) >= OURS and any(name.startswith("selected_") for name in results):
        return _retyped(results), None
    found = imported(from_table(results), asked, known_metrics())
    return found.results, found.metric


def _named(frame: Any) -> DataFrame:
    """With columns of text, and with an index that has names as columns. Raises UsageError for what is no table."""
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        cure = "give a DataFrame with a row per run, a sweep, or the path of a folder or table"
        raise UsageError(f"a {type(frame).__name__} is no table of results; {cure}")
    if any(frame.index.names):
        frame = frame.reset_index()
    return frame.rename(columns=str)


def _retyped(frame: DataFrame) -> DataFrame:
    """A sweep's ``results.csv`` as pandas reads it: levels become the texts that they are."""
    import pandas as pd

    frame = frame.copy()
    if "fold" not in frame:
        frame.insert(list(frame).index("seed") + 1, "fold", pd.NA)
    for factor in list(frame)[: list(frame).index("seed")]:
        frame[factor] = [level(None if pd.isna(cell) else cell) for cell in frame[factor]]
    reasons = frame["reason"] if "reason" in frame else [""] * len(frame)
    frame["reason"] = ["" if pd.isna(reason) else reason for reason in reasons]
    return frame.astype({"seed": "int64", "fold": "Int64"})


def _as_text(baseline: Baseline) -> str | dict[str, str] | None:
    return {key: level(value) for key, value in baseline.items()} if isinstance(baseline, dict) else baseline


def reported(results: Sequence[Any], to: str | Path | None, options: dict[str, Any]) -> Path:
    """``regab.report``. Raises UsageError, CannotWrite."""
    from regab.api.trained import Sweep
    from regab.report.command import fresh_place
    from regab.report.imported import is_ours

    check(options, dict.fromkeys((*REPORTED, *COLUMNS)))
    columns = Asked(tuple(options.pop("factors", None) or ()), options.pop("seed", None), options.get("metric"))
    options["baseline"] = _as_text(options.get("baseline"))
    if not results:
        raise UsageError("report: give a folder, a table or a sweep")
    if all(isinstance(each, Sweep) or (isinstance(each, str | Path) and is_ours(Path(each))) for each in results):
        folders = [f for each in results for f in (each.folders if isinstance(each, Sweep) else [Path(each)])]
        place = Path(to) if to else folders[0] if len(folders) == 1 else fresh_place()
        return Sweep(folders).report(place, **options)
    return _elsewhere(results, Path(to) if to else fresh_place(), columns, options)


def _elsewhere(results: Sequence[Any], place: Path, asked: Asked, options: dict[str, Any]) -> Path:
    from regab.api.trained import Sweep
    from regab.report.imported import bring_in
    from regab.report.study import Options

    if all(isinstance(each, str | Path) for each in results):
        chosen = bring_in([Path(each) for each in results], asked, Options(**options), place)
    elif len(results) == 1:
        chosen = bring_in([], asked, Options(**options), place, from_table(_named(results[0])))
    else:
        raise UsageError("report: give one table, or folders of sweeps")
    return Sweep([place]).report(place, **vars(chosen))
