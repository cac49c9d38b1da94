"""Optimizers that divide every gradient by the size that it has had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regab.fields import fixed, number
from regab.lazy import torch
from regab.training.optimizer.base import Optimizer, State, correction

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class RMSprop(Optimizer):
    """RMSprop: w ← w - lr·g/(√v + eps), with v ← alpha·v + (1-alpha)·g².

    With ``centered``, v less the square of the like mean of g takes the place of v (Graves 2013, arXiv:1308.0850); with
    ``momentum``, w ← w - lr·b, with b ← momentum·b + g/(√v + eps).
    As torch.optim.RMSprop. Range: lr in (0, inf), alpha and momentum in [0, 1), eps > 0.
    Paper: Hinton, Srivastava & Swersky 2012, lecture 6 of "Neural Networks for Machine Learning".
    """

    lr: float = number(1e-2, "(0, inf)")
    alpha: float = fixed(0.99, "[0, 1)")
    eps: float = fixed(1e-8, "(0, inf)")
    momentum: float = fixed(0.0, "[0, 1)")
    centered: bool = False

    def beginning(self, values: Tensor) -> State:
        kept = {"square": True, "mean": self.centered, "momentum": self.momentum}
        return {name: torch.zeros_like(values) for name, used in kept.items() if used}

    def update(self, state: State, values: Tensor, gradients: Tensor, rates: Tensor) -> None:
        state["square"].mul_(self.alpha).addcmul_(gradients, gradients, value=1 - self.alpha)
        if self.centered:
            state["mean"].lerp_(gradients, 1 - self.alpha)
        direction = gradients / self._root(state)
        if self.momentum:
            direction = state["momentum"].mul_(self.momentum).add_(direction)
        values.addcmul_(direction, rates, value=-1)

    def step_size(self, state: State, rates: Tensor) -> Tensor:
        """lr/((1 - momentum)·(√v + eps))."""
        return rates / self._root(state).mul_(1 - self.momentum)

    def _root(self, state: State) -> Tensor:
        square = state["square"]
        if self.centered:
            square = square.addcmul(state["mean"], state["mean"], value=-1)
        return square.sqrt().add_(self.eps)


@dataclass
class Adagrad(Optimizer):
    """Adagrad: w ← w - lr·g/(√s + eps), with s the sum of all g² so far, which begins at ``initial``.

    As torch.optim.Adagrad, whose lr_decay is a schedule here. Range: lr in (0, inf), initial in [0, inf), eps > 0.
    Paper: Duchi, Hazan & Singer 2011, JMLR 12:2121-2159.
    """

    lr: float = number(1e-2, "(0, inf)")
    initial: float = fixed(0.0, "[0, inf)")
    eps: float = fixed(1e-10, "(0, inf)")

    def beginning(self, values: Tensor) -> State:
        return {"sum": torch.full_like(values, self.initial)}

    def update(self, state: State, values: Tensor, gradients: Tensor, rates: Tensor) -> None:
        root = state["sum"].addcmul_(gradients, gradients).sqrt().add_(self.eps)
        values.addcmul_(gradients.div(root), rates, value=-1)

    def step_size(self, state: State, rates: Tensor) -> Tensor:
        """lr/(√s + eps)."""
        return rates / state["sum"].sqrt().add_(self.eps)


@dataclass
class NAdam(Optimizer):
    """Adam with Nesterov's momentum: w ← w - lr·((1-μ)·g/(1-Πμ) + μ'·m/(1-μ'·Πμ))/(√v̂ + eps).

    m is the mean of g with ``beta1``, v̂ the bias-corrected mean of g² with ``beta2``. μ = beta1·(1 - ½·0.96^(t·decay))
    in step t, μ' the same in the next, Πμ the product of all so far.
    As torch.optim.NAdam without weight decay; ``decay`` is its momentum_decay. Range: lr in (0, inf), beta1 and beta2
    in [0, 1), decay in [0, inf), eps > 0.
    Paper: Dozat 2016, ICLR workshop.
    """

    lr: float = number(2e-3, "(0, inf)")
    beta1: float = fixed(0.9, "[0, 1)")
    beta2: float = fixed(0.999, "[0, 1)")
    eps: float = fixed(1e-8, "(0, inf)")
    decay: float = fixed(4e-3, "[0, inf)")

    def beginning(self, values: Tensor) -> State:
        """Both means ``[V, P]``; the steps taken and the product Πμ, ``[V]``."""
        state = {name: torch.zeros_like(values) for name in ("mean", "square")}
        steps = torch.zeros(len(values), device=values.device)
        return state | {"step": steps, "product": torch.ones_like(steps)}

    def update(self, state: State, values: Tensor, gradients: Tensor, rates: Tensor) -> None:
        state["step"] += 1
        now, following = self._momentum(state["step"]), self._momentum(state["step"] + 1)
        product = state["product"].mul_(now)
        state["mean"].lerp_(gradients, 1 - self.beta1)
        state["square"].mul_(self.beta2).addcmul_(gradients, gradients, value=1 - self.beta2)
        shares = (1 - now) / (1 - product), following / (1 - product * following)
        of_gradient, of_mean = (share[:, None] for share in shares)
        direction = gradients.mul(of_gradient).addcmul_(state["mean"], of_mean)
        values.addcmul_(direction.div_(self._root(state)), rates, value=-1)

    def step_size(self, state: State, rates: Tensor) -> Tensor:
        """lr/(√v̂ + eps)."""
        return rates / self._root(state)

    def _momentum(self, step: Tensor) -> Tensor:
        return self.beta1 * (1 - 0.5 * 0.96 ** (step * self.decay))

    def _root(self, state: State) -> Tensor:
        return (state["square"] / correction(self.beta2, state["step"])).sqrt_().add_(self.eps)
