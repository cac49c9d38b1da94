"""Random erasing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regab.fields import choice, number, strength
from regab.lazy import torch
from regab.regularizers._draws import box, window
from regab.regularizers.base import Regularizer, per

if TYPE_CHECKING:
    from torch import Tensor

ATTEMPTS = 10  # as in torchvision
RATIO = (0.3, 3.3)


@dataclass
class RandomErasing(Regularizer):
    """Blank, with the given ``probability``, a rectangle of every training image, anywhere in it.

    Its area is uniform from ``smallest`` to ``largest`` as a share of the image, its height over its width from 0.3 to
    3.3 (log-uniform). ``fill``: with 0, the mean of standardized data (``zero``), or with N(0, 1) (``noise``).
    Range: probability in [0, 1], smallest and largest in (0, 1). Neutral: probability 0.
    Helps photographs in which things are covered; costs 10-20 % of a small network's step.
    Interactions: much the same as cutout; with cutmix, use one.
    Paper: Zhong, Zheng, Kang, Li & Yang 2020, AAAI, arXiv:1708.04896.
    """

    probability: float = strength(0.0, "[0, 1]")
    smallest: float = number(0.02, "(0, 1)")
    largest: float = number(0.33, "(0, 1)")
    fill: str = choice("zero", "noise")
    inputs = ("images",)

    def augment(self, x: Tensor, noise: Any) -> Tensor:
        u = noise.uniform(x.shape[1], ATTEMPTS, 4)  # [V, B, attempts, 4]
        height, width = x.shape[-2:]
        low, high = (per(share, u[..., 0]) * height * width for share in (self.smallest, self.largest))
        area = low + u[..., 0] * (high - low)
        ratio = (math.log(RATIO[0]) + u[..., 1] * math.log(RATIO[1] / RATIO[0])).exp()
        tall, wide = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
        fits = (tall < height) & (wide < width)
        first = fits.int().argmax(2, keepdim=True)
        there, tall, wide, *at = (t.gather(2, first)[..., 0] for t in (fits, tall, wide, u[..., 2], u[..., 3]))
        top, left = (at[0] * (height - tall + 1)).floor(), (at[1] * (width - wide + 1)).floor()
        chosen = there & (noise.uniform(x.shape[1]) < per(self.probability, there))
        erased = box(window(top, top + tall, height), window(left, left + wide, width)) & chosen[..., None, None, None]
        return torch.where(erased, 0.0 if self.fill == "zero" else noise.normal(*x.shape[1:]), x)
