"""Cutout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regab.fields import strength
from regab.lazy import torch
from regab.regularizers._draws import box, window
from regab.regularizers.base import Regularizer, per

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Cutout(Regularizer):
    """Blank a square of ``size`` × ``size`` pixels in every training image, by 0: the mean of standardized data.

    Its centre is a uniformly drawn pixel; what sticks out is cut off. All channels lose the same pixels.
    Range: size in [0, inf) pixels, rounded down; useful are a quarter to half of the image's side. Neutral: 0.
    Helps convolutional networks on photographs; takes whole strokes out of little pictures such as digits. Costs
    10-20 % of a small network's step.
    Interactions: on CIFAR-100 cutout and label_smoothing each hurt alone and helped together (Yun et al. 2019, ICCV,
    table 5).
    Paper: DeVries & Taylor 2017, arXiv:1708.04552.
    """

    size: float = strength(0.0, "[0, inf)")
    inputs = ("images",)

    def augment(self, x: Tensor, noise: Any) -> Tensor:
        u = noise.uniform(x.shape[1], 2)  # [V, B, 2]
        size = per(self.size, u[..., 0]).floor()
        starts = [(u[..., i] * extent).floor() - (size / 2).floor() for i, extent in enumerate(x.shape[-2:])]
        rows, columns = (window(s, s + size, extent) for s, extent in zip(starts, x.shape[-2:], strict=True))
        return torch.where(box(rows, columns), 0.0, x)
