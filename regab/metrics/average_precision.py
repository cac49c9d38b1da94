"""Average precision: the precision at every recall, averaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.lazy import torch
from regab.metrics._classes import TORCHMETRICS, library, of_each_run, one_vs_rest, only_class
from regab.metrics.base import Metric

if TYPE_CHECKING:
    from torch import Tensor


class AveragePrecision(Metric):
    """Σᵢ (recallᵢ − recallᵢ₋₁)·precisionᵢ over the thresholds of a class's score, without interpolation.

    Of two classes that of the second (class 1); of more the mean of each against the rest, over those that the split
    has. Range: [0, 1], by chance the share of the class; NaN where all examples are of one class.
    """

    direction = "up"
    label = "average precision"
    form = ".4f"
    range = "[0, 1]"
    tasks = ("classification",)
    needs = TORCHMETRICS

    def of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        scores, truths = one_vs_rest(outputs, targets)
        if not truths.shape[1]:
            return torch.full((len(outputs),), torch.nan)

        def score(one: Tensor) -> Tensor:
            return library.multilabel_average_precision(one, truths, truths.shape[1], validate_args=False)

        return of_each_run(score, scores)

    def undefined(self, targets: Tensor) -> str:
        return only_class(targets)
