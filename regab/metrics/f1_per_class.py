"""F1 of each class: the harmonic mean of its precision and recall."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.metrics._classes import PerClass, library

if TYPE_CHECKING:
    from torch import Tensor


class F1PerClass(PerClass):
    """2·tp / (2·tp + fp + fn) of a class.

    Columns ``f1_0``, ``f1_1``, …, one for each class. Range: [0, 1]; NaN where no example is of it.
    """

    called = "F1"

    def score(self, predicted: Tensor, truth: Tensor) -> Tensor:
        return library.binary_f1_score(predicted, truth, validate_args=False)
