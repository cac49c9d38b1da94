"""Figures of how variants fit: curves, generalization gaps, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import TYPE_CHECKING, Any

import numpy as np

from regab.records.columns import words
from regab.report.figures.forest import difference_in, scaled
from regab.report.figures.style import FREE, MARKERS, SELECTED, TRAIN, VAL, label, whole_numbers, wide_range
from regab.report.study import Metrics
from regab.report.variant import Variant

if TYPE_CHECKING:
    from pandas import DataFrame

SPLITS = {"train": "training", "val": "validation"}
RULES = {"patience": "patience", "gl": "GL", "pq": "PQ", "up": "UP"}


def train_and_validation(axes: Any, variant: Variant, runs: Sequence[Metrics]) -> None:
    """Training and validation loss of one variant: a thin line per run, their mean, ± one standard deviation."""
    for name, colour, dashes in (("train", TRAIN, "--"), ("val", VAL, "-")):
        curves = stacked([run[f"{name}_loss"][1:] for run in runs])
        known = ~np.isnan(curves).all(0)
        if not known.any():
            continue
        epochs = np.arange(1, curves.shape[1] + 1)[known]
        curves = curves[:, known]
        alone = "o" if len(epochs) == 1 else ""  # of which no line is drawn
        axes.plot(epochs, curves.T, color=colour, linewidth=0.6, alpha=0.4, marker=alone, markersize=3)
        middle, spread = np.nanmean(curves, 0), np.nanstd(curves, 0)
        axes.fill_between(epochs, middle - spread, middle + spread, color=colour, alpha=0.15, linewidth=0)
        axes.plot(epochs, middle, color=colour, linestyle=dashes, label=SPLITS[name], marker=alone)
    axes.set_title(label(variant.short).replace(", ", "\n"), fontsize=9, color=variant.colour)
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss")
    whole_numbers(axes)


def same_scale(panels: Sequence[Any]) -> None:
    """One range for all panels, set by what comes after the first epochs; a logarithmic one where that is wide."""
    lines = [np.asarray(line.get_ydata(), dtype=float) for axes in panels for line in axes.get_lines()]
    low, high = min(map(np.nanmin, lines)), max(np.nanmax(values[len(values) // 8 :]) for values in lines)
    if low > 0 and wide_range([low, high]):
        panels[0].set_yscale("log")
        panels[0].set_ylim(low / 1.2, high * 1.2)
        return
    margin = 0.05 * (high - low) or 0.1
    panels[0].set_ylim(low - margin, high + margin)


def stacked(runs: Sequence[np.ndarray]) -> np.ndarray:
    """Curves of several lengths as one array ``[runs, epochs]``, NaN where a run had ended."""
    length = max(map(len, runs))
    return np.stack([np.pad(run, (0, length - len(run)), constant_values=np.nan) for run in runs])


def gaps(axes: Any, values: Mapping[Variant, Sequence[float]]) -> None:
    """Validation loss − training loss: a dot per run, a bar at the mean."""
    axes.axvline(0, color=SELECTED, linewidth=1)
    for row, (variant, runs) in enumerate(values.items()):
        axes.plot(runs, [row] * len(runs), variant.marker, color=variant.colour, alpha=0.6, markersize=5, linestyle="")
        axes.plot([mean(runs)] * 2, [row - 0.35, row + 0.35], color=variant.colour, linewidth=2.5)
    axes.set_yticks(range(len(values)), [label(v.short) for v in values])
    axes.set_ylim(len(values) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("validation loss − training loss (dot: one run; bar: mean)")


def cost_and_gain(axes: Any, values: Mapping[Variant, tuple[float, Sequence[float]]], metric: str) -> None:
    """The mean of the metric by the seconds a run took, a point per variant, with ± one standard deviation."""
    for variant, (seconds, runs) in values.items():
        shown = scaled(metric) * np.array(runs)
        spread = shown.std(ddof=1) if len(shown) > 1 else 0.0
        axes.errorbar(
            seconds, shown.mean(), spread, fmt=variant.marker, color=variant.colour, markersize=8, linewidth=1.2,
            label=label(variant.short),
        )  # fmt: skip
    axes.set_xlabel("seconds per run\n(wall time of its stack, shared by the runs in it)")
    axes.locator_params(axis="x", nbins=5)  # of small differences, more labels than that overlap
    axes.set_ylabel(f"{words(metric)}{' (%)' if scaled(metric) > 1 else ''}")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8)


def stopping_rules(axes: Any, table: DataFrame, metric: str) -> None:
    """One variant's rows of ``regab.analysis.stopping``: the epochs a rule saves, and the metric it gains or loses.

    A line per rule, a point per patience or threshold; a band of 95 % intervals for patience.
    """
    axes.axhline(0, color=SELECTED, linewidth=1)
    for index, (rule, rows) in enumerate(table.groupby("rule", sort=False)):
        rows = rows.sort_values("share_saved")
        saved, colour = 100 * rows["share_saved"], FREE[index % len(FREE)]
        marker = "" if rule == "patience" else MARKERS[index]
        axes.plot(saved, scaled(metric) * rows["mean_difference"], color=colour, marker=marker, label=RULES[rule])
        if rule == "patience":
            low, high = scaled(metric) * rows["ci_low"], scaled(metric) * rows["ci_high"]
            axes.fill_between(saved, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.set_xlim(-4, 104)
    axes.set_xlabel("epochs saved (%)")
    axes.set_ylabel(f"to the last epoch:\n{difference_in(metric)}")
