"""Optimizers over the parameters ``[V, P]`` of a stack, each run with its own learning rate.

Nothing here decays weights or clips gradients: those are regularizers. ``torch.optim`` wants one learning rate for
all, and importing it costs 1.6 s of start-up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regab.fields import fixed, number
from regab.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class SGD:
    """Stochastic gradient descent: b ← momentum·b + g; w ← w - lr·b, or with ``nesterov`` w ← w - lr·(g + momentum·b).

    As torch.optim.SGD without dampening. Range: lr in (0, inf), momentum in [0, 1).
    Paper: Sutskever, Martens, Dahl & Hinton 2013, ICML.
    """

    lr: float = number(0.1, "(0, inf)")
    momentum: float = fixed(0.9, "[0, 1)")
    nesterov: bool = False

    def start(self, values: Tensor) -> dict[str, Tensor]:
        """The state before the first step, each part ``[V, P]``."""
        return {"momentum": torch.zeros_like(values)} if self.momentum else {}

    def step(self, state: dict[str, Tensor], values: Tensor, gradients: Tensor, lr: Tensor) -> None:
        """One step in place with ``lr [V]``."""
        direction = gradients
        if self.momentum:
            buffer = state["momentum"].mul_(self.momentum).add_(gradients)
            direction = gradients.add(buffer, alpha=self.momentum) if self.nesterov else buffer
        values.addcmul_(direction, lr[:, None], value=-1)

    def step_size(self, state: dict[str, Tensor], lr: Tensor) -> Tensor:
        """How far a lasting gradient of 1 moves a parameter in one step: lr/(1 - momentum), ``[V, 1]``."""
        return (lr / (1 - self.momentum))[:, None]


@dataclass
class Adam:
    """Adam: w ← w - lr·m̂/(√v̂ + eps), with m̂ and v̂ the bias-corrected means of g and g².

    As torch.optim.Adam without weight decay. Range: lr in (0, inf), beta1 and beta2 in [0, 1), eps > 0.
    Paper: Kingma & Ba 2015, ICLR.
    """

    lr: float = number(1e-3, "(0, inf)")
    beta1: float = fixed(0.9, "[0, 1)")
    beta2: float = fixed(0.999, "[0, 1)")
    eps: float = fixed(1e-8, "(0, inf)")

    def start(self, values: Tensor) -> dict[str, Tensor]:
        """The state before the first step: both means ``[V, P]``, and the steps taken ``[V]``."""
        state = {name: torch.zeros_like(values) for name in ("mean", "square")}
        return state | {"step": torch.zeros(len(values), device=values.device)}

    def step(self, state: dict[str, Tensor], values: Tensor, gradients: Tensor, lr: Tensor) -> None:
        """One step in place with ``lr [V]``."""
        state["step"] += 1
        if not values.is_cpu:
            self._at_once(state, values, gradients, lr)
        elif hasattr(torch, "_fused_adam_"):
            self._row_by_row(state, values, gradients, lr)
        else:  # torch does not promise that kernel; this takes rows apart too
            for row in range(len(values)):
                own = {name: tensor[row : row + 1] for name, tensor in state.items()}
                self._at_once(own, values[row : row + 1], gradients[row : row + 1], lr[row : row + 1])

    def _row_by_row(self, state: dict[str, Tensor], values: Tensor, gradients: Tensor, lr: Tensor) -> None:
        """By torch's fused kernel, which takes one learning rate: once for each that occurs.

        16 runs of 26,122 parameters: 225 us, and 362 us at once. Rows apart, so that no run's numbers depend on where
        its row lies.
        """
        tensors = values, gradients, state["mean"], state["square"], state["step"]
        rows, rates = list(zip(*(tensor.unbind(0) for tensor in tensors), strict=True)), lr.tolist()
        for rate in set(rates):
            own = [row for row, its in zip(rows, rates, strict=True) if its == rate]
            weights, slopes, means, squares, steps = map(list, zip(*own, strict=True))
            torch._fused_adam_(
                weights, slopes, means, squares, [], steps, lr=rate, beta1=self.beta1, beta2=self.beta2,
                eps=self.eps, weight_decay=0.0, amsgrad=False, maximize=False,
            )  # fmt: skip

    def _at_once(self, state: dict[str, Tensor], values: Tensor, gradients: Tensor, lr: Tensor) -> None:
        """By operations on whole matrices: on a GPU, a kernel for every row and reading ``lr`` would cost more."""
        state["mean"].lerp_(gradients, 1 - self.beta1)
        state["square"].mul_(self.beta2).addcmul_(gradients, gradients, value=1 - self.beta2)
        size = lr / (1 - self.beta1 ** state["step"])
        root = (state["square"] / (1 - self.beta2 ** state["step"])[:, None]).sqrt_().add_(self.eps)
        values.sub_(size[:, None] * state["mean"] / root)

    def step_size(self, state: dict[str, Tensor], lr: Tensor) -> Tensor:
        """How far a lasting gradient of 1 moves each parameter in one step: lr/(√v̂ + eps), ``[V, P]``."""
        corrected = state["square"] / (1 - self.beta2 ** state["step"])[:, None]
        return lr[:, None] / (corrected.sqrt_() + self.eps)
