"""MLflow: ``search_runs().to_csv()``, the table exported from its page, ``mlflow.db``, and the folder ``mlruns``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from regab.records.imports.source import Found, Run, Source

STATUS = {"1": "RUNNING", "2": "SCHEDULED", "3": "FINISHED", "4": "FAILED", "5": "KILLED"}
PAGE = {"Start Time", "Duration", "Run ID", "Name", "Source Type", "Source Name", "User", "Status"}


def find(source: Source) -> Found | None:
    """MLflow's runs, or None where these are none."""
    if {"runs", "params", "metrics"} <= source.tables:
        return Found("MLflow database", _database(source))
    if source.path.is_dir() and (runs := _folders(source.path)):
        return Found("MLflow folder", runs)
    table = source.table
    if table is None:
        return None
    if "run_id" in table and any(c.startswith(("params.", "metrics.")) for c in table):
        return Found("MLflow table", [_exported(row) for row in table.to_dict("records")])
    if {"Run ID", "Start Time", "Status"} <= set(table):
        rows = table.to_dict("records")
        runs = [Run(str(r["Name"]), {k: v for k, v in r.items() if k not in PAGE}, {}, str(r["Status"])) for r in rows]
        return Found("MLflow table", runs, loose=True)
    return None


def _exported(row: dict[str, Any]) -> Run:
    by_kind = {kind: {k.removeprefix(kind): v for k, v in row.items() if k.startswith(kind)} for kind in _KINDS}
    name = row.get("tags.mlflow.runName") or row["run_id"]
    return Run(str(name), by_kind["params."], by_kind["metrics."], str(row.get("status", "FINISHED")))


_KINDS = ("params.", "metrics.")


def _database(source: Source) -> list[Run]:
    found = {}
    rows = source.query("SELECT run_uuid, name, status FROM runs WHERE lifecycle_stage = 'active' ORDER BY start_time")
    for key, name, status in rows:
        found[key] = Run(name or key, status=status)
    for key, name, value in source.query("SELECT run_uuid, key, value FROM params"):
        if key in found:
            found[key].given[name] = value
    points: dict[str, list[tuple[str, int, float]]] = {}
    sql = "SELECT run_uuid, key, step, value FROM metrics WHERE is_nan = 0 ORDER BY step, timestamp"
    for key, name, step, value in source.query(sql):
        points.setdefault(key, []).append((name, step, value))
    for key, run in found.items():
        _add_curves(run, points.get(key, []))
    return list(found.values())


def _folders(root: Path) -> list[Run]:
    homes = [root, *root.glob("*"), *root.glob("*/*")]
    folders = [home for home in homes if (home / "meta.yaml").is_file() and (home / "params").is_dir()]
    return [run for folder in sorted(folders) if (run := _folder(folder))]


def _folder(folder: Path) -> Run | None:
    import yaml

    meta = yaml.safe_load((folder / "meta.yaml").read_text("utf-8"))
    if meta.get("lifecycle_stage") == "deleted":
        return None
    run = Run(meta.get("run_name") or folder.name, status=STATUS.get(str(meta.get("status")), "FINISHED"))
    for path in sorted((folder / "params").rglob("*")):
        if path.is_file():
            run.given[path.relative_to(folder / "params").as_posix()] = path.read_text("utf-8").strip()
    points = []
    for path in sorted((folder / "metrics").rglob("*")):
        if path.is_file():
            lines = [line.split() for line in path.read_text("utf-8").splitlines()]
            name = path.relative_to(folder / "metrics").as_posix()
            points += [(name, int(line[2]), float(line[1])) for line in lines]
    _add_curves(run, points)
    return run


def _add_curves(run: Run, points: list[tuple[str, int, float]]) -> None:
    """Points (metric, step, value) as a table by step; of several at one step the last."""
    import pandas as pd

    if not points:
        return
    by_step: dict[int, dict[str, float]] = {}
    for name, step, value in points:
        by_step.setdefault(step, {})[name] = value
        run.values[name] = value
    if len(by_step) > 1:
        run.curves = pd.DataFrame([{"step": step} | by_step[step] for step in sorted(by_step)])
