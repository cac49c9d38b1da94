"""Random shift, mirror and crop of images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regab.fields import strength
from regab.lazy import torch
from regab.regularizers._warp import matrices, warp
from regab.regularizers.base import Regularizer, per

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class ShiftFlipCrop(Regularizer):
    """Move every training image by whole pixels, mirror it left to right, and cut a random part out of it.

    ``shift``: up to so many pixels in each direction, uniform (the "pad by 4 and crop" of CIFAR recipes is shift 4);
    ``flip``: the probability of mirroring; ``crop``: the part kept has a side of 1-c, c uniform from [0, ``crop``],
    lies anywhere, and is stretched to the full size. What comes in from outside repeats the border.
    Range: shift in [0, inf), flip in [0, 1], crop in [0, 1). Neutral: all 0.
    Helps photographs most of all (flip 0.5); do not flip digits or letters. Costs a few percent of a convolution's
    step.
    Interactions: the rest of augmentation adds to it; with cutout or cutmix, use milder strengths.
    Paper: Krizhevsky, Sutskever & Hinton 2012, NeurIPS, section 4.1.
    """

    shift: float = strength(0.0, "[0, inf)")
    flip: float = strength(0.0, "[0, 1]")
    crop: float = strength(0.0, "[0, 1)")
    inputs = ("images",)
    moves = True

    def augment(self, x: Tensor, noise: Any) -> Tensor:
        u = noise.uniform(x.shape[1], 6)  # [V, B, 6]
        height, width = x.shape[-2:]
        side = 1 - u[..., 0] * per(self.crop, u[..., 0])
        mirror = torch.where(u[..., 1] < per(self.flip, u[..., 1]), -1.0, 1.0)
        reach = per(self.shift, u[..., 2:4]).floor()
        pixels = (u[..., 2:4] * (2 * reach + 1)).floor() - reach
        away = (u[..., 4:6] * 2 - 1) * (1 - side)[..., None]
        x0 = away[..., 0] + pixels[..., 0] * (2 / width)
        y0 = away[..., 1] + pixels[..., 1] * (2 / height)
        zero = torch.zeros_like(side)
        warped = warp(x, matrices(side * mirror, zero, x0, zero, side, y0))
        neutral = (self.shift == 0) & (self.flip == 0) & (self.crop == 0)
        return torch.where(per(neutral, x), x, warped)
