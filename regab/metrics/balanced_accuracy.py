"""Balanced accuracy: the mean over classes of the share of their examples that are recognized."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.lazy import torch
from regab.metrics._classes import chosen
from regab.metrics.base import Metric

if TYPE_CHECKING:
    from torch import Tensor


class BalancedAccuracy(Metric):
    """mean over classes of mean(argmaxₖ outputₖ = y | y is that class), over the classes that the split has.

    Always saying the same gets one over their number, however rare the others are. Range: [0, 1]; shown in percent.
    Paper: Brodersen et al. 2010, ICPR.
    """

    direction = "up"
    form = ".2%"
    range = "[0, 1]"
    tasks = ("classification",)

    def of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        targets, right = targets.cpu(), (chosen(outputs) == targets).cpu().double()
        counts = torch.bincount(targets, minlength=outputs.shape[-1])
        found = torch.zeros(len(right), len(counts), dtype=torch.float64).index_add_(1, targets, right)
        return (found / counts)[:, counts > 0].mean(1)
