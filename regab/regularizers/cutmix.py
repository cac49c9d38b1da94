"""CutMix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regab.fields import strength
from regab.lazy import torch
from regab.regularizers._draws import box, symmetric_beta, window
from regab.regularizers.base import Regularizer, per

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Cutmix(Regularizer):
    """Paste a box of another image into every training image, and mix the targets by area: y ← λ·y + (1-λ)·y'.

    The box has sides of √(1-λ) times the image's, with λ from Beta(alpha, alpha) for every image; its centre is a
    uniformly drawn pixel, and what sticks out is cut off, after which λ is the share of pixels that stayed. The partner
    is the example before it in the batch, whose order is random.
    Range: alpha in [0, inf); 1 is usual. Neutral: 0.
    Helps convolutional networks on photographs, with many epochs; too much on little pictures such as digits. Costs
    20-35 % of a small network's step.
    Interactions: use it or mixup, not both; label_smoothing adds little.
    Paper: Yun, Han, Oh, Chun, Choe & Yoo 2019, ICCV.
    """

    alpha: float = strength(0.0, "[0, inf)")
    inputs = ("images",)
    moves = True

    def mix(self, x: Tensor, y: Tensor, noise: Any) -> tuple[Tensor, Tensor]:
        u = noise.uniform(x.shape[1], 5)  # [V, B, 5]
        folded = symmetric_beta(self.alpha, u[..., :2])
        keep = torch.where(u[..., 2] < 0.5, folded, 1 - folded)
        keep = torch.where(per(self.alpha, keep) > 0, keep, 1.0)
        rows, columns = (self._side(keep, u[..., 3 + i], size) for i, size in enumerate(x.shape[-2:]))
        pasted = (rows.sum(-1) * columns.sum(-1))[..., None] / x[0, 0, 0].numel()
        return torch.where(box(rows, columns), x.roll(1, 1), x), torch.lerp(y, y.roll(1, 1), pasted)

    @staticmethod
    def _side(keep: Tensor, u: Tensor, size: int) -> Tensor:
        centre, half = (u * size).floor(), ((1 - keep).sqrt() * (size / 2)).floor()
        return window(centre - half, centre + half, size)
