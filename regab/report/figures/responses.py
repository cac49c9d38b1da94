"""How the metric responds to strengths: of one method, and of two together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from regab.records.columns import words
from regab.report.figures.forest import difference_in, scaled
from regab.report.figures.style import BASELINE, label
from regab.report.sentences import points, unit
from regab.report.variant import Variant

if TYPE_CHECKING:
    from pandas import DataFrame

Term = tuple[str, str]  # a factor and its level
ROOM = 40  # characters below an axis; where the names of all strengths are longer, some are named, evenly spread


def strength(axes: Any, factor: str, variants: Sequence[Variant], metric: str, colour: str) -> None:
    """The paired difference to the baseline by strength, with a band of its 95 % intervals.

    Strengths that span more than a factor of 20 stand at equal distances.
    """
    members = sorted(variants, key=lambda v: float(v.levels[factor]))
    levels = [float(v.levels[factor]) for v in members]
    positive = [level for level in levels if level > 0 and math.isfinite(level)]
    even = not positive or max(positive) > 20 * min(positive) or not all(map(math.isfinite, levels))
    places = list(range(len(levels))) if even else levels
    effects = [
        v.effect | ({"mean_difference": 0.0, "ci_low": 0.0, "ci_high": 0.0} if v.is_baseline else {}) for v in members
    ]
    mean, low, high = (
        np.array([scaled(metric) * e[key] for e in effects]) for key in ("mean_difference", "ci_low", "ci_high")
    )
    axes.axhline(0, color=BASELINE, linewidth=1)
    axes.fill_between(places, low, high, color=colour, alpha=0.18, linewidth=0)
    axes.plot(places, mean, color=colour, marker="o")
    names = [label(v.levels[factor]) for v in members]
    named = slice(None, None, math.ceil(len(names) / max(2, ROOM // max(map(len, names)))))
    axes.set_xticks(places[named], names[named])
    axes.set_xlabel(factor.removeprefix("reg."))
    axes.set_ylabel(difference_in(metric))


def terms(table: DataFrame, factor: str, level: str) -> list[Term]:
    """The distinct levels in two columns of ``table`` (``regab.analysis.verdicts.effects.interactions``)."""
    return list(dict.fromkeys(zip(table[factor], table[level], strict=True)))


def interaction_map(axes: Any, table: DataFrame, metric: str) -> None:
    """What two levels do together beyond the sum of what each does alone; bold and starred where there is a verdict."""
    columns, rows = terms(table, "factor", "level"), terms(table, "other", "other_level")
    grid = np.full((len(rows), len(columns)), np.nan)
    for pair in table.itertuples():
        at = columns.index((pair.factor, pair.level)), rows.index((pair.other, pair.other_level))
        grid[at[::-1]] = scaled(metric) * pair.effect
        sure = str(pair.verdict).endswith("together")
        text = points(metric, pair.effect) + "*" * sure
        axes.text(*at, text, ha="center", va="center", fontsize=9, weight="bold" if sure else "normal")
    reach = float(np.nanmax(np.abs(grid), initial=0.0)) or 1.0
    axes.imshow(grid, cmap="PuOr_r", vmin=-1.6 * reach, vmax=1.6 * reach, aspect="auto")  # dark letters stay readable
    axes.set_xticks(range(len(columns)), _labels(columns), rotation=35, ha="right")
    axes.set_yticks(range(len(rows)), _labels(rows))
    axes.grid(visible=False)
    counted = "" if unit(metric) == words(metric) else f"{unit(metric)}; "
    axes.set_title(f"Beyond the sum: {words(metric)}\n({counted}*: a verdict)")


def _labels(names: Sequence[Term]) -> list[str]:
    return [label(f"{factor.removeprefix('reg.')}={level}", 40) for factor, level in names]
