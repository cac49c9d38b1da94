"""Noise on the inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regab.fields import strength
from regab.regularizers.base import Regularizer, per

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class InputNoise(Regularizer):
    """Add N(0, deviation²) to every number of every training input: x ← x + deviation·z.

    Inputs are standardized, so the deviation is a share of theirs. For small ones the same as penalizing the squared
    slope of the outputs along the inputs (Tikhonov).
    Range: deviation in [0, inf); useful from 0.05 to 0.5. Neutral: 0.
    Helps small networks on features that were measured; less than augmentation does on images. Not for tokens or
    categories. Costs 5-15 % of a small network's step.
    Interactions: comes before mixup and cutmix, in one step with other augmentation.
    Paper: Bishop 1995, Neural Computation 7:108-116.
    """

    deviation: float = strength(0.0, "[0, inf)")
    inputs = ("images", "features")

    def augment(self, x: Tensor, noise: Any) -> Tensor:
        return x + per(self.deviation, x) * noise.normal(*x.shape[1:])
