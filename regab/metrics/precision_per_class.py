"""Precision of each class: the share of what is said to be of it that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.metrics._classes import PerClass, library

if TYPE_CHECKING:
    from torch import Tensor


class PrecisionPerClass(PerClass):
    """tp / (tp + fp) of a class, 0 where the model never says it.

    Columns ``precision_0``, ``precision_1``, …, one for each class. Range: [0, 1]; NaN where no example is of it.
    """

    called = "precision"

    def score(self, predicted: Tensor, truth: Tensor) -> Tensor:
        return library.binary_precision(predicted, truth, validate_args=False)
