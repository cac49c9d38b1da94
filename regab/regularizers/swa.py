"""Stochastic weight averaging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regab.fields import strength
from regab.regularizers.base import Number, Regularizer

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Swa(Regularizer):
    """Evaluate (and save) the mean of the weights at the end of every epoch after a share ``start`` of the training.

    Training itself goes on from the present weights. Batch norms measure their statistics anew on the training data
    with the averaged weights, batch by batch, before these are evaluated: those of any single epoch would not fit.
    Range: start in [0, 1]; 0.75 is usual. Neutral: 1.
    Helps with a learning rate that stays high (``schedule=constant`` or ``step``); nothing with one that falls to zero.
    Costs a copy of the weights and, with batch norm, another pass forward over the training data in every epoch that it
    averages.
    Interactions: norm: see above; with ema, it averages the averages; early_stopping may end training before it begins.
    Paper: Izmailov, Podoprikhin, Garipov, Vetrov & Wilson 2018, UAI.
    """

    start: float = strength(1.0, "[0, 1]")

    def average_of_epochs(self, done: int, epochs: int) -> Tensor:
        share: Number = self.start
        before = (share * epochs + 1e-3).floor()  # 0.53·100 is 52.999996 in single precision
        return (done - before).clamp(min=0)
