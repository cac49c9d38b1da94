"""Noise on the gradient."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

from regab.fields import number, strength
from regab.regularizers.base import Regularizer, per


@dataclass
class GradientNoise(Regularizer):
    """Add N(0, eta/(1 + t)^gamma) to every component of the gradient in step t, counted from 0.

    ``eta`` is the first step's variance. It is added to the gradient of the whole objective, after clipping.
    Range: eta in [0, inf), in the paper 0.01, 0.3 and 1, but for small networks far less: with Adam 0.01 costs 9 points
    of accuracy on digits; gamma in [0, inf), usually 0.55. Neutral: eta 0.
    Helps deep networks out of bad beginnings. Costs as many random numbers as there are parameters, 20-40 % of a small
    network's step.
    Interactions: gradient_clipping comes before it; adam divides it by its own scale.
    Paper: Neelakantan et al. 2015, arXiv:1511.06807.
    """

    eta: float = strength(0.0, "[0, inf)")
    gamma: float = number(0.55, "[0, inf)")

    def at(self, step: int, steps: int) -> GradientNoise:
        now = cast(GradientNoise, super().at(step, steps))
        return replace(now, eta=now.eta * (1.0 + step) ** -now.gamma)

    def gradients(self, parameters: Any, noise: Any) -> None:
        gradients = parameters.gradients
        gradients.addcmul_(noise.normal(gradients.shape[1]), per(self.eta, gradients).sqrt())
