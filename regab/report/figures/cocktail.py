"""What the best variants consist of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from regab.records.columns import words
from regab.report.figures.forest import scaled
from regab.report.figures.style import FAINT, label
from regab.report.variant import Variant, method_of


def scores(axes: Any, values: Mapping[Variant, Sequence[float]], metric: str) -> None:
    """A dot per run and a bar at the mean, a column per variant."""
    for column, (variant, runs) in enumerate(values.items()):
        shown = scaled(metric) * np.array(runs)
        axes.plot([column] * len(shown), shown, "o", color=variant.colour, alpha=0.55, markersize=5)
        axes.plot([column - 0.3, column + 0.3], [shown.mean()] * 2, color=variant.colour, linewidth=2.5)
    axes.set_ylabel(f"{words(metric)}{' (%)' if scaled(metric) > 1 else ''}")
    axes.grid(axis="x", visible=False)
    axes.tick_params(bottom=False, labelbottom=False)


def composition(axes: Any, variants: Sequence[Variant], colours: Mapping[str, str]) -> None:
    """A row per method, a column per variant, and a dot, with the level, where it is not as in the baseline."""
    rows = list(colours)
    for column, variant in enumerate(variants):
        levels = {method_of(key): level for key, level in variant.differs.items()}
        axes.plot([column] * len(rows), range(len(rows)), "o", color=FAINT, alpha=0.3, markersize=5, linestyle="")
        for method, level in levels.items():
            row = rows.index(method)
            axes.plot(column, row, "o", color=colours[method], markersize=9)
            axes.annotate(
                label(level, 20), (column, row), (0, -11), textcoords="offset points", ha="center", fontsize=7
            )
    axes.set_yticks(range(len(rows)), [label(row) for row in rows])
    axes.set_ylim(len(rows) - 0.2, -0.6)
    axes.set_xticks([])
    axes.grid(visible=False)
