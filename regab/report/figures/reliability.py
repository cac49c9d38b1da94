"""Reliability diagrams: how often a variant is right, by how sure it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np

from regab.report.figures.style import BASELINE, FAINT, label
from regab.report.variant import Variant

Bins = Mapping[str, Any]  # ``calibration`` of a run's result.json


def pooled(runs: Sequence[Bins]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean confidence, accuracy and number of examples in each bin that has some, over all of these runs."""
    count, right = (np.sum([run[key] for run in runs], 0, dtype=float) for key in ("count", "right"))
    sure = np.sum([np.multiply(run["count"], [c or 0.0 for c in run["confidence"]]) for run in runs], 0)
    there = count > 0
    return sure[there] / count[there], right[there] / count[there], count[there]


def calibration_error(run: Bins) -> float:
    """Σ n_b/N · |accuracy_b − confidence_b|, the expected calibration error of one run."""
    sure, right, count = pooled([run])
    return float((count * abs(right - sure)).sum() / count.sum())


def reliability(axes: Any, variant: Variant, runs: Sequence[Bins]) -> None:
    """Accuracy by confidence: of all runs together, dots as large as the examples are many; thin, of each run."""
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle="--")
    for run in runs if len(runs) > 1 else ():
        sure, right, _ = pooled([run])
        axes.plot(sure, right, color=variant.colour, linewidth=0.6, alpha=0.35)
    sure, right, count = pooled(runs)
    axes.plot(sure, right, color=variant.colour, linewidth=1.8)
    axes.scatter(sure, right, s=8 + 120 * count / count.sum(), color=variant.colour, zorder=3)
    axes.set_xlim(0, 1.03)
    axes.set_ylim(0, 1.03)
    axes.set_aspect("equal")
    error = f"ECE {fmean(map(calibration_error, runs)):.1%}"
    axes.text(0.97, 0.03, error, transform=axes.transAxes, ha="right", fontsize=9, color=BASELINE)
    axes.set_title(label(variant.short).replace(", ", "\n"), fontsize=9, color=variant.colour)
    axes.set_xlabel("confidence")
    axes.set_ylabel("accuracy")
