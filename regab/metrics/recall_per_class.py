"""Recall of each class: the share of it that is said to be of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.metrics._classes import PerClass, library

if TYPE_CHECKING:
    from torch import Tensor


class RecallPerClass(PerClass):
    """tp / (tp + fn) of a class.

    Columns ``recall_0``, ``recall_1``, …, one for each class. Range: [0, 1]; NaN where no example is of it.
    """

    called = "recall"

    def score(self, predicted: Tensor, truth: Tensor) -> Tensor:
        return library.binary_recall(predicted, truth, validate_args=False)
