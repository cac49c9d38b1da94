"""Exponential moving average of the weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regab.fields import strength
from regab.regularizers.base import Number, Regularizer

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Ema(Regularizer):
    """Evaluate (and save) the mean of the weights after all steps so far, those of step i weighted by beta^(t-i).

    The bias towards the beginning is corrected as in Adam: initial weights take no part. Training itself goes on from
    the present weights. Running statistics of batch norms are averaged likewise.
    Range: beta in [0, 1); it looks back over about 1/(1-beta) steps, which should be no more than a tenth of the
    training: useful from 0.9 to 0.999. Neutral: 0.
    Helps with constant learning rates and small batches; little once the rate falls to zero. Costs 2-10 % of a small
    network's step, and a copy of the weights.
    Interactions: nothing is left to average where the schedule brings the rate to zero (cosine, one_cycle);
    early_stopping selects by the averaged weights.
    Paper: Polyak & Juditsky 1992, SIAM J. Control Optim. 30:838-855; Kingma & Ba 2015, ICLR, section 7.2.
    """

    beta: float = strength(0.0, "[0, 1)")

    def average_of_steps(self, done: int) -> Tensor:
        beta: Number = self.beta
        return (1 - beta) / (1 - beta**done)
