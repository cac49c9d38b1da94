"""Sharpness-aware minimization."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from regab.fields import choice, strength
from regab.lazy import torch
from regab.regularizers.base import Regularizer

SMALLEST = 1e-12  # a norm that a gradient of zeros may be divided by


@dataclass
class Sam(Regularizer):
    """Take every step's gradient at w + rho·g/‖g‖ instead of w, with g the gradient of the loss at w.

    To first order that is where the loss is highest within ``rho`` of w, so that flat minima are preferred
    ("sharpness-aware minimization"). The step itself is taken from w. The second pass has the first one's batch, masks
    and noise, and leaves norms' running statistics alone; penalties on the weights are added at w. ``train_objective``
    is the loss where the gradient was taken. ``scope``: ``all`` parameters move, or the ``weights`` alone (no biases,
    no norms).
    Range: rho in [0, inf); useful from 0.02 to 0.2. Neutral: 0.
    Helps large networks that fit their training data perfectly, and against wrong labels. Costs a second pass forward
    and backward: twice the time.
    Interactions: wants its own learning rate and weight_decay; with label_smoothing and augmentation gains mostly add.
    Paper: Foret, Kleiner, Mobahi & Neyshabur 2021, ICLR.
    """

    rho: float = strength(0.0, "[0, inf)")
    scope: str = choice("all", "weights")

    def passes(self, parameters: Any, noise: Any) -> Iterator[None]:
        values, gradients = parameters.within(self.scope)
        norms = torch.linalg.vector_norm(gradients, dim=1)
        values.addcmul_(gradients, (self.rho / (norms + SMALLEST))[:, None])
        yield
