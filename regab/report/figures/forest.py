"""The headline figure: by how much each variant differs from the baseline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from regab.records.columns import column, higher_is_better, words
from regab.report.figures.style import BASELINE, label
from regab.report.sentences import kind_of, unit
from regab.report.variant import Variant


def scaled(metric: str) -> float:
    """What values are multiplied by: shares are drawn in percent, their differences in points."""
    return 100.0 if column(metric).measure.percent else 1.0


def difference_in(metric: str) -> str:
    """``difference in test accuracy (points)``, ``difference in test RMSE``."""
    name, counted = words(metric), unit(metric)
    return f"difference in {name}" if counted == name else f"difference in {name} ({counted})"


def forest(axes: Any, variants: Sequence[Variant], metric: str, practical: float = 0.0) -> None:
    """A row per variant: the mean paired difference, its 95 % interval, and the verdict. Filled: helps or hurts."""
    factor = scaled(metric)
    if practical:
        axes.axvspan(-factor * practical, factor * practical, color="#E3E7EB", zorder=0)
    axes.axvline(0, color=BASELINE, linewidth=1)
    for row, variant in enumerate(variants):
        effect, sure = variant.effect, kind_of(variant) in ("helps", "hurts")
        low, high = (factor * effect[key] for key in ("ci_low", "ci_high"))
        if not math.isnan(low):
            axes.plot([low, high], [row, row], color=variant.colour, linewidth=2.2, solid_capstyle="butt")
        axes.plot(
            factor * effect["mean_difference"], row, variant.marker, color=variant.colour, markersize=8,
            markerfacecolor=variant.colour if sure else "white", markeredgewidth=1.8,
        )  # fmt: skip
        axes.annotate(
            kind_of(variant), (1.01, row), xycoords=("axes fraction", "data"), va="center", fontsize=9,
            fontweight="bold" if sure else "normal",
        )  # fmt: skip
    axes.set_yticks(range(len(variants)), [label(v.short) for v in variants])
    axes.set_ylim(len(variants) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    better = "right" if higher_is_better(metric) else "left"
    axes.set_xlabel(f"{difference_in(metric)} to the baseline\n(better to the {better}; line: 95 % interval)")
