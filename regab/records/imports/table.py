"""Runs made elsewhere as rows and folders of regab's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regab.errors import UsageError
from regab.metrics import SPLITS, measured_by, measures
from regab.records.columns import with_derived
from regab.records.files import make_folder, to_json, write_atomically
from regab.records.imports import folders, mlflow, optuna, spreadsheet, wandb
from regab.records.imports.columns import (
    FINISHED,
    GOING_ON,
    STATES,
    Asked,
    Roles,
    arranged,
    canonical,
    level,
    number,
    roles,
    value,
)
from regab.records.imports.source import BINARY, EPOCH, TEXT, Found, Run, Source
from regab.records.log import METRICS
from regab.records.results import MEASURES, RESULTS, SOURCE
from regab.script import TAKEN

if TYPE_CHECKING:
    from pandas import DataFrame, Series

LAYOUTS = (mlflow, optuna, wandb, folders, spreadsheet)  # the first that knows the files reads them


@dataclass
class Imported:
    """``results`` as ``regab.analysis.table.read`` gives them, curves by a run's folder, and what was recognized.

    ``metric``: what the metric that was asked for is called there.
    """

    results: DataFrame
    curves: dict[str, DataFrame]
    layout: str
    roles: Roles
    metric: str | None


def find(paths: Sequence[Path]) -> Found:
    """The runs in files made elsewhere. Raises UsageError."""
    source = Source(paths)
    found = next((found for layout in LAYOUTS if (found := layout.find(source))), None)
    if found is None and (tables := _tables(source.path)):
        return find(tables)
    if found is None or not found.runs:
        known = "a table (CSV, TSV, Excel), or what W&B, MLflow, Lightning, Keras or Optuna wrote"
        raise UsageError(
            f"report {source.path}: there are no results of regab's in it, nor others; give a sweep's folder, {known}"
        )
    return found


def _tables(path: Path) -> list[Path]:
    """The one table that lies in a folder."""
    tables = [p for p in path.iterdir() if p.suffix.lower() in (*TEXT, *BINARY)] if path.is_dir() else []
    return tables if len(tables) == 1 else []


def imported(found: Found, asked: Asked, known: Sequence[str]) -> Imported:
    """The table of these runs. ``known``: the metrics that regab has, to which columns are renamed.

    Raises UsageError for what is missing: one line that names the option to give.
    """
    import pandas as pd

    found = arranged(found, asked)
    part = roles(found, asked, known)
    names = renamed([*part.metrics, *_curve_names(found)], known)
    runs = sorted(found.runs, key=lambda run: _in_order(found.runs, run, part.factors))
    seeds, folds = (_numbered([value(run, key) for run in runs] if key else []) for key in (part.seed, part.fold))
    rows, curves = [], {}
    for index, run in enumerate(runs):
        folder = _folder(index, run, len(runs))
        status, reason = status_of(run)
        measured = with_derived_where_known({names[n]: number(value(run, n)) for n in part.metrics})
        rows.append(
            {factor_name(name): level(value(run, name)) for name in part.factors}
            | {"seed": seeds[index] if part.seed else 0, "fold": folds[index] if part.fold else None}
            | {"status": status, "reason": reason}
            | {f"{at}_{name}": cell for at in ("selected", "last") for name, cell in measured.items()}
            | {"folder": folder}
        )
        if run.curves is not None:
            curves[folder] = by_epoch(run.curves.rename(columns=names))
    table = _shares(pd.DataFrame(rows), curves).astype({"seed": "int64", "fold": "Int64"})
    metric = names.get(asked.metric, asked.metric) if asked.metric else None
    directions = {names.get(name, name): way for name, way in found.directions.items()}
    table.attrs = {"headline": None, "metrics": {name: {"direction": way} for name, way in directions.items()}}
    return Imported(table, curves, found.layout, part, metric)


def _curve_names(found: Found) -> list[str]:
    return list(dict.fromkeys(name for run in found.runs if run.curves is not None for name in run.curves))


def renamed(names: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    """Metrics by the names that regab has for them, where it has one and only one column is meant.

    A name without a split beside one of validation data is of training data, as Keras writes it.
    """
    meant = {name: canonical(name) for name in names}
    spoken = set(meant.values())
    for name, other in meant.items():
        if f"val_{other}" in spoken and f"train_{other}" not in spoken and f"train_{other}" in known:
            meant[name] = f"train_{other}"
    taken = list(meant.values())
    return {n: m if m in known and taken.count(m) == 1 and (m == n or m not in names) else n for n, m in meant.items()}


def _in_order(runs: Sequence[Run], run: Run, factors: Sequence[str]) -> list[tuple[bool, float, int]]:
    """Numbers by size, so that 0 comes first and is the baseline; words as they occur, "none" first."""
    order = []
    for factor in factors:
        seen = list(dict.fromkeys(level(value(other, factor)) for other in runs))
        own = level(value(run, factor))
        size = number(own)
        off = own in ("none", "off", "false", "no", "baseline")
        order.append((not off, size if size == size else 0.0, seen.index(own)))
    return order


def _numbered(cells: list[Any]) -> list[int]:
    """Whole numbers as they are; other names of repetitions by their position."""
    numbers = [number(cell) for cell in cells]
    if all(n == n and n.is_integer() for n in numbers):
        return [int(n) for n in numbers]
    texts = list(dict.fromkeys(map(level, cells)))
    return [texts.index(level(cell)) for cell in cells]


def status_of(run: Run) -> tuple[str, str]:
    """``finished``, ``failed`` or ``unfinished``, and the reason that is known."""
    cell = next((str(run.given[key]) for key in (*STATES, "Status", "State") if key in run.given), run.status)
    if cell.lower() in FINISHED:
        return "finished", ""
    return ("unfinished", "") if cell.lower() in GOING_ON else ("failed", cell.lower())


def with_derived_where_known(metrics: dict[str, float]) -> dict[str, float]:
    """With the generalization gap where both losses are there."""
    return with_derived(metrics) if {"train_loss", "val_loss"} <= metrics.keys() else metrics


def factor_name(name: str) -> str:
    """A factor by its own name, unless tables of verdicts have a column of that name."""
    return f"{name}_" if name in TAKEN or name == "seed" else name


def _folder(index: int, run: Run, count: int) -> str:
    words = re.sub(r"[^\w.,=+-]+", "_", run.name).strip("._")[:80]
    return "-".join(filter(None, [str(index).zfill(len(str(count - 1))), words]))


def by_epoch(curves: DataFrame) -> DataFrame:
    """Curves with a row per epoch, 1, 2, …; what was logged apart in one epoch (or at one step) comes together."""
    import pandas as pd

    key = next((name for name in EPOCH if name in curves), None)
    numbers = curves.apply(pd.to_numeric, errors="coerce")
    if key:
        numbers = numbers[numbers[key].notna()].groupby(key, sort=True).last().reset_index(drop=True)
    numbers = numbers.drop(columns=[name for name in EPOCH if name in numbers])
    numbers = numbers.dropna(axis="columns", thresh=2)  # what was measured once, at the end, is no curve
    return numbers.dropna(how="all").reset_index(drop=True)


def _shares(table: DataFrame, curves: dict[str, DataFrame]) -> DataFrame:
    """What regab shows in percent and was written so (an accuracy of 97.5) as shares of 1."""
    known = measures()

    def share(column: Series) -> Series:
        name = str(column.name).removeprefix("selected_").removeprefix("last_")
        measure = known.get(measured_by(name)[1])
        of_one = measure is not None and measure.percent and measure.bounds == (0, 1)
        return column / 100 if of_one and 1.5 < column.max() <= 100 else column

    for folder, own in curves.items():
        curves[folder] = own.apply(share) if len(own) else own
    return table.apply(share)


def write(found: Imported, place: Path, paths: Sequence[Path]) -> None:
    """A folder of regab's: ``results.csv``, ``metrics.csv`` of each run with curves, and where they came from."""
    import pandas as pd

    make_folder(place)
    for folder, curves in found.curves.items():
        if len(curves):
            make_folder(place / folder)
            untrained = pd.DataFrame([{"epoch": 0}])
            rows = pd.concat([untrained, curves.assign(epoch=range(1, len(curves) + 1))])
            text = rows[["epoch", *curves]].to_csv(index=False, lineterminator="\n")
            write_atomically(place / folder / METRICS, text)
    write_atomically(place / RESULTS, found.results.to_csv(index=False, lineterminator="\n"))
    facts = {"files": [str(path) for path in paths], "layout": found.layout, "seed": found.roles.seed}
    write_atomically(place / SOURCE, to_json(facts | {"factors": found.roles.factors}))
    write_atomically(place / MEASURES, to_json(found.results.attrs))


def known_metrics() -> list[str]:
    """The metrics that regab has, alone and of each part of the data."""
    return [*(f"{split}_{name}" for split in SPLITS for name in measures()), *measures()]
