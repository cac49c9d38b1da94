"""Random rotation and zoom of images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regab.fields import strength
from regab.lazy import torch
from regab.regularizers._warp import matrices, warp
from regab.regularizers.base import Regularizer, per

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class RotateZoom(Regularizer):
    """Turn every training image by an angle from ±``degrees`` and scale it by a factor from 1±``zoom``, both uniform.

    Bilinear; what comes in from outside repeats the border.
    Range: degrees in [0, 180], zoom in [0, 1). Neutral: both 0.
    Helps on little image data whose classes do not depend on pose; costs a few percent of a convolution's step.
    Interactions: the rest of augmentation adds to it; with cutout or cutmix, use milder strengths.
    Paper: Simard, Steinkraus & Platt 2003, ICDAR.
    """

    degrees: float = strength(0.0, "[0, 180]")
    zoom: float = strength(0.0, "[0, 1)")
    inputs = ("images",)
    moves = True

    def augment(self, x: Tensor, noise: Any) -> Tensor:
        u = noise.uniform(x.shape[1], 2) * 2 - 1  # [V, B, 2]
        angle = u[..., 0] * per(self.degrees * (math.pi / 180), u[..., 0])
        scale = 1 / (1 + u[..., 1] * per(self.zoom, u[..., 1]))
        cos, sin, zero = angle.cos() * scale, angle.sin() * scale, torch.zeros_like(angle)
        height, width = x.shape[-2:]
        warped = warp(x, matrices(cos, -sin * (height / width), zero, sin * (width / height), cos, zero))
        return torch.where(per((self.degrees == 0) & (self.zoom == 0), x), x, warped)
