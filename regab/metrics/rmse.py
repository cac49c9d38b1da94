"""RMSE: the root of the mean squared error, in the units of the target."""

from typing import Any

from regab.metrics.base import Mean
from regab.tasks.regression import squared_errors


class RMSE(Mean):
    """√mean((output − y)²). Range: [0, inf), in the units of the target."""

    direction = "down"
    label = "RMSE"
    range = "[0, inf)"
    tasks = ("regression",)
    standardized = True
    each = staticmethod(squared_errors)

    def finish(self, mean: Any, targets: Any, deviation: float) -> Any:
        return mean.sqrt() * deviation
