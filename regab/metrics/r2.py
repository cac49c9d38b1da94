"""R²: the share of the targets' variance that predictions explain (coefficient of determination)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.lazy import torch
from regab.metrics.base import Mean
from regab.tasks.regression import squared_errors

if TYPE_CHECKING:
    from torch import Tensor


class R2(Mean):
    """1 − mean((output − y)²) / var(y), with the variance of the split's own targets; NaN where they do not vary.

    Range: (-inf, 1]. 0 is what predicting the mean comes to.
    """

    direction = "up"
    label = "R²"
    form = ".4f"
    range = "(-inf, 1]"
    tasks = ("regression",)
    standardized = True
    each = staticmethod(squared_errors)

    def finish(self, mean: Tensor, targets: Tensor, deviation: float) -> Tensor:
        variance = targets.to(mean.dtype).var(correction=0)
        return 1 - mean / torch.where(variance > 0, variance, torch.nan)

    def undefined(self, targets: Tensor) -> str:
        return "all targets are the same" if bool((targets == targets[:1]).all()) else ""
