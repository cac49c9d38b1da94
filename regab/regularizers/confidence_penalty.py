"""Confidence penalty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regab.fields import strength
from regab.regularizers.base import Regularizer

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class ConfidencePenalty(Regularizer):
    """Subtract strength·H(p) from the objective, with H(p) = -Σ p·log p the mean entropy of the predictions.

    Range: strength in [0, inf); useful from 0.05 to 0.5. Neutral: 0.
    Helps against over-confidence. Costs 5-10 % of a step.
    Interactions: label_smoothing aims at the same (it takes the divergence from the uniform distribution the other way
    round): use one of the two.
    Paper: Pereyra, Tucker, Chorowski, Kaiser & Hinton 2017, arXiv:1701.06548.
    """

    strength: float = strength(0.0, "[0, inf)")
    tasks = ("classification",)

    def penalty(self, logits: Tensor) -> Tensor:
        log_p = logits.transpose(1, 2).log_softmax(1)  # [V, K, B]: a quick layout, see training/evaluate.py
        return self.strength * (log_p.exp() * log_p).sum(1).mean(1)
