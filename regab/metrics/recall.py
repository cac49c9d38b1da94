"""Recall: the share of a class that is said to be of it, averaged over classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.metrics._classes import TORCHMETRICS, chosen, library, of_each_run
from regab.metrics.base import Metric

if TYPE_CHECKING:
    from torch import Tensor


class Recall(Metric):
    """mean over classes of tp / (tp + fn), 0 for one that the split does not have but the model says (macro recall).

    Range: [0, 1]. Of two classes both count; that of one alone is ``recall_per_class``."""

    direction = "up"
    label = "macro recall"
    form = ".4f"
    range = "[0, 1]"
    tasks = ("classification",)
    needs = TORCHMETRICS

    def of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        def score(predicted: Tensor) -> Tensor:
            return library.multiclass_recall(predicted, targets, outputs.shape[-1], "macro", validate_args=False)

        return of_each_run(score, chosen(outputs))
