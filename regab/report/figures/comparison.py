"""``comparison.png``: the variants of a sweep in one picture."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from regab.records.columns import words
from regab.report.figures.forest import scaled
from regab.report.figures.rows import drawn_of, note_left_out
from regab.report.figures.style import figure, label, whole_numbers, wide_range
from regab.report.study import Study

Style = dict[str, Any]
MARKED = 6  # points of a curve that are marked, as the dots beside them are


def draw_comparison(study: Study, path: Path) -> None:
    """Validation loss by epoch, and beside it the headline metric of the selected epochs."""
    shown = drawn_of(study)
    longest = max(len(label(v.name)) for v in shown)
    styles = {v.name: v.style for v in shown}
    curves = {
        v.name: [m["val_loss"] for m in study.curves_of(v) if not np.isnan(m["val_loss"][1:]).all()] for v in shown
    }
    with figure(path, 11 + 0.07 * longest, max(4.5, 1.5 + 0.36 * len(shown))) as drawn:
        left, right = drawn.subplots(1, 2, width_ratios=[1.25, 1])
        validation_curves(left, {name: runs for name, runs in curves.items() if runs}, styles)
        scores(right, {v.name: study.values(v) for v in shown}, styles, study.metric)
        note_left_out(drawn, study)


def validation_curves(axes: Any, curves: dict[str, list[np.ndarray]], styles: dict[str, Style]) -> None:
    """Validation loss of every variant: mean over its runs, with a band of one standard deviation to both sides.

    Where seeds were stopped at different epochs, the mean is over those still training.
    """
    tables = {name: _padded(runs)[:, 1:] for name, runs in curves.items()}  # the untrained model would set the scale
    means = {name: np.nanmean(table, 0) for name, table in tables.items()}
    logarithmic = wide_range(np.concatenate([*means.values(), []]))
    for name, mean in means.items():
        spread, epochs, colour = np.nanstd(tables[name], 0), np.arange(1, len(mean) + 1), styles[name]["color"]
        low = np.where(logarithmic & (spread >= mean), mean / 10, mean - spread)  # no logarithm has what is below zero
        marked = {"marker": styles[name]["marker"], "markersize": 4, "markevery": math.ceil(len(mean) / MARKED)}
        axes.plot(epochs, mean, color=colour, linestyle=styles[name]["linestyle"], **marked)
        axes.fill_between(epochs, low, mean + spread, color=colour, alpha=0.13, lw=0)
    if logarithmic:
        axes.set_yscale("log")
    if not curves:
        axes.text(0.5, 0.5, "no validation data", ha="center", transform=axes.transAxes)
    axes.set_title("Validation loss")
    axes.set_xlabel("epoch (line: mean over runs; band: ± one standard deviation)")
    whole_numbers(axes)


def _padded(runs: list[np.ndarray]) -> np.ndarray:
    length = max(map(len, runs))
    return np.stack([np.pad(run, (0, length - len(run)), constant_values=np.nan) for run in runs])


def scores(axes: Any, values: dict[str, list[float]], styles: dict[str, Style], metric: str) -> None:
    """A metric of every variant's selected epochs: a dot per run, a bar at their mean."""
    unit = scaled(metric)
    for index, (name, runs) in enumerate(values.items()):
        style = styles[name]
        shown = unit * np.array(runs)
        offsets = (np.arange(len(shown)) - (len(shown) - 1) / 2) * min(0.12, 0.5 / len(shown))
        dots = {"color": style["color"], "marker": style["marker"], "s": 30, "alpha": 0.85, "lw": 0}
        axes.scatter(shown, index + offsets, zorder=3, **dots)
        axes.plot([shown.mean()] * 2, [index - 0.36, index + 0.36], color=style["color"], lw=2.5, zorder=4)
    axes.set_yticks(range(len(values)), [label(name) for name in values])
    for shown_name, name in zip(axes.get_yticklabels(), values, strict=True):
        shown_name.set_color(styles[name]["color"])
    axes.set_ylim(len(values) - 0.4, -0.6)
    shown_as = words(metric)
    axes.set_title(f"{shown_as[0].upper()}{shown_as[1:]}{' (%)' if unit == 100 else ''} at the selected epoch")
    axes.set_xlabel("dot: one run; bar: mean")
