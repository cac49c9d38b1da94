"""Mixup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regab.fields import strength
from regab.lazy import torch
from regab.regularizers._draws import symmetric_beta
from regab.regularizers.base import Regularizer

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Mixup(Regularizer):
    """Train on mixtures of two examples and of their targets: x ← λ·x + (1-λ)·x', y ← λ·y + (1-λ)·y'.

    λ is drawn for every example from Beta(alpha, alpha) and replaced by 1-λ where that is larger, which changes only
    which of the two is called x. The partner is the example before it in the batch, whose order is random.
    Range: alpha in [0, inf); useful from 0.1 to 1. Neutral: 0.
    Helps against wrong labels and over-confidence, in regressions too; wants more epochs. Of categories it mixes what
    marks them; not for tokens, between which there is nothing. Costs 5-10 % of a small network's step.
    Interactions: with dropout, better than either where half of the labels are wrong (table 2 of the paper); adds
    little to label_smoothing.
    Paper: Zhang, Cisse, Dauphin & Lopez-Paz 2018, ICLR.
    """

    alpha: float = strength(0.0, "[0, inf)")
    inputs = ("images", "features", "categories")

    def mix(self, x: Tensor, y: Tensor, noise: Any) -> tuple[Tensor, Tensor]:
        share = 1 - symmetric_beta(self.alpha, noise.uniform(x.shape[1], 2))  # of the partner, [V, B]
        x, y = (torch.lerp(t, t.roll(1, 1), share.view(*share.shape, *[1] * (t.ndim - 2))) for t in (x, y))
        return x, y
