"""Weight decay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regab.fields import choice, strength
from regab.regularizers.base import Regularizer

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class WeightDecay(Regularizer):
    """Shrink the weights in every step, apart from the gradient ("decoupled").

    ``kind``: ``adamw`` is w ← w - lr·strength·w with the step's scheduled learning rate, as in torch.optim.AdamW;
    ``plain`` is w ← w - strength·w (Hanson & Pratt 1988, NeurIPS), whatever the learning rate. Both take w as it was
    before the step. ``during`` lets the strength fade in training.
    ``scope``: ``weights`` (no biases, no norms) or ``all`` parameters.
    Range: strength in [0, inf); useful from 1e-3 to 1 for adamw, below 1e-2 for plain. Neutral: 0.
    Helps adaptive optimizers where an L2 penalty does not; costs 0-5 % of a step.
    Interactions: weights before a norm have no scale, so there it only changes the effective learning rate (van
    Laarhoven 2017, arXiv:1706.05350); the schedule scales adamw, and not plain.
    Paper: Loshchilov & Hutter 2019, ICLR.
    """

    strength: float = strength(0.0, "[0, inf)")
    kind: str = choice("adamw", "plain")
    scope: str = choice("weights", "all")

    def decay(self, parameters: Any, lr: Tensor) -> None:
        values, _ = parameters.within(self.scope)
        share = parameters.decays(self.strength)
        if self.kind == "adamw":
            share = parameters.rates(lr) * share
        values.mul_(1 - share[:, : values.shape[1]])
