"""MCC: the correlation of what is said with what is (Matthews' correlation coefficient)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.lazy import torch
from regab.metrics._classes import TORCHMETRICS, chosen, library, only_class
from regab.metrics.base import Metric

if TYPE_CHECKING:
    from torch import Tensor


class MCC(Metric):
    """(c·s − Σₖ tₖ·pₖ) / √((s² − Σₖ pₖ²)·(s² − Σₖ tₖ²)) of s examples, c of them right, tₖ of class k, pₖ said to be.

    Range: [-1, 1]; 0 where the model says the same of all, NaN where all examples are of one class. Paper: Gorodkin
    2004, Comput. Biol. Chem.
    """

    direction = "up"
    label = "MCC"
    form = ".4f"
    range = "[-1, 1]"
    tasks = ("classification",)
    needs = TORCHMETRICS

    def of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        k = outputs.shape[-1]
        counts = [library.multiclass_confusion_matrix(one, targets, k, validate_args=False) for one in chosen(outputs)]
        table = torch.stack(counts).cpu().double()  # torchmetrics' own coefficient is taken in float32
        true, said, total = table.sum(2), table.sum(1), table.sum((1, 2))
        right = table.diagonal(dim1=1, dim2=2).sum(1)
        spread = (total**2 - said.square().sum(1)) * (total**2 - true.square().sum(1))
        value = (right * total - (true * said).sum(1)) / torch.where(spread > 0, spread, 1.0).sqrt()
        return torch.full_like(value, torch.nan) if self.undefined(targets) else value

    def undefined(self, targets: Tensor) -> str:
        return only_class(targets)
