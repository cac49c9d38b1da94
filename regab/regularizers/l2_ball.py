"""Constraint on the L2 norm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regab.fields import choice, strength
from regab.lazy import torch
from regab.regularizers.base import Number, Regularizer, per

if TYPE_CHECKING:
    from torch import Tensor

NEWTON = 2  # steps towards the multiplier; from one training step to the next it moves little


@dataclass
class L2Ball(Regularizer):
    """Minimize the loss subject to ‖w‖ ≤ radius, the L2 norm of all weights together: project after every step.

    The constrained form of ``l2``: inside the ball nothing happens, and a solution on its surface is the L2 solution of
    that norm. For plain SGD the projection is w ← w·min(1, radius/‖w‖). Where every parameter has its own effective
    step size s (Adam), it is the nearest point in the metric that s defines, w ← w/(1 + μ·s), or else the fixed point
    would not be the constrained minimum (training loss on digits at radius 5 after 20 epochs: 0.45, and 0.83 by the
    nearest point as such). ``scope``: ``weights`` (no biases, no norms) or ``all`` parameters.
    Range: radius in (0, inf]; of use is a part of the norm reached without it (column ``l2_norm``). Neutral: inf.
    Helps as ``l2`` does, with a strength whose scale one can see. Costs a third to two thirds of a small
    network's step with Adam, where a multiplier is searched for; a tenth with SGD.
    Interactions: beside a penalty or weight_decay on the same weights, only the tighter of the two is felt.
    Paper: Oneto, Ridella & Anguita 2016, Machine Learning 103:103-136.
    """

    radius: float = strength(float("inf"), "(0, inf]")
    scope: str = choice("weights", "all")

    def weights(self, parameters: Any, step_size: Callable[[], Tensor]) -> None:
        values, _ = parameters.within(self.scope)
        sizes = step_size()[:, : values.shape[1]]
        if sizes.shape[1] > 1:
            values.div_(1 + _multiplier(values, sizes, self.radius) * sizes)
        values.mul_(per((self.radius / _norm(values)).clamp_(max=1), values))


def _norm(values: Tensor) -> Tensor:
    return torch.linalg.vector_norm(values, dim=1)


def _multiplier(values: Tensor, sizes: Tensor, radius: Number) -> Tensor:
    """μ ≥ 0, ``[V, 1]``, at which ‖values/(1 + μ·sizes)‖ is the radius, by Newton's method on 1/‖·‖ (Moré & Sorensen
    1983, SIAM J. Sci. Stat. Comput. 4:553-572)."""
    multiplier = torch.zeros_like(values[:, :1])
    for _ in range(NEWTON):
        shrunk = 1 + multiplier * sizes
        inside = values / shrunk
        norm = _norm(inside)
        slope = (inside.square().mul_(sizes).div_(shrunk)).sum(1).clamp_(min=torch.finfo(values.dtype).tiny)
        multiplier = (multiplier + per((norm / radius - 1) * norm.square() / slope, values)).clamp_(min=0)
    return multiplier
