"""``curves.png``: one run in one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from regab.analysis.diagnosis import overfitting
from regab.metrics import Measures
from regab.records.columns import column, measures_from, score, words
from regab.records.load import load_metrics, load_result
from regab.report.figures.forest import scaled
from regab.report.figures.style import FAINT, L1, L2, SELECTED, TRAIN, VAL, figure, whole_numbers, wide_range

Metrics = dict[str, np.ndarray]


def draw_curves(folder: Path, path: Path | None = None) -> None:
    """Losses, accuracies, norms, overfitting score and a histogram of the weights, from the files of a finished run."""
    metrics, result = load_metrics(folder), load_result(folder)
    assert result is not None, "only a finished run is drawn"
    selected, own = result["selected"]["epoch"], measures_from(result.get("metrics"))
    with figure(path or folder / "curves.png", 12, 7.4) as drawn:
        drawn.suptitle(_title(result, metrics, own), x=0.01, ha="left", fontsize=11)
        axes = drawn.subplot_mosaic("AAABBB;CCDDEE", height_ratios=[1.25, 1])
        losses(axes["A"], metrics, selected, result.get("loss"))
        scores(axes["B"], metrics, selected, own)
        norms(axes["C"], metrics)
        overfitting_score(axes["D"], metrics)
        weights(axes["E"], result["weights"])


def _title(result: dict[str, Any], metrics: Metrics, own: Measures) -> str:
    words = " ".join(f"{key}={value}" for key, value in result["overrides"].items()) or "defaults"
    return f"{words[:150]}\n{overfitting(metrics, own, result.get('wrong_labels') or 0.0)}"


def losses(axes: Any, metrics: Metrics, selected: int, kind: str | None = None) -> None:
    """Training and validation loss, the minimized objective faintly behind them, the selected epoch marked.

    ``kind``: which loss that is.
    """
    epochs = metrics["epoch"]
    axes.plot(epochs, metrics["train_objective"], color=FAINT, linewidth=1.2, label="training objective")
    for name, color in (("train", TRAIN), ("val", VAL)):
        axes.plot(epochs, metrics[f"{name}_loss"], color=color, label={"val": "validation"}.get(name, "training"))
    if wide_range(np.concatenate([metrics["train_loss"], metrics["val_loss"]])):
        axes.set_yscale("log")
    _mark(axes, selected, f"selected: epoch {selected}")
    _finish(axes, f"Loss ({kind})" if kind else "Loss", "epoch")
    axes.legend()


def scores(axes: Any, metrics: Metrics, selected: int, own: Measures | None = None) -> None:
    """Training and validation accuracy in percent, or what else says how good a run is."""
    known = column(score(metrics, own), own)
    for name, color in (("train", TRAIN), ("val", VAL)):
        label = {"val": "validation"}.get(name, "training")
        axes.plot(metrics["epoch"], scaled(known) * metrics[f"{name}_{known}"], color=color, label=label)
    _mark(axes, selected, f"selected: epoch {selected}")
    shown = words(known)
    _finish(axes, f"{shown[0].upper()}{shown[1:]}{' (%)' if known.measure.percent else ''}", "epoch")
    axes.legend(loc="lower center")


def norms(axes: Any, metrics: Metrics) -> None:
    """L1 and L2 norm of the weights relative to the untrained model's; the legend gives the values."""
    for name, color in (("l1", L1), ("l2", L2)):
        values = metrics[f"{name}_norm"]
        label = f"{name.upper()}: {values[0]:.4g} to {values[-1]:.4g}"
        axes.plot(metrics["epoch"], values / values[0], color=color, label=label)
    _finish(axes, "Weight norms, relative to the start", "epoch")
    axes.legend()


def overfitting_score(axes: Any, metrics: Metrics) -> None:
    """Validation loss over training loss; 1 is no overfitting."""
    score = metrics["overfitting_score"]
    axes.axhline(1, color=SELECTED, linewidth=1, linestyle=":")
    axes.plot(metrics["epoch"], score, color=VAL)
    if wide_range(score):
        axes.set_yscale("log")
    _finish(axes, "Overfitting score (val loss / train loss)", "epoch")


def weights(axes: Any, histogram: dict[str, list[float]]) -> None:
    """How many weights of the selected model have which value."""
    axes.stairs(histogram["counts"], histogram["edges"], fill=True, color=L2)
    axes.set_yscale("log")
    _finish(axes, "Weights of the selected epoch", "value")
    axes.locator_params(axis="x", nbins=4)  # of small numbers, more labels than that overlap
    axes.set_ylabel("count", labelpad=1)


def _mark(axes: Any, selected: int, words: str) -> None:
    axes.axvline(selected, color=SELECTED, linewidth=1, linestyle="--", label=words)


def _finish(axes: Any, title: str, x: str) -> None:
    axes.set_title(title)
    axes.set_xlabel(x)
    if x == "epoch":
        whole_numbers(axes)
        axes.margins(x=0.02)
