"""Label smoothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regab.fields import strength
from regab.regularizers.base import Regularizer, per

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class LabelSmoothing(Regularizer):
    """Train on targets y ← (1-strength)·y + strength/K instead of the labels, with K classes.

    The same as ``cross_entropy(label_smoothing=strength)``; evaluation keeps the true labels.
    Range: strength in [0, 1]. Neutral: 0.
    Helps against over-confident and noisy labels; raises the training loss's floor. Costs nothing.
    Interactions: mixup, cutmix and confidence_penalty do much the same; see also cutout.
    Paper: Szegedy, Vanhoucke, Ioffe, Shlens & Wojna 2016, CVPR, section 7.
    """

    strength: float = strength(0.0, "[0, 1]")
    tasks = ("classification",)

    def mix(self, x: Tensor, y: Tensor, noise: Any) -> tuple[Tensor, Tensor]:
        s = per(self.strength, y)
        return x, y * (1 - s) + s / y.shape[-1]
