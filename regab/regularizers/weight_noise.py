"""Noise on the weights."""

from dataclasses import dataclass
from typing import Any

from regab.fields import choice, strength
from regab.regularizers.base import Regularizer, per


@dataclass
class WeightNoise(Regularizer):
    """Take every step's gradient at w + deviation·z instead of w, with z ~ N(0, 1) for every weight.

    The step itself is taken from w, which is also what is evaluated. ``kind``: ``additive``, or ``multiplicative`` for
    w·(1 + deviation·z). Small noise penalizes the curvature of the loss: it prefers flat minima. ``scope``: ``weights``
    (no biases, no norms) or ``all`` parameters.
    Range: deviation in [0, inf); useful from 0.01 to 0.1. Neutral: 0.
    Helps recurrent and small networks, at a deviation of the size of the weights' own at most. Costs as many random
    numbers as there are weights, 15-50 % of a small network's step.
    Interactions: weights before a norm have no scale, so as they grow the same additive noise means less.
    Paper: An 1996, Neural Computation 8:643-674; Graves, Mohamed & Hinton 2013, ICASSP.
    """

    deviation: float = strength(0.0, "[0, inf)")
    kind: str = choice("additive", "multiplicative")
    scope: str = choice("weights", "all")

    def disturb(self, parameters: Any, noise: Any) -> None:
        values, _ = parameters.within(self.scope)
        z = noise.normal(values.shape[1])
        if self.kind == "multiplicative":
            z.mul_(values)
        values.addcmul_(z, per(self.deviation, values))
