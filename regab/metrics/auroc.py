"""AUROC: how probably an example of a class has a higher score for it than one of another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.lazy import torch
from regab.metrics._classes import TORCHMETRICS, library, of_each_run, one_vs_rest, only_class
from regab.metrics.base import Metric

if TYPE_CHECKING:
    from torch import Tensor


class AUROC(Metric):
    """P(score of one of the class > score of another) + ½·P(equal), the area under the ROC curve.

    Of more than two classes the mean of each against the rest, over those that the split has. Range: [0, 1], 0.5 by
    chance; NaN where all examples are of one class. Paper: Hanley & McNeil 1982, Radiology; Fawcett 2006.
    """

    direction = "up"
    label = "AUROC"
    form = ".4f"
    range = "[0, 1]"
    tasks = ("classification",)
    needs = TORCHMETRICS

    def of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        scores, truths = one_vs_rest(outputs, targets)
        if not truths.shape[1]:
            return torch.full((len(outputs),), torch.nan)

        def score(one: Tensor) -> Tensor:
            return library.multilabel_auroc(one, truths, truths.shape[1], validate_args=False)

        return of_each_run(score, scores)

    def undefined(self, targets: Tensor) -> str:
        return only_class(targets)
