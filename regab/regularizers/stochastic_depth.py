"""Stochastic depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regab.fields import strength
from regab.regularizers.base import Regularizer

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


@dataclass
class StochasticDepth(Regularizer):
    """Leave whole residual branches out in training, each example its own: y = x + b·f(x).

    In the l-th of L branches b is 0 with probability rate·l/L and else 1/(1 - rate·l/L), so that its mean is 1 and
    evaluation needs no correction; the last branch is left out with probability ``rate``, the first ones hardly ever.
    Range: rate in [0, 1), in steps of 1/65536. Neutral: 0.
    Helps deep residual networks (the paper's 110 layers at 0.5); in shallow ones stay below 0.2. Costs next to nothing.
    Interactions: wants a norm in the branches; together with dropout, use milder rates.
    Paper: Huang, Sun, Liu, Sedra & Weinberger 2016, ECCV.
    """

    rate: float = strength(0.0, "[0, 1)")

    def build(self, model: Module) -> None:
        from regab.models.places import perturb_at, residual_places

        perturb_at(model, residual_places(model), "stochastic_depth")

    def perturb(self, batch: int, place: Any, noise: Any) -> Tensor:
        return noise.keep(self.rate * place.depth, batch, *[1] * len(place.shape))
