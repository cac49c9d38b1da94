"""Brier score: the mean squared error of the probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.lazy import functional
from regab.metrics.base import Mean

if TYPE_CHECKING:
    from torch import Tensor


class Brier(Mean):
    """mean Σₖ (pₖ − [y = k])², p = softmax(outputs); of two classes mean (p₁ − y)², which is half of that.

    Range: [0, 2], of two classes [0, 1]. Paper: Brier 1950, Monthly Weather Review.
    """

    direction = "down"
    label = "Brier score"
    range = "[0, 2]"
    tasks = ("classification",)

    def each(self, outputs: Tensor, targets: Tensor) -> Tensor:
        k = outputs.shape[-1]
        # Over a short last axis softmax is slow: see log_probabilities.
        errors = outputs.transpose(1, 2).softmax(1) - functional.one_hot(targets, k).t()
        return errors.square().sum(1) * (0.5 if k == 2 else 1.0)
