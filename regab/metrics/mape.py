"""MAPE: the mean absolute error, each as a share of its target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.lazy import torch
from regab.metrics._numbers import absolute_errors
from regab.metrics.base import Mean

if TYPE_CHECKING:
    from torch import Tensor

ROUNDING = 1e-6  # of the largest target: what one that is 0 may be after it was scaled in float32, and back


class MAPE(Mean):
    """mean(|output − y| / |y|). Range: [0, inf); shown in percent; NaN where a target is 0."""

    direction = "down"
    label = "MAPE"
    form = ".2%"
    range = "[0, inf)"
    tasks = ("regression",)

    def each(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return absolute_errors(outputs, targets) / targets.view(len(targets), -1).abs()

    def finish(self, mean: Tensor, targets: Tensor, deviation: float) -> Tensor:
        return super().finish(torch.full_like(mean, torch.nan) if self.undefined(targets) else mean, targets, deviation)

    def undefined(self, targets: Tensor) -> str:
        size = targets.abs()
        return "a target is 0" if bool((size <= ROUNDING * size.max()).any()) else ""
