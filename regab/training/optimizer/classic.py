"""Gradient descent with momentum, and Adam."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regab.fields import fixed, number
from regab.lazy import torch
from regab.training.optimizer.base import Optimizer, State, correction

if TYPE_CHECKING:
    from torch import Tensor

    Many = list[Tensor]


@dataclass
class SGD(Optimizer):
    """Stochastic gradient descent: b ← momentum·b + g; w ← w - lr·b, or with ``nesterov`` w ← w - lr·(g + momentum·b).

    As torch.optim.SGD without dampening. Range: lr in (0, inf), momentum in [0, 1).
    Paper: Sutskever, Martens, Dahl & Hinton 2013, ICML.
    """

    lr: float = number(0.1, "(0, inf)")
    momentum: float = fixed(0.9, "[0, 1)")
    nesterov: bool = False

    def beginning(self, values: Tensor) -> State:
        return {"momentum": torch.zeros_like(values)} if self.momentum else {}

    def update(self, state: State, values: Tensor, gradients: Tensor, rates: Tensor) -> None:
        direction = gradients
        if self.momentum:
            buffer = state["momentum"].mul_(self.momentum).add_(gradients)
            direction = gradients.add(buffer, alpha=self.momentum) if self.nesterov else buffer
        values.addcmul_(direction, rates, value=-1)

    def step_size(self, state: State, rates: Tensor) -> Tensor:
        """lr/(1 - momentum)."""
        return rates / (1 - self.momentum)


@dataclass
class Adam(Optimizer):
    """Adam: w ← w - lr·m̂/(√v̂ + eps), with m̂ and v̂ the bias-corrected means of g and g².

    As torch.optim.Adam without weight decay. Range: lr in (0, inf), beta1 and beta2 in [0, 1), eps > 0.
    Paper: Kingma & Ba 2015, ICLR.
    """

    lr: float = number(1e-3, "(0, inf)")
    beta1: float = fixed(0.9, "[0, 1)")
    beta2: float = fixed(0.999, "[0, 1)")
    eps: float = fixed(1e-8, "(0, inf)")

    def beginning(self, values: Tensor) -> State:
        """Both means ``[V, P]``, and the steps taken ``[V]``."""
        state = {name: torch.zeros_like(values) for name in ("mean", "square")}
        return state | {"step": torch.zeros(len(values), device=values.device)}

    def update(self, state: State, values: Tensor, gradients: Tensor, rates: Tensor) -> None:
        state["step"] += 1
        fused = hasattr(torch, "_fused_adam_")  # which torch does not promise
        if values.is_cuda and fused:
            self._as_one(state, values, gradients, rates)
        elif not values.is_cpu:
            self._at_once(state, values, gradients, rates)
        elif fused and rates.shape[1] == 1:
            self._row_by_row(state, values, gradients, rates[:, 0])
        else:  # that kernel takes one rate for a row; this takes rows apart too
            for row in range(len(values)):
                own = {name: tensor[row : row + 1] for name, tensor in state.items()}
                self._at_once(own, values[row : row + 1], gradients[row : row + 1], rates[row : row + 1])

    def _row_by_row(self, state: State, values: Tensor, gradients: Tensor, lr: Tensor) -> None:
        """By torch's fused kernel, which takes one learning rate: once for each that occurs.

        16 runs of 26,122 parameters: 225 us, and 362 us at once. Rows apart, so that no run's numbers depend on where
        its row lies.
        """
        rates = lr.tolist()
        matrices = values, gradients, state["mean"], state["square"], state["step"]
        for rate, rows in zip(dict.fromkeys(rates), self._rows(rates, *matrices), strict=True):
            self._fused(rate, *rows)

    def _fused(self, lr: float, weights: Many, slopes: Many, means: Many, squares: Many, steps: Many) -> None:
        torch._fused_adam_(
            weights, slopes, means, squares, [], steps, lr=lr, beta1=self.beta1, beta2=self.beta2,
            eps=self.eps, weight_decay=0.0, amsgrad=False, maximize=False,
        )  # fmt: skip

    def _rows(self, rates: list[float], *matrices: Tensor) -> list[list[list[Tensor]]]:
        """For each rate that occurs, the rows of every matrix that have it.

        They are the same from step to step, as are mostly the rates that are equal (taking 5 of 16 rows apart: 40 us).
        """
        groups, known = [rates.index(rate) for rate in rates], self.__dict__.get("_known", ((), [], []))
        same = len(known[0]) == len(matrices) and all(a is b for a, b in zip(known[0], matrices, strict=True))
        if not same or known[1] != groups:
            rows = [matrix.unbind(0) for matrix in matrices]
            own = [[row for row, group in enumerate(groups) if group == first] for first in dict.fromkeys(groups)]
            self._known = known = matrices, groups, [[[each[row] for row in of] for each in rows] for of in own]
        return known[2]

    def _as_one(self, state: State, values: Tensor, gradients: Tensor, rates: Tensor) -> None:
        """By the fused kernel as if all rows were one, of rate 1, and then by their rates: 4 operations for 17.

        On a GPU a kernel for every row and reading rates would cost more. All runs of a stack have taken as many steps.
        """
        moved = torch.zeros_like(values)
        self._fused(1.0, [moved], [gradients], [state["mean"]], [state["square"]], [state["step"][0]])
        values.addcmul_(moved, rates)

    def _at_once(self, state: State, values: Tensor, gradients: Tensor, rates: Tensor) -> None:
        """By operations on whole matrices."""
        state["mean"].lerp_(gradients, 1 - self.beta1)
        state["square"].mul_(self.beta2).addcmul_(gradients, gradients, value=1 - self.beta2)
        size = rates / correction(self.beta1, state["step"])
        values.sub_(size * state["mean"] / self._root(state))

    def step_size(self, state: State, rates: Tensor) -> Tensor:
        """lr/(√v̂ + eps)."""
        return rates / self._root(state)

    def _root(self, state: State) -> Tensor:
        return (state["square"] / correction(self.beta2, state["step"])).sqrt_().add_(self.eps)
