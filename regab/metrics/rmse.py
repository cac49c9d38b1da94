"""RMSE: the root of the mean squared error, in the units of the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.metrics.base import Mean
from regab.tasks.regression import squared_errors

if TYPE_CHECKING:
    from torch import Tensor


class RMSE(Mean):
    """√mean((output − y)²). Range: [0, inf), in the units of the target."""

    direction = "down"
    label = "RMSE"
    range = "[0, inf)"
    tasks = ("regression",)
    standardized = True
    each = staticmethod(squared_errors)

    def finish(self, mean: Tensor, targets: Tensor, deviation: float) -> Tensor:
        return mean.sqrt() * deviation
