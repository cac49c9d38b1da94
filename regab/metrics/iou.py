"""Intersection over union: how far the pixels of a class and those said to be of it are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.lazy import torch
from regab.metrics._classes import chosen
from regab.metrics.base import Metric

if TYPE_CHECKING:
    from torch import Tensor


class IoU(Metric):
    """mean over classes of tp / (tp + fp + fn), over those that the split has or the model says (Jaccard index).

    Counted over all pixels of the split. Range: [0, 1].
    """

    direction = "up"
    label = "mean IoU"
    form = ".4f"
    range = "[0, 1]"
    tasks = ("segmentation",)

    def of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        classes = outputs.shape[-1]
        cells = targets * classes + chosen(outputs)
        counts = torch.stack([torch.bincount(run, minlength=classes**2) for run in cells]).double()
        table = counts.view(-1, classes, classes)  # [V, true, said]
        hits = table.diagonal(dim1=1, dim2=2)
        return (hits / (table.sum(1) + table.sum(2) - hits)).nanmean(1)
