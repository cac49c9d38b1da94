"""F1: the harmonic mean of precision and recall of a class, averaged over classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.metrics._classes import TORCHMETRICS, chosen, library, of_each_run
from regab.metrics.base import Metric

if TYPE_CHECKING:
    from torch import Tensor


class F1(Metric):
    """mean over classes of 2·tp / (2·tp + fp + fn), over those that the split has or the model says (macro F1).

    Range: [0, 1]. Of two classes both count; that of one alone is ``f1_per_class``."""

    direction = "up"
    label = "macro F1"
    form = ".4f"
    range = "[0, 1]"
    tasks = ("classification",)
    needs = TORCHMETRICS

    def of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        def score(predicted: Tensor) -> Tensor:
            return library.multiclass_f1_score(predicted, targets, outputs.shape[-1], "macro", validate_args=False)

        return of_each_run(score, chosen(outputs))
