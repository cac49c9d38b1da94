"""What is evaluated in place of the present weights where a method averages them in the course of training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from regab.data.inputs.examples import gather
from regab.regularizers.base import Chain, per
from regab.training.stack import Stack

State = list[Tensor]


class Average:
    """The averages that methods take of a stack's parameters and buffers; one begins where the one before it ends.

    ``kept`` are they by method, each as ``stack.state``. Without such a method there are none, and nothing is done.
    """

    def __init__(self, stack: Stack, chain: Chain) -> None:
        self.stack = stack
        names = [name for hook in ("average_of_steps", "average_of_epochs") for name, _ in chain.having(hook)]
        self.kept: dict[str, State] = {name: [tensor.clone() for tensor in stack.state] for name in names}

    def after_step(self, chain: Chain, done: int) -> None:
        """Take in the state after so many steps."""
        state = self.stack.state if self.kept else []
        for name, method in chain.having("average_of_steps"):
            state = _blend(self.kept[name], state, method.average_of_steps(done))

    def after_epoch(self, chain: Chain, done: int, epochs: int, x: Any, parts: list[slice]) -> State:
        """Take in the state after so many epochs; what is to be evaluated, by itself ``stack.state``.

        ``parts`` are the batches of the training inputs ``x`` on which norms are to measure their statistics anew.
        """
        state = next((self.kept[name] for name, _ in reversed(chain.having("average_of_steps"))), self.stack.state)
        for name, method in chain.having("average_of_epochs"):
            count = method.average_of_epochs(done, epochs)
            state = _blend(self.kept[name], state, 1 / count.clamp(min=1))
            if (count > 0).any():
                self._measure_norms(state, count > 0, x, parts)
        return state

    @torch.no_grad()
    def _measure_norms(self, state: State, runs: Tensor, x: Any, parts: list[slice]) -> None:
        """Put into some runs' state the means over ``parts`` of what their batch norms see with that state's weights.

        Running statistics belong to the weights that they were taken with; with averaged ones they are wrong.
        """
        norms = [m for m in self.stack.skeleton.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        if not norms:
            return
        momentum = [norm.momentum for norm in norms]
        with holding(self.stack, state):
            self.stack.set_training(False)
            for done, inputs in enumerate(gather(x, parts), 1):
                for norm in norms:
                    norm.train(True).momentum = 1 / done
                self.stack(inputs, shared=True)
            for old, new in zip(state[1:], self.stack.buffers, strict=True):
                old.copy_(torch.where(per(runs, old), new, old))
        for norm, before in zip(norms, momentum, strict=True):
            norm.momentum = before
        self.stack.set_training(True)


@contextmanager
def holding(stack: Stack, state: State) -> Iterator[None]:
    """Let a stack have another state for a while."""
    if state[0] is stack.values:
        yield
        return
    own = [tensor.clone() for tensor in stack.state]
    _copy(stack.state, state)
    try:
        yield
    finally:
        _copy(stack.state, own)


def _copy(to: State, state: State) -> None:
    for old, new in zip(to, state, strict=True):
        old.copy_(new)


def _blend(average: State, state: State, share: Tensor) -> State:
    """Give a state a share ``[V]`` in the average; counters are not averaged."""
    for old, new in zip(average, state, strict=True):
        if old.is_floating_point():
            old.lerp_(new, per(share, old).to(old.dtype))
        else:
            old.copy_(new)
    return average
