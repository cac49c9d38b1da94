"""The optimizer that steps along orthogonal matrices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from regab.fields import fixed, number
from regab.lazy import torch
from regab.training.optimizer.base import Optimizer, State
from regab.training.optimizer.classic import Adam

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from regab.training.parameters import Parameters
    from regab.training.stack import Stack

A, B, C = 3.4445, -4.7750, 2.0315  # Jordan's quintic: x ← A·x + B·x³ + C·x⁵
SMALLEST = 1e-7  # a norm that a momentum of zeros may be divided by


@dataclass
class Muon(Optimizer):
    """Muon: W ← W - lr·√max(1, out/in)·O for every hidden matrix, with O the nearest orthogonal matrix to its momentum.

    The momentum is b ← momentum·b + (1-momentum)·g, or with ``nesterov`` one such step further. O is approached by
    ``steps`` Newton-Schulz iterations in bfloat16. Hidden matrices are what layers call weight, ``[out, in]`` and
    kernels as ``[out, in·…]``, but for embeddings and the output layer. These, biases, norms and all else go by Adam
    with the rate ``adam_lr``, which the schedule scales as it scales lr.
    As torch.optim.Muon without weight decay, which takes hidden matrices alone. Range: lr and adam_lr in (0, inf),
    momentum in [0, 1), steps from 1 to 99.
    Paper: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/.
    """

    lr: float = number(0.02, "(0, inf)")
    adam_lr: float = number(1e-3, "(0, inf)")
    momentum: float = fixed(0.95, "[0, 1)")
    nesterov: bool = True
    steps: int = fixed(5, "[1, 99]")

    def start(self, stack: Stack) -> State:
        """The momentum ``[V, P]``, and Adam's state of what has none."""
        self._hidden, self._adam = stack.hidden_weights(), Adam()
        hidden = stack.spread({slot.name: slot.name in self._hidden for slot in stack.parameters.slots})
        self._others = (~hidden).nonzero()[:, 0]
        return {"momentum": torch.zeros_like(stack.values)} | self._adam.beginning(stack.values[:, self._others])

    def acts(self) -> str:
        on = ", ".join(self._hidden)
        return f"muon acts on {on}, and adam at adam_lr on all else" if on else "adam at adam_lr acts on all"

    def step(self, state: State, parameters: Parameters, lr: Tensor, again: Callable[[], Tensor]) -> None:
        rates, gradients = parameters.rates(lr), parameters.gradients
        momentum = state["momentum"].lerp_(gradients, 1 - self.momentum)
        ahead = parameters.leaves(gradients.lerp(momentum, self.momentum) if self.nesterov else momentum)
        weights, its_rates = parameters.leaves(parameters.values), parameters.leaves(rates.expand_as(momentum))
        for name in self._hidden:
            self._turn(weights[name], ahead[name].flatten(2), its_rates[name])
        self._step_others(state, parameters, rates * torch.as_tensor(self.adam_lr / self.lr)[:, None])

    def _turn(self, weight: Tensor, ahead: Tensor, rates: Tensor) -> None:
        _, out, into = ahead.shape
        update = orthogonalized(ahead, self.steps).view(weight.shape).to(weight.dtype)
        weight.addcmul_(update, rates, value=-math.sqrt(max(1, out / into)))

    def _step_others(self, state: State, parameters: Parameters, rates: Tensor) -> None:
        own, gradients = parameters.values[:, self._others], parameters.gradients[:, self._others]
        self._adam.update(state, own, gradients, rates if rates.shape[1] == 1 else rates[:, self._others])
        parameters.values[:, self._others] = own


def orthogonalized(matrices: Tensor, steps: int) -> Tensor:
    """Of each matrix U·S·Vᵀ of ``[V, out, in]`` about U·Vᵀ: singular values from 0.7 to 1.2 but for those near 0."""
    if matrices.is_cpu:  # by themselves, so that a run's numbers do not depend on how many there are
        return torch.stack([_newton_schulz(matrix, steps) for matrix in matrices])
    return _newton_schulz(matrices, steps)


def _newton_schulz(matrix: Tensor, steps: int) -> Tensor:
    """Of one matrix or of several."""
    tall, product = matrix.shape[-2] > matrix.shape[-1], torch.addmm if matrix.ndim == 2 else torch.baddbmm
    x = matrix.bfloat16()
    x = x.mT if tall else x
    x = x / torch.linalg.matrix_norm(x, keepdim=True).clamp(min=SMALLEST)
    for _ in range(steps):
        gram = x @ x.mT
        x = product(x, product(gram, gram, gram, beta=B, alpha=C), x, beta=A)
    return x.mT if tall else x
