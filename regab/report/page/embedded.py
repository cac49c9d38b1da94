"""The curves of a study as the page's script reads them."""

from __future__ import annotations

import json
import math
from functools import cache
from typing import Any

import numpy as np

from regab.metrics import measured_by
from regab.records.columns import column, headline, words
from regab.report.figures.style import wide_range
from regab.report.page.charts import DASHES, dot
from regab.report.study import Metrics, Study
from regab.report.variant import Row, Variant

POINTS = 200  # of one curve, at most
ALL_POINTS = 60_000  # of all curves of one column


def as_json(data: Any) -> str:
    """JSON that can stand inside a script element: no ``<`` in it may begin or end one."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def curves(study: Study) -> dict[str, Any]:
    """What the page's script draws."""
    series = _series(study)
    runs = sum(len(v.finished) for v in study.variants)
    most = max(20, min(POINTS, ALL_POINTS // max(runs, 1)))
    variants = [_variant(study, v, series, most) for v in study.variants]
    return {
        "variants": [v for v in variants if v["runs"]],
        "series": [[name, words(column(name, study.own)).replace("val ", "validation ")] for name in series],
        "logarithmic": bool(series) and wide_range(_values(study, series[0])),
    }


def _series(study: Study) -> list[str]:
    names = list(dict.fromkeys(name for metrics in study.curves.values() for name in metrics))
    known = measured_by(study.metric)[1] if measured_by(study.metric)[0] else headline(names)
    wanted = [f"{split}_{what}" for what in dict.fromkeys(["loss", known]) for split in ("val", "train", "test")]
    wanted += ["generalization_gap", "train_objective", "l2_norm"]
    return [name for name in wanted if any(_has(metrics, name) for metrics in study.curves.values())]


def _has(metrics: Metrics, name: str) -> bool:
    return name in metrics and not np.isnan(metrics[name]).all()


def _values(study: Study, name: str) -> list[float]:
    return [float(v) for metrics in study.curves.values() if name in metrics for v in metrics[name][1:]]


def _variant(study: Study, variant: Variant, series: list[str], most: int) -> dict[str, Any]:
    return {
        "name": variant.short,
        "colour": variant.colour,
        "dashes": DASHES[variant.dashes],
        "marker": dot(variant.marker, 0, 0),
        "runs": [
            _run(row, study.curves[row["folder"]], series, most)
            for row in variant.finished
            if row["folder"] in study.curves
        ],
    }


def _run(row: Row, metrics: Metrics, series: list[str], most: int) -> dict[str, Any]:
    kept = _kept(len(metrics["epoch"]), most)
    fold = f", fold {row['fold']}" if str(row["fold"]).isdigit() else ""
    short = f"{row['seed']}/{row['fold']}" if fold else str(row["seed"])
    curves = {name: [_short(v) for v in metrics[name][kept]] for name in series if name in metrics}
    return {
        "name": f"seed {row['seed']}{fold}",
        "short": short,
        "epoch": [int(e) for e in metrics["epoch"][kept]],
        **curves,
    }


@cache
def _kept(count: int, most: int) -> np.ndarray:
    """Which of so many epochs are drawn."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def _short(value: float) -> float | None:
    return float(f"{value:.4g}") if math.isfinite(value) else None
