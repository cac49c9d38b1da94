"""What every stopping rule would have chosen, from the curves of runs that were trained to their end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from regab.analysis.table import variant_names
from regab.analysis.verdicts.compare import column_of, overlap
from regab.analysis.verdicts.paired import paired
from regab.errors import UsageError
from regab.records.load import load_metrics, load_result
from regab.regularizers.early_stopping import EarlyStopping
from regab.targets import unknown

if TYPE_CHECKING:
    from pandas import DataFrame

# Prechelt's criteria; every patience up to the length of the training is tried besides.
THRESHOLDS = {"gl": (1.0, 2.0, 3.0, 5.0), "pq": (0.5, 0.75, 1.0, 2.0, 3.0), "up": (2.0, 3.0, 4.0, 6.0, 8.0)}
NUMBERS = ["metric", "n", "mean", "mean_difference", "ci_low", "ci_high", "epochs", "epochs_saved", "share_saved"]

Curves = dict[str, np.ndarray]


def stopping(results: DataFrame, metric: str | None = None, monitor: str = "val_loss") -> DataFrame:
    """One row per variant, rule (``patience | gl | pq | up``) and threshold, from the runs' ``metrics.csv``.

    * ``n``: runs; those that early stopping had ended already are left out, as what came after is unknown.
    * ``mean``: of ``metric`` at the epoch that the rule selects. ``mean_difference``: to the last epoch, run by run,
      with its 95 % interval ``ci_low, ci_high`` (Student's t, ``verdicts.paired``; NaN below three runs).
    * ``epochs``: the mean epoch in which the rule ends training; ``epochs_saved`` and ``share_saved``: the rest.
    * ``stopped``: in how many runs it ended training before its end.

    The intervals are one by one: picking the best of many rules by them promises too much. Definitions of the rules:
    ``reg.early_stopping``. Raises UsageError where there is nothing to stop by, or to measure.
    """
    import pandas as pd

    metric = column_of(results, metric)
    runs = list(_whole_runs(results, metric, monitor))
    if not runs:
        raise UsageError(
            "no run was trained to its end; train without reg.early_stopping to see what rules would choose"
        )
    table = pd.DataFrame([row for run in runs for row in run])
    keys = ["variant", "rule", "threshold"]
    found = [dict(zip(keys, key, strict=True)) | _summary(group) for key, group in table.groupby(keys, sort=False)]
    return pd.DataFrame(found).assign(metric=str(metric))[[*keys, *NUMBERS, "stopped"]]


def _whole_runs(results: DataFrame, metric: str, monitor: str) -> Iterator[list[dict[str, Any]]]:
    finished = results["status"] == "finished"
    for (_, run), name in zip(results[finished].iterrows(), np.array(variant_names(results))[finished], strict=True):
        folder = Path(run["folder"])
        if (load_result(folder) or {}).get("ended") == "stopped early":
            continue
        curves = _curves(folder, metric, monitor)
        own = {"variant": name, "seed": run["seed"], "fold": run["fold"]}
        yield [own | chosen for chosen in choices(curves, metric, monitor)]


def _curves(folder: Path, metric: str, monitor: str) -> Curves:
    try:
        curves = load_metrics(folder)
    except OSError as error:
        raise UsageError(f"{folder}: its metrics.csv cannot be read ({error.strerror})") from error
    for name in (metric, monitor):
        if name not in curves:
            raise UsageError(unknown("metric", "", name, curves))
    if np.isnan(curves[monitor]).all():
        raise UsageError(f"{folder}: has no {monitor} to stop by; train with data.val_fraction above 0")
    return curves


def choices(curves: Curves, metric: str, monitor: str = "val_loss") -> Iterator[dict[str, Any]]:
    """What each rule makes of one run (row 0 untrained): ``rule, threshold, value, last, epochs, total, stopped``."""
    last = len(curves[monitor]) - 1
    for rule, thresholds in (("patience", range(1, last)), *THRESHOLDS.items()):
        selected, ends, stopped = chosen(curves, rule, thresholds, monitor)
        for threshold, at, end, early in zip(thresholds, selected, ends, stopped, strict=True):
            yield {
                "rule": rule,
                "threshold": float(threshold),
                "value": curves[metric][at],
                "last": curves[metric][-1],
                "epochs": int(end),
                "total": last,
                "stopped": bool(early),
            }


def chosen(
    curves: Curves, rule: str, thresholds: Iterable[float], monitor: str = "val_loss"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each threshold (or patience) the selected epoch, the epoch that ends training, and whether the rule did."""
    values = np.array([*thresholds], dtype=float)
    strengths: dict[str, Any] = {"patience" if rule == "patience" else "threshold": values}
    strengths["min_delta"] = np.zeros(len(values))
    same = {name: np.repeat(curves[name][:, None], len(values), axis=1) for name in {monitor, "train_loss"}}
    best, fires = EarlyStopping(rule=rule, monitor=monitor, **strengths).course(same)
    stopped = np.any(fires[:-1], axis=0)
    ends = np.where(fires.any(axis=0), fires.argmax(axis=0), len(fires) - 1)
    return np.take_along_axis(best, ends[None], axis=0)[0], ends, stopped


def _summary(runs: DataFrame) -> dict[str, Any]:
    differences = (runs["value"] - runs["last"]).to_numpy()
    shared, _ = overlap(runs.assign(fold=runs["fold"].fillna(-1)).set_index(["seed", "fold"]).index)
    found = paired(differences, shared=shared)
    return {
        "n": len(runs),
        "mean": runs["value"].mean(),
        "mean_difference": found.mean,
        "ci_low": found.low,
        "ci_high": found.high,
        "epochs": runs["epochs"].mean(),
        "epochs_saved": (runs["total"] - runs["epochs"]).mean(),
        "share_saved": 1 - runs["epochs"].sum() / runs["total"].sum(),
        "stopped": int(runs["stopped"].sum()),
    }
