"""The optimizer that steps by signs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regab.fields import fixed, number
from regab.lazy import torch
from regab.training.optimizer.base import Optimizer, State

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Lion(Optimizer):
    """Lion: w ← w - lr·sign(beta1·m + (1-beta1)·g), then m ← beta2·m + (1-beta2)·g.

    Every parameter moves by lr in every step, so lr is a third to a tenth of Adam's, and reg.weight_decay as many times
    larger. The size of a gradient does not matter: a larger penalty turns signs, and moves nothing further.
    Range: lr in (0, inf), beta1 and beta2 in [0, 1).
    Paper: Chen et al. 2023, NeurIPS, "Symbolic discovery of optimization algorithms".
    """

    lr: float = number(1e-4, "(0, inf)")
    beta1: float = fixed(0.9, "[0, 1)")
    beta2: float = fixed(0.99, "[0, 1)")

    def beginning(self, values: Tensor) -> State:
        return {"mean": torch.zeros_like(values)}

    def update(self, state: State, values: Tensor, gradients: Tensor, rates: Tensor) -> None:
        direction = state["mean"].lerp(gradients, 1 - self.beta1).sign_()
        state["mean"].lerp_(gradients, 1 - self.beta2)
        values.addcmul_(direction, rates, value=-1)
