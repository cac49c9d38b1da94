"""Constraint on the L1 norm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regab.fields import choice, strength
from regab.lazy import torch
from regab.regularizers.base import Number, Regularizer, per

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class L1Ball(Regularizer):
    """Minimize the loss subject to Σ|w| ≤ radius, over all weights together: project after every step.

    The constrained form of ``l1`` with exact zeros: w ← sign(w)·max(|w| - μ·s, 0), with the smallest μ ≥ 0 that brings
    the sum down to the radius. s is the optimizer's effective step size; for SGD, where it is one number, this is the
    nearest point of the ball, and for Adam the nearest in the metric that s defines, or else the fixed point would not
    be the constrained minimum. ``scope``: ``weights`` (no biases, no norms) or ``all`` parameters.
    Range: radius in (0, inf]; of use is a part of the norm reached without it (column ``l1_norm``). Neutral: inf.
    Helps where few inputs matter, with a strength whose scale one can see. Costs half to the whole of a small
    network's step.
    Interactions: beside a penalty or weight_decay on the same weights, only the tighter of the two is felt.
    Paper: Duchi, Shalev-Shwartz, Singer & Chandra 2008, ICML; the constraint is the lasso's, Tibshirani 1996.
    """

    waits = True
    radius: float = strength(float("inf"), "(0, inf]")
    scope: str = choice("weights", "all")

    def weights(self, parameters: Any, step_size: Callable[[], Tensor]) -> None:
        values, _ = parameters.within(self.scope)
        sizes, absolute = step_size()[:, : values.shape[1]], values.abs()
        amount = _multiplier(absolute, sizes, self.radius) * sizes
        values.copy_(values.sign() * (absolute - amount).clamp_(min=0))


def _multiplier(absolute: Tensor, sizes: Tensor, radius: Number) -> Tensor:
    """The smallest μ ≥ 0, ``[V, 1]``, at which Σ max(absolute - μ·sizes, 0) is at most the radius.

    Newton's method on this convex, piecewise linear sum ends at it after finitely many steps (Michelot 1986, J. Optim.
    Theory Appl. 50:195-200). Sorting, which Duchi et al. find it by, takes twenty times as
    long as a step of this.
    """
    ratio, staying, part = absolute / sizes, torch.empty_like(absolute), torch.empty_like(absolute)
    multiplier, higher = None, torch.zeros_like(absolute[:, :1])
    while multiplier is None or (higher > multiplier).any():
        multiplier = higher
        torch.gt(ratio, multiplier, out=staying)  # 0 or 1: products with these take half the time of where
        total, size = (torch.mul(each, staying, out=part).sum(1) for each in (absolute, sizes))
        higher = torch.maximum(multiplier, per((total - radius) / size, absolute))
    return multiplier
