"""From the configurations of runs to their optimizer, and whether it can do what model and methods need of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from regab import fields
from regab.errors import UsageError
from regab.lazy import torch
from regab.optimizers import is_stacked, own_options, parts_of
from regab.regularizers.base import Chain
from regab.targets import locate
from regab.training.optimizer.base import Optimizer
from regab.training.optimizer.parts import Factors, Parts

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from regab.training.stack import Stack

Config = dict[str, Any]
ONCE = ("disturb", "passes", "gradients")  # hooks that act on the gradient of a step, of which there must be one
KNOWING = "adam, nadam, sgd, rmsprop, adagrad"


def join_optimizers(nodes: list[Config], stack: Stack) -> Optimizer:
    """One optimizer for these runs."""
    target = locate(nodes[0], "optimizer")
    if not is_stacked(target):
        from regab.training.optimizer.theirs import Theirs

        return Theirs(nodes, stack)
    options = [{name: value for name, value in own_options(node).items() if name != "_target_"} for node in nodes]
    return fields.join(target, options, lambda values: torch.tensor(values, device=stack.values.device))


def parts_in(node: Config) -> Parts:
    """What the node says of parts of the model."""
    return Parts(**parts_of(node))


def examine_optimizers(nodes: list[Config], chains: Iterable[Chain], model: Module, example: Tensor) -> bool:
    """Whether the optimizers of these runs, of one structure, can be stacked with profit.

    Raises UsageError where one does not take its options, or does not go together with a method in use.
    """
    target, name = locate(nodes[0], "optimizer"), nodes[0]["_target_"].rpartition(".")[2]
    rates, decays, _ = parts_in(nodes[0]).factors(model, example)
    asks_again = False if is_stacked(target) else _try(nodes, model, rates, decays)
    for chain in chains:
        if asks_again:
            _refuse_hooks(chain, name)
        if getattr(target, "step_size", Optimizer.step_size) is Optimizer.step_size:
            _refuse_sizes(chain, name, model, example)
    return not asks_again


def _try(nodes: list[Config], model: Module, rates: Factors, decays: Factors) -> bool:
    """Whether torch's own optimizer or one like it asks for the loss again, after a trial of all."""
    from regab.training.optimizer.theirs import asks_again, tried

    optimizers = [tried(node, model, rates, decays) for node in nodes]
    return asks_again(optimizers[0])


def _refuse_hooks(chain: Chain, optimizer: str) -> None:
    for name in (name for hook in ONCE for name, _ in chain.having(hook)):
        raise UsageError(f"reg.{name}: acts on a step's gradient, but {optimizer} takes several; use adam or sgd")


def _refuse_sizes(chain: Chain, optimizer: str, model: Module, example: Tensor) -> None:
    """A method that needs the step size asks for it when it is reached, so each is tried."""
    from regab.training.stack import Stack

    methods = chain.having("weights")
    if methods:
        stack = Stack([model], torch.tensor([0]), example, vmapped=False, device=torch.device("cpu"))
    for name, method in methods:

        def step_size(name: str = name) -> Tensor:
            raise UsageError(f"reg.{name}: needs the optimizer's step size, which {optimizer} tells not; {KNOWING} do")

        with torch.no_grad():
            method.weights(stack.parameters, step_size)
