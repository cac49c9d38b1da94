"""The results of one or several sweeps as one typed table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regab.analysis.merge import aligned, as_text, same_configuration, value_of
from regab.errors import UsageError
from regab.records.results import RESULTS, load_table, variant_name

if TYPE_CHECKING:
    from pandas import DataFrame

TEXT = ("status", "reason", "folder")


def read(folders: Sequence[Path]) -> DataFrame:
    """One row per run: factors (text, as on a command line), seed, fold, status, reason, metrics, folder.

    Levels stand in the order in which they were first given, ``fold`` is missing (NA) without cross-validation, and
    ``folder`` begins with the sweep's. Sweeps are put together where they have the same configuration but for what they
    vary; a factor of one is given its fixed value in the other, and a run that both have counts once.

    Raises UsageError for a folder without results, for one variant trained twice with the same seed or in two
    configurations, and for sweeps that differ in what neither varies.
    """
    import pandas as pd

    folders = [Path(folder) for folder in folders]
    if twice := [folder for i, folder in enumerate(folders) if folder.resolve() in {f.resolve() for f in folders[:i]}]:
        raise UsageError(f"{twice[0]}: given twice")
    typed = [*map(_typed, folders)]
    tables = [table for table, _ in typed]
    factors = list(dict.fromkeys(factor for table in tables for factor in factors_of(table)))
    if len(tables) > 1:
        tables = aligned(tables, [factors_of(table) for table in tables])
    common = set.intersection(*[set(_measured(table)) for table in tables])
    table = pd.concat(tables, ignore_index=True)
    table = _once(table[[*factors, *[c for c in table if c not in factors]]], factors, common)
    same_configuration(table["folder"], variant_names(table))
    table = table.copy()  # in one piece: of more than a hundred columns pandas warns at every use
    table.attrs = _joined([said for _, said in typed])
    return table


def _joined(said: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What folders say of metrics that are none of regab's, and by which verdicts go."""
    metrics = {name: facts for each in said for name, facts in (each.get("metrics") or {}).items()}
    return {"headline": next((each["headline"] for each in said if each.get("headline")), None), "metrics": metrics}


def _measured(table: DataFrame) -> list[str]:
    """The columns that hold some metric of the selected or the last epochs."""
    return [c for c in table if c.startswith(("selected_", "last_")) and table[c].notna().any()]


def metrics_of(results: DataFrame, at: str = "selected") -> list[str]:
    """What was measured of the selected or the last epochs, without that prefix."""
    own = [column for column in results if column.startswith(f"{at}_") and results[column].notna().any()]
    return [column.removeprefix(f"{at}_") for column in own]


def measured_of_all(results: DataFrame, at: str) -> list[str]:
    """What was measured of every variant that has finished: of imbalanced classes more is than of others."""
    finished = results[results["status"] == "finished"]
    there = finished.filter(regex=f"^{at}_").notna().groupby(variant_names(finished)).any().all()
    return [column.removeprefix(f"{at}_") for column in there.index[there]]


def in_full(results: DataFrame, metric: str | None, at: str) -> str | None:
    """A metric's column, ``test_auroc`` for ``auroc``: of the split that is compared by if nothing is said."""
    if metric is None or f"{at}_{metric}" in results:
        return metric
    known = (f"{split}_{metric}" for split in (*compared(results), "train"))
    return next((name for name in known if f"{at}_{name}" in results), metric)


def compared(results: DataFrame) -> tuple[str, str]:
    """Which part of the data is compared by, and which if there is none: test data, but under folds validation data.

    Folds share one test set: verdicts by it were false for other data in 27 to 64 % of cases.
    """
    return ("val", "test") if results["fold"].nunique() > 1 else ("test", "val")


def factors_of(results: DataFrame) -> list[str]:
    """The columns that say what varied, seed and fold apart."""
    return list(results)[: list(results).index("seed")]


def variant_names(results: DataFrame) -> list[str]:
    """For each run the name of its variant."""
    factors = factors_of(results)
    named = cache(lambda *levels: variant_name(dict(zip(factors, levels, strict=True))))
    columns = [map(str, results[factor].tolist()) for factor in factors]
    return [*map(named, *columns)] if factors else [named()] * len(results)


def replicate_words(seed: int, fold: Any) -> str:
    """``seed 3``, or ``seed 3, fold 1``."""
    import pandas as pd

    return f"seed {seed}" if pd.isna(fold) else f"seed {seed}, fold {fold}"


def _typed(folder: Path) -> tuple[DataFrame, dict[str, Any]]:
    """A folder's table, and what it says of metrics."""
    import pandas as pd

    rows, said = _rows(folder)
    table = pd.DataFrame(rows)
    if "fold" not in table:
        table.insert(list(table).index("seed") + 1, "fold", "")
    factors = factors_of(table)
    table["folder"] = [str(folder / name) for name in table["folder"]]
    for column in table.columns.difference([*factors, *TEXT]):
        table[column] = pd.to_numeric(table[column], errors="coerce")
    for factor in factors:
        given = zip(table[factor], table["folder"], strict=True)
        table[factor] = _in_one_spelling([level or as_text(value_of(run, factor)) for level, run in given])
    return table.astype({"seed": "int64", "fold": "Int64"}), said


def _rows(folder: Path) -> tuple[list[dict[str, str]], dict[str, Any]]:
    table, said = load_table(folder) if folder.is_dir() else ([], {})
    if not table and not (folder / RESULTS).is_file():
        raise UsageError(f"{folder}: there is no {RESULTS}, so it is not the folder of a sweep")
    rows = [row for row in table if None not in row.values()]  # a last line cut short
    if not rows or not {"seed", "status", "folder"} <= rows[0].keys():
        raise UsageError(f"{folder / RESULTS}: not a table of regab's with at least one run")
    return rows, said


def _in_one_spelling(levels: list[str]) -> list[str]:
    """``0`` and ``0.0`` are one level, written as it was first."""
    first: dict[Any, str] = {}
    return [first.setdefault(_number(level), level) for level in levels]


def _number(level: str) -> Any:
    try:
        return float(level)
    except ValueError:
        return level


def _once(table: DataFrame, factors: list[str], common: set[str]) -> DataFrame:
    """Without the second of two equal runs, the first having what was measured of either.

    They are equal where what is ``common`` to all sweeps is. Raises UsageError for two runs of one name with different
    numbers.
    """
    run = [*factors, "seed", "fold"]
    same = [*run, "status", *(c for c in table if c in common)]
    twice = table.duplicated(same, keep=False)
    others = [c for c in _measured(table) if c not in common]
    if twice.any() and others:
        table.loc[twice, others] = table[twice].groupby(same, dropna=False)[others].transform("first")
    table = table[~table.duplicated(same)].reset_index(drop=True)
    if table.duplicated(run).any():
        second = table[table.duplicated(run)].iloc[0]
        first = table[(table[run].fillna(-1) == second[run].fillna(-1)).all(axis=1)].iloc[0]
        name = f"{variant_name(dict(second[factors]))}, {replicate_words(second['seed'], second['fold'])}"
        raise UsageError(f"{name}: there are two runs of it, {first['folder']} and {second['folder']}")
    return table
