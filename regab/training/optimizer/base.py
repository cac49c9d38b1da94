"""What the training loop asks of an optimizer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from regab.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

    from regab.training.parameters import Parameters
    from regab.training.stack import Stack

State = dict[str, Any]


class Optimizer:
    """An optimizer of ``V`` runs at once: a dataclass whose numbers (``lr``) are ``[V]`` in a stack.

    ``rates`` are the learning rates of a step, ``[V, 1]``, or ``[V, P]`` where they differ between parts of the model.
    """

    lr: Any
    of_stacks: ClassVar[bool] = True
    asks_again = False  # whether a step takes loss and gradients more than once
    waits: ClassVar[bool] = False  # whether a step asks for numbers that lie on a GPU, or brings some there

    def start(self, stack: Stack) -> State:
        """The state before the first step: tensors ``[V, …]`` by name."""
        return self.beginning(stack.values)

    def beginning(self, values: Tensor) -> State:
        """The same of an optimizer that needs to know no more than the parameters ``[V, P]``."""
        return {}

    def step(self, state: State, parameters: Parameters, lr: Tensor, again: Callable[[], Tensor]) -> None:
        """One step in place with ``lr [V]``, the gradient being known.

        ``again()`` takes the objective ``[V]`` and its gradient where the parameters are now, on the same batch with
        the same noise.
        """
        self.update(state, parameters.values, parameters.gradients, parameters.rates(lr))

    def update(self, state: State, values: Tensor, gradients: Tensor, rates: Tensor) -> None:
        """One step of an optimizer that needs no more than this: ``values`` and ``gradients`` are ``[V, P]``."""
        raise NotImplementedError

    def step_size(self, state: State, rates: Tensor) -> Tensor:
        """How far a lasting gradient of 1 moves each parameter in one step, ``[V, 1]`` or ``[V, P]``.

        Only of those whose steps are in proportion to a gradient that lasts; methods that need it are refused beside
        others.
        """
        raise NotImplementedError

    def acts(self) -> str:
        """What the user should know of where it acts, in a sentence; empty, if it does the same everywhere."""
        return ""

    def saved(self, state: State) -> State:
        """The state as tensors, numbers and words."""
        return state

    def take_up(self, state: State, saved: State, rows: Tensor) -> None:
        """Go on from what some ``rows`` of a stack had saved."""
        state |= {name: then[rows.to(then.device)].to(state[name].device) for name, then in saved.items()}


def correction(beta: float, step: Tensor) -> Tensor:
    """1 - beta^step, ``[V, 1]``: what a mean that began at 0 has taken in so far."""
    # By expm1, as 1 - 0.999 in 32 bits is wrong by 1e-5.
    return -torch.expm1(step * math.log(beta))[:, None] if beta else torch.ones_like(step)[:, None]
