"""``comparison.png``: the variants of a sweep in one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from regab.records.columns import headline, words
from regab.records.load import load_metrics
from regab.records.results import Rows, load_results, variants
from regab.report.style import MARKERS, figure, variant_style, whole_numbers, wide_range


def draw_comparison(root: Path) -> None:
    """Validation loss by epoch, and beside it the test score of the selected epochs, from the files of a sweep."""
    groups = {name: _finished(rows) for name, rows in variants(load_results(root)).items()}
    groups = {name: rows for name, rows in groups.items() if rows}
    if not groups:
        return
    longest = max(map(len, groups))
    with figure(root / "comparison.png", 11 + 0.07 * longest, max(4.5, 1.5 + 0.36 * len(groups))) as drawn:
        left, right = drawn.subplots(1, 2, width_ratios=[1.25, 1])
        validation_curves(left, {name: _curves(root, rows) for name, rows in groups.items()})
        test_scores(right, groups)


def _finished(rows: Rows) -> Rows:
    return [row for row in rows if row["status"] == "finished"]


def _curves(root: Path, rows: Rows) -> list[np.ndarray]:
    return [load_metrics(root / row["folder"])["val_loss"] for row in rows]


def validation_curves(axes: Any, curves: dict[str, list[np.ndarray]]) -> None:
    """Validation loss of every variant: mean over seeds, with a band of one standard deviation to both sides.

    Where seeds were stopped at different epochs, the mean is over those still training.
    """
    low, high = [], []
    for index, runs in enumerate(curves.values()):
        table = _padded(runs)[:, 1:]  # the untrained model would set the scale
        mean, spread = np.nanmean(table, 0), np.nanstd(table, 0)
        epochs = np.arange(1, table.shape[1] + 1)
        axes.plot(epochs, mean, **variant_style(index))
        axes.fill_between(epochs, mean - spread, mean + spread, color=variant_style(index)["color"], alpha=0.13, lw=0)
        low.append(mean.min())
        high.append(mean[min(1, len(mean) - 1) :].max())
    if wide_range([*low, *high]):
        axes.set_yscale("log")
    else:
        margin = 0.08 * (max(high) - min(low)) or 0.1
        axes.set_ylim(min(low) - margin, max(high) + margin)
    axes.set_title("Validation loss")
    axes.set_xlabel("epoch (line: mean over seeds; band: ± one standard deviation)")
    whole_numbers(axes)


def _padded(runs: list[np.ndarray]) -> np.ndarray:
    length = max(map(len, runs))
    return np.stack([np.pad(run, (0, length - len(run)), constant_values=np.nan) for run in runs])


def test_scores(axes: Any, groups: dict[str, Rows]) -> None:
    """Test accuracy or RMSE of every variant's selected epochs: a dot per seed, a bar at their mean."""
    score = f"test_{headline(next(iter(groups.values()))[0])}"
    unit = 100 if score.endswith("accuracy") else 1
    for index, rows in enumerate(groups.values()):
        style = variant_style(index)
        values = np.array([unit * float(row[f"selected_{score}"] or "nan") for row in rows])
        offsets = (np.arange(len(values)) - (len(values) - 1) / 2) * min(0.12, 0.5 / len(values))
        marker = MARKERS[index % len(MARKERS)]
        axes.scatter(values, index + offsets, color=style["color"], marker=marker, s=30, alpha=0.85, zorder=3, lw=0)
        axes.plot([values.mean()] * 2, [index - 0.36, index + 0.36], **style, lw=2.5, zorder=4)
    axes.set_yticks(range(len(groups)), groups)
    for index, label in enumerate(axes.get_yticklabels()):
        label.set_color(variant_style(index)["color"])
    axes.set_ylim(len(groups) - 0.4, -0.6)
    axes.set_title(f"{words(score).replace('test', 'Test')}{' (%)' if unit == 100 else ''} at the selected epoch")
    axes.set_xlabel("dot: one seed; bar: mean")
