"""ECE: how far confidence is from accuracy (expected calibration error)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.metrics._classes import TORCHMETRICS, library, of_each_run, probabilities
from regab.metrics.base import Metric

if TYPE_CHECKING:
    from torch import Tensor

BINS = 15


class ECE(Metric):
    """Σ_b n_b/N · |accuracy_b − confidence_b| over 15 bins of equal width, confidence being the largest probability.

    Range: [0, 1]; shown in percent. Paper: Guo, Pleiss, Sun & Weinberger 2017, ICML.
    """

    direction = "down"
    label = "ECE"
    form = ".2%"
    range = "[0, 1]"
    tasks = ("classification",)
    needs = TORCHMETRICS

    def of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        k = outputs.shape[-1]
        return of_each_run(
            lambda p, y: library.multiclass_calibration_error(p, y, k, BINS, "l1", validate_args=False),
            probabilities(outputs),
            targets.cpu(),
        )
