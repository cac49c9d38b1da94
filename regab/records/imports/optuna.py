"""Optuna: ``study.trials_dataframe().to_csv()``, and the SQLite database of one study."""

from __future__ import annotations

import json
from typing import Any

from regab.errors import UsageError
from regab.records.imports.source import Found, Run, Source

DIRECTIONS = {"MAXIMIZE": "up", "MINIMIZE": "down"}


def find(source: Source) -> Found | None:
    """Optuna's trials, or None where these are none."""
    if {"trials", "trial_params", "studies"} <= source.tables:
        return _database(source)
    table = source.table
    if table is None or not {"number", "state"} <= set(table) or not any(c.startswith("params_") for c in table):
        return None
    return Found("Optuna table", [_exported(row) for row in table.to_dict("records")])


def _exported(row: dict[str, Any]) -> Run:
    given = {k.removeprefix("params_"): v for k, v in row.items() if k.startswith("params_")}
    more = {k.removeprefix("user_attrs_"): v for k, v in row.items() if k.startswith("user_attrs_")}
    values = {k.removeprefix("values_"): v for k, v in row.items() if k == "value" or k.startswith("values_")}
    run = Run(f"trial {row['number']}", given, values, str(row["state"]))
    _attributes(run, more)
    return run


def _attributes(run: Run, more: dict[str, Any]) -> None:
    """What the user noted of a trial: numbers are results, all else was given."""
    for key, value in more.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        (run.values if number else run.given)[key] = value


def _database(source: Source) -> Found:
    import pandas as pd

    studies = source.query("SELECT study_id, study_name FROM studies")
    if len(studies) > 1:
        names = ", ".join(name for _, name in studies)
        raise UsageError(f"report {source.path}: has {len(studies)} studies ({names}); export one: trials_dataframe()")
    runs = {i: Run(f"trial {n}", status=state) for i, n, state in source.query(
        "SELECT trial_id, number, state FROM trials ORDER BY number")}  # fmt: skip
    for trial, key, text in source.query("SELECT trial_id, key, value_json FROM trial_user_attributes"):
        _attributes(runs[trial], {key: json.loads(text)})
    sql = "SELECT trial_id, param_name, param_value, distribution_json FROM trial_params"
    for trial, name, value, distribution in source.query(sql):
        runs[trial].given[name] = _parameter(value, json.loads(distribution))
    directions = {}
    for objective, direction in source.query("SELECT objective, direction FROM study_directions"):
        directions[_objective(objective, source)] = DIRECTIONS.get(direction, "")
    for trial, objective, value in source.query("SELECT trial_id, objective, value FROM trial_values"):
        runs[trial].values[_objective(objective, source)] = value
    sql = "SELECT trial_id, step, intermediate_value FROM trial_intermediate_values ORDER BY step"
    reports: dict[int, list[dict[str, float]]] = {}
    for trial, step, value in source.query(sql):
        reports.setdefault(trial, []).append({"step": step, "value": value})
    for trial, rows in reports.items():
        runs[trial].curves = pd.DataFrame(rows)
    return Found("Optuna database", list(runs.values()), directions={k: v for k, v in directions.items() if v})


def _objective(number: int, source: Source) -> str:
    (count,) = source.query("SELECT COUNT(*) FROM study_directions")[0]
    return "value" if count == 1 else str(number)


def _parameter(value: float, distribution: dict[str, Any]) -> Any:
    """The database keeps the position of a category, and whole numbers as decimals."""
    attributes = distribution["attributes"]
    if "choices" in attributes:
        return attributes["choices"][int(value)]
    return int(value) if distribution["name"].startswith("Int") else value
