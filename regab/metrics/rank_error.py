"""Rank error: how many classes predictions are off, where classes are in an order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.metrics.base import Mean
from regab.tasks.ordinal import median

if TYPE_CHECKING:
    from torch import Tensor


class RankError(Mean):
    """mean|m − y|, with m the median of the predicted distribution: the first class k with P(y ≤ k) ≥ ½.

    Range: [0, inf), in classes. Predictions have this median in a column of its own; the most probable class, which
    accuracy goes by, may be another.
    """

    direction = "down"
    label = "rank error"
    unit = "classes"
    form = ".4f"
    range = "[0, inf)"
    tasks = ("ordinal",)

    def each(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (median(outputs) - targets).abs()
