"""Perplexity: among how many equally probable classes (or next tokens) a model seems to choose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.metrics._classes import log_losses
from regab.metrics.base import Mean

if TYPE_CHECKING:
    from torch import Tensor


class Perplexity(Mean):
    """exp(mean(−log pᵧ)), over all tokens of a text, or all examples. Range: [1, inf)."""

    direction = "down"
    range = "[1, inf)"
    tasks = ("classification",)
    each = staticmethod(log_losses)

    def finish(self, mean: Tensor, targets: Tensor, deviation: float) -> Tensor:
        return mean.exp()
