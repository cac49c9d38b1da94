"""The figures of a sweep on axes of the user's, or on new ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from regab.errors import UsageError
from regab.report.variant import Variant

if TYPE_CHECKING:
    from regab.api.trained import Sweep


class Plots:
    """Every method draws on ``ax``, or on the axes of a new figure of pyplot's, and returns these axes.

    Further options are those of ``regab report``: ``metric``, ``baseline``, ``practical``, ``at``.
    """

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep

    def forest(self, ax: Any = None, **options: Any) -> Any:
        """Every variant's difference to the baseline with its 95 % interval and verdict."""
        from regab.report.figures.forest import forest

        study = self._sweep.study(**options)
        shown = [v for v in study.variants if not math.isnan(v.effect["mean_difference"])]
        axes = _axes(ax, 4 + 0.06 * max((len(v.short) for v in shown), default=0), 1.2 + 0.34 * len(shown))
        forest(axes, shown, study.metric, study.practical)
        return axes

    def curves(self, ax: Any = None, **options: Any) -> Any:
        """The validation loss of every variant by epoch: mean over its runs, ± one standard deviation."""
        from regab.report.figures.comparison import validation_curves

        study = self._sweep.study(**options)
        curves = {v.name: [m["val_loss"] for m in study.curves_of(v) if _known(m["val_loss"])] for v in study.variants}
        styles = {v.name: v.style for v in study.variants}
        axes = _axes(ax, 6.5, 4.2)
        validation_curves(axes, {name: runs for name, runs in curves.items() if runs}, styles)
        return axes

    def scores(self, ax: Any = None, **options: Any) -> Any:
        """The metric of every run, a bar at each variant's mean."""
        from regab.report.figures.comparison import scores

        study = self._sweep.study(**options)
        values = {v.name: found for v in study.variants if (found := study.values(v))}
        axes = _axes(ax, 4 + 0.06 * max(map(len, values)), 1.5 + 0.36 * len(values))
        scores(axes, values, {v.name: v.style for v in study.variants}, study.metric)
        return axes

    def gaps(self, ax: Any = None, **options: Any) -> Any:
        """Validation loss − training loss of every run."""
        from regab.report.figures.fits import gaps

        study = self._sweep.study(**options)
        values: dict[Variant, list[float]] = {
            v: found for v in study.variants if (found := study.values(v, "generalization_gap"))
        }
        axes = _axes(ax, 6 + 0.06 * max((len(v.short) for v in values), default=0), 1.3 + 0.32 * len(values))
        gaps(axes, values)
        return axes

    def strength(self, factor: str, ax: Any = None, **options: Any) -> Any:
        """The metric by the strength of one factor, others as in the baseline. Raises UsageError."""
        from regab.report.figures.responses import strength
        from regab.report.findings import alone, numbers
        from regab.report.variant import method_of

        study = self._sweep.study(**options)
        names = {name.removeprefix("reg."): name for name in study.factors}
        factor = names.get(factor.removeprefix("reg."), factor)
        if factor not in study.factors or numbers(alone(study, factor), factor) is None:
            raise UsageError(f"strength {factor}: must be a factor of numbers; there is: {', '.join(study.factors)}")
        axes = _axes(ax, 5, 3.6)
        strength(axes, factor, alone(study, factor), study.metric, study.colours.get(method_of(factor), "#444444"))
        return axes

    def interactions(self, ax: Any = None, **options: Any) -> Any:
        """What two methods do together beyond the sum of what each does alone. Raises UsageError."""
        from regab.report.figures.responses import interaction_map

        study = self._sweep.study(**options)
        table = self._sweep.interactions(**options)
        if not len(table):
            raise UsageError("interactions: this sweep cannot tell any; vary two factors together")
        axes = _axes(ax, 7, 2.2 + 0.5 * len(table))
        interaction_map(axes, table, study.metric)
        return axes


def _known(values: np.ndarray) -> bool:
    return not np.isnan(values[1:]).all()


def _axes(ax: Any, width: float, height: float) -> Any:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    from regab.report.figures.style import RC

    with plt.rc_context({k: v for k, v in RC.items() if k != "svg.hashsalt"}):
        _, axes = plt.subplots(figsize=(width, height), layout="constrained")
    return axes
