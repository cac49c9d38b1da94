"""Precision: the share of what is said to be of a class that is, averaged over classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.metrics._classes import TORCHMETRICS, chosen, library, of_each_run
from regab.metrics.base import Metric

if TYPE_CHECKING:
    from torch import Tensor


class Precision(Metric):
    """mean over classes of tp / (tp + fp), 0 for one that the model never says, over those that the split has or the
    model says (macro precision).

    Range: [0, 1]. Of two classes both count; that of one alone is ``precision_per_class``."""

    direction = "up"
    label = "macro precision"
    form = ".4f"
    range = "[0, 1]"
    tasks = ("classification",)
    needs = TORCHMETRICS

    def of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        def score(predicted: Tensor) -> Tensor:
            return library.multiclass_precision(predicted, targets, outputs.shape[-1], "macro", validate_args=False)

        return of_each_run(score, chosen(outputs))
