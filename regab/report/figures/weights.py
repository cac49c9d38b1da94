"""Figures of what methods do to weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from regab.report.figures.fits import stacked
from regab.report.figures.style import label, whole_numbers, wide_range
from regab.report.study import Metrics
from regab.report.variant import Variant


def histograms(axes: Any, kept: Mapping[Variant, Mapping[str, Sequence[float]]]) -> None:
    """The density of the weights of one run per variant (``weights`` of its result.json)."""
    for variant, histogram in kept.items():
        edges, counts = np.asarray(histogram["edges"]), np.asarray(histogram["counts"], dtype=float)
        density = counts / counts.sum() / np.diff(edges)
        middles = (edges[1:] + edges[:-1]) / 2
        shown = density > 0
        line = {"color": variant.colour, "linestyle": variant.dashes, "linewidth": 1.5}
        axes.plot(middles[shown], density[shown], **line, label=label(variant.short))
    axes.set_yscale("log")
    axes.set_title("Weights of the selected epoch")
    axes.set_xlabel("value")
    axes.set_ylabel("density")


def norms(axes: Any, curves: Mapping[Variant, Sequence[Metrics]]) -> None:
    """The L2 norm of all weights by epoch, the mean over a variant's runs."""
    for variant, runs in curves.items():
        if runs:
            table = stacked([run["l2_norm"] for run in runs])
            line = {"color": variant.colour, "linestyle": variant.dashes}
            axes.plot(np.arange(table.shape[1]), np.nanmean(table, 0), **line)
    if wide_range([value for line in axes.get_lines() for value in line.get_ydata()]):
        axes.set_yscale("log")
    axes.set_title("L2 norm of the weights")
    axes.set_xlabel("epoch")
    whole_numbers(axes)


def legend(drawn: Any, axes: Any) -> None:
    """One legend beside both panels."""
    handles, labels = axes.get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside right center", fontsize=8)
