"""L2 penalty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regab.fields import choice, strength
from regab.regularizers.base import Regularizer

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class L2(Regularizer):
    """Add (strength/2)·Σw² to the objective; its gradient is strength·w.

    This is torch.optim's ``weight_decay``; Keras' ``l2(x)`` is strength 2x. With Adam it is not the same as decoupled
    ``weight_decay``. ``scope``: ``weights`` (no biases, no norms) or ``all`` parameters.
    Range: strength in [0, inf). Neutral: 0.
    Helps when weights grow large on little data; costs 0-5 % of a step.
    Interactions: weights before a norm have no scale, so there it only changes the effective learning rate (van
    Laarhoven 2017, arXiv:1706.05350); with adam, weight_decay is the better form.
    Paper: Krogh & Hertz 1991, NeurIPS.
    """

    strength: float = strength(0.0, "[0, inf)")
    scope: str = choice("weights", "all")

    def value(self, parameters: Any) -> Tensor:
        values, _ = parameters.within(self.scope)
        if parameters.decay_factors is not None:
            values = values * parameters.decay_factors[: values.shape[1]].sqrt()
        return self.strength / 2 * values.square().sum(1)

    def add_gradient(self, parameters: Any) -> None:
        values, gradients = parameters.within(self.scope)
        gradients.addcmul_(values, parameters.decays(self.strength)[:, : values.shape[1]])
