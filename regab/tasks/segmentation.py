"""Segmentation: one of some classes for every pixel of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regab.errors import UsageError
from regab.lazy import torch
from regab.tasks._dense import Dense

if TYPE_CHECKING:
    from torch import Tensor

UNLABELLED = 255  # as many data sets have it


@dataclass(kw_only=True)
class Segmentation(Dense):
    """Labels ``y [N, H, W]`` (whole numbers from 0), logits ``[n, K, H, W]``; the mean over pixels of cross-entropy.

    Pixels labelled ``ignore`` (255, say; null: none) count nowhere. ``class_weights`` and ``focus`` are as in
    classification, the classes being those of pixels. Metrics of a classification are of all pixels. Label noise is
    another example's labels.
    """

    ignore: int | None = None
    metrics = ("iou", "accuracy")
    minimizes = "cross-entropy of pixels"
    reads = "segmentation"

    def typed(self, y: Tensor) -> Tensor:
        if y.ndim == 4 and y.shape[1] == 1:
            y = y[:, 0]
        if y.ndim != 3:
            raise UsageError(f"data: labels have the shape {list(y.shape)}; segmentation needs [examples, H, W]")
        if y.is_floating_point() and bool((y != y.round()).any()):
            raise UsageError("data: labels of pixels are not whole numbers")
        y = y.long() if self.ignore is None else torch.where(y == self.ignore, self.gap, y).long()
        if (low := int(y.min())) < 0 and self.ignore is None:
            raise UsageError(f"data: labels are from {low} to {int(y.max())}; must be from 0, but for task.ignore")
        if bool((y == self.gap).all()):
            raise UsageError(f"task.ignore={self.ignore}: ignores all pixels")
        return y

    def outputs(self, y: Tensor, classes: int) -> int:
        if classes:
            return classes
        there = y[y != self.gap].unique()
        if len(there) > 1 and there[-1] == UNLABELLED > there[-2] + 1:
            cure = f"say task=segmentation task.ignore={UNLABELLED} if these have no label"
            raise UsageError(f"data: labels are from {there[0]} to {there[-2]}, and {UNLABELLED}; {cure}")
        return int(there[-1]) + 1

    def answers(self, y: Tensor, outputs: int) -> list[tuple[int, ...]]:
        return [(outputs, *y.shape[1:])]

    def check(self, y: Tensor, outputs: int) -> None:
        there = y[y != self.gap]
        low, high = (int(there.min()), int(there.max())) if len(there) else (0, 0)
        if low < 0 or high >= outputs:
            known = f"with {outputs} classes, from 0 to {outputs - 1}"
            raise UsageError(f"data: labels are from {low} to {high}; {known}, but for task.ignore")

    def rows(self, outputs: Tensor) -> Tensor:
        return outputs.movedim(2, -1)
