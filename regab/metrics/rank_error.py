"""Rank error: how many classes predictions are off, where classes are in an order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.metrics.base import Mean

if TYPE_CHECKING:
    from torch import Tensor

HALF = 0.5


class RankError(Mean):
    """mean|m − y|, with m the median of the predicted distribution: the first class k with P(y ≤ k) ≥ ½.

    Range: [0, inf), in classes.
    """

    direction = "down"
    label = "rank error"
    unit = "classes"
    form = ".4f"
    range = "[0, inf)"
    tasks = ("ordinal",)

    def each(self, outputs: Tensor, targets: Tensor) -> Tensor:
        below = outputs.softmax(-1).cumsum(-1)[..., :-1] < HALF
        return (below.sum(-1) - targets).abs()
