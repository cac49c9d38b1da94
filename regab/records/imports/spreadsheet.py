"""Any other table: a row per run, per epoch, or per metric, or wide, with a column per seed or per variant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from regab.records.imports.source import EPOCH, Found, Run, Source, last_values

if TYPE_CHECKING:
    from pandas import DataFrame

SEED_COLUMN = re.compile(
    r"(?i)^(?:(?P<metric>.+?)[ _/.-]+)?(?:seed|run|rep|replicate|repeat|repetition)[ _=-]*(?P<n>\d+)$"
)
NUMBER = re.compile(r"^\d+$")


def find(source: Source) -> Found | None:
    """The runs of a table; None where there is no table."""
    return None if source.table is None else from_table(source.table)


def from_table(table: DataFrame) -> Found:
    """The runs of a table, whose parameters and metrics stand together."""
    table = _percents_as_shares(table)
    if {"metric", "value"} <= set(table):
        table = _a_column_per_metric(table)
    if seeds := seed_columns(table):
        table = _a_row_per_seed(table, seeds)
    epoch = next((name for name in EPOCH if name in table), None)
    if epoch and table[epoch].duplicated().any() and (runs := _by_epoch(table, epoch)):
        return Found("table with a row per epoch", runs, loose=True)
    runs = [Run(_name(row, i), row) for i, row in enumerate(table.to_dict("records"))]
    return Found("table", runs, loose=True)


def _name(row: dict[str, Any], index: int) -> str:
    return str(next((row[key] for key in ("run", "name", "Name", "run_id") if key in row), f"row {index + 1}"))


def _percents_as_shares(table: DataFrame) -> DataFrame:
    """``93.5 %`` as 0.935."""
    shares = {}
    for name, column in table.items():
        cells = column.dropna()
        if len(cells) and not any(isinstance(c, int | float) for c in cells):
            texts = cells.astype(str).str.strip()
            if texts.str.fullmatch(r"[-+]?\d+([.,]\d+)?\s*%").all():
                shares[name] = texts.str.rstrip("% ").str.replace(",", ".").astype(float) / 100
    return table.assign(**shares) if shares else table


def _a_column_per_metric(table: DataFrame) -> DataFrame:
    """``… metric value`` with a row per metric, as a column per metric."""
    keys = [name for name in table if name not in ("metric", "value")]
    order = table.drop_duplicates(keys)[keys]
    wide = table.pivot_table(index=keys, columns="metric", values="value", aggfunc="last", dropna=False, sort=False)
    return order.merge(wide.reset_index(), on=keys, how="left")


def seed_columns(table: DataFrame) -> dict[str, tuple[str, int]]:
    """Columns named after a seed (``seed0``, ``acc_seed1``, ``2``): metric (may be empty) and seed of each."""
    if any(name.lower() == "seed" for name in table):
        return {}
    named = {c: ((m["metric"] or ""), int(m["n"])) for c in table if (m := SEED_COLUMN.match(c))}
    bare = {c: ("", int(c)) for c in table if NUMBER.match(c)}
    found = named or bare
    return found if len(found) > 1 else {}


def _a_row_per_seed(table: DataFrame, seeds: dict[str, tuple[str, int]]) -> DataFrame:
    import pandas as pd

    given = [name for name in table if name not in seeds]
    rows: dict[tuple[int, int], dict[str, Any]] = {}
    for index, row in enumerate(table.to_dict("records")):
        for column, (metric, seed) in seeds.items():
            fresh = {name: row[name] for name in given} | {"seed": seed}
            rows.setdefault((index, seed), fresh)[metric or UNNAMED] = row[column]
    return pd.DataFrame(list(rows.values()))


UNNAMED = "the numbers"  # of a wide table, until --metric names them


def a_run_per_column(found: Found, seed: str) -> Found:
    """A table with a row per seed and a column per variant, as a run for every cell."""
    runs = []
    for run in found.runs:
        cells = {name: cell for name, cell in run.given.items() if name != seed}
        runs += [Run(f"{v} {run.name}", {"column": v, seed: run.given[seed]}, {UNNAMED: c}) for v, c in cells.items()]
    return Found("table with a column per variant", runs)


def _by_epoch(table: DataFrame, epoch: str) -> list[Run]:
    """Runs one after the other, each from where the epochs begin again."""
    starts = table[epoch].diff().fillna(-1).le(0).cumsum()
    groups = [rows for _, rows in table.groupby(starts, sort=False)]
    if min(map(len, groups)) < 2 or len({rows[epoch].iloc[0] for rows in groups}) > 1:
        return []  # a column that says at which epoch each run was best
    given = [c for c in table if c != epoch and all(rows[c].nunique(dropna=False) == 1 for rows in groups)]
    runs = []
    for index, rows in enumerate(groups):
        curves = rows.drop(columns=given).reset_index(drop=True)
        row = {name: rows[name].iloc[0] for name in given}
        runs.append(Run(_name(row, index), row, last_values(curves.drop(columns=epoch)), curves=curves))
    return runs
