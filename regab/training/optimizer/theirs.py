"""Optimizers of torch.optim, or written like them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from regab.blame import users_code
from regab.errors import UsageError
from regab.lazy import torch
from regab.models.calling import of_a_library
from regab.targets import locate
from regab.training.optimizer.base import Optimizer, State

if TYPE_CHECKING:
    from torch import Tensor

    from regab.training.parameters import Parameters
    from regab.training.stack import Stack

Config = dict[str, Any]
REASON = 200  # characters shown of an error
PARTS = ("step", "param_groups", "state_dict", "load_state_dict")  # what is asked of an optimizer


class Theirs(Optimizer):
    """One of these optimizers for each run, over parameters of its own: copies, laid out as modules have them, to which
    values and gradients are brought before a step, and from which the values are taken after it.

    So each has options and rates of its own, and may read the loss as often as it likes.
    """

    def __init__(self, nodes: list[Config], stack: Stack) -> None:
        parameters = stack.parameters
        self._views = [leaf[run] for run in range(stack.size) for leaf in parameters.leaves(stack.values).values()]
        self._slopes = [leaf[run] for run in range(stack.size) for leaf in parameters.leaves(stack.gradients).values()]
        self._own: list[Any] = [
            torch.nn.Parameter(view.clone(memory_format=torch.contiguous_format)) for view in self._views
        ]
        for own in self._own:
            own.grad = torch.zeros_like(own)
        self.size = len(self._own) // stack.size  # parameters of a run
        self.each = [made(node, self._of(run, self._own)) for run, node in enumerate(nodes)]
        self.asks_again = asks_again(self.each[0])
        self.rates = [[float(group["lr"]) for group in each.param_groups] for each in self.each]
        self.lr = torch.tensor([rates[0] for rates in self.rates], device=stack.values.device)

    def _of(self, run: int, tensors: list[Any]) -> list[Any]:
        return tensors[run * self.size : (run + 1) * self.size]

    def step(self, state: State, parameters: Parameters, lr: Tensor, again: Callable[[], Tensor]) -> None:
        torch._foreach_copy_(self._own, self._views)
        torch._foreach_copy_([own.grad for own in self._own], self._slopes)
        for run, share in enumerate((lr / self.lr).tolist()):
            for group, rate in zip(self.each[run].param_groups, self.rates[run], strict=True):
                group["lr"] = rate * share
            if self.asks_again:
                self.each[run].step(self._closure(run, again))
            else:
                self.each[run].step()
        torch._foreach_copy_(self._views, self._own)

    def _closure(self, run: int, again: Callable[[], Tensor]) -> Callable[[], Tensor]:
        own, views, slopes = (self._of(run, tensors) for tensors in (self._own, self._views, self._slopes))

        def closure() -> Tensor:
            with torch.no_grad():
                torch._foreach_copy_(views, own)
                objective = again()[run]
                torch._foreach_copy_([parameter.grad for parameter in own], slopes)
            return objective

        return closure

    def saved(self, state: State) -> State:
        """What torch saves of every optimizer, and what one keeps beside that: numbers, words and tensors."""
        common = vars(torch.optim.Optimizer([torch.nn.Parameter(torch.zeros(1))], {})).keys()
        kept = [{k: v for k, v in vars(e).items() if k not in common and _can_be_saved(v)} for e in self.each]
        return {"runs": [each.state_dict() for each in self.each], "kept": kept}

    def take_up(self, state: State, saved: State, rows: Tensor) -> None:
        for each, row in zip(self.each, rows.tolist(), strict=True):
            each.load_state_dict(saved["runs"][row])
            vars(each).update(saved["kept"][row])


def _can_be_saved(value: Any) -> bool:
    return isinstance(value, int | float | str) or (
        isinstance(value, torch.Tensor) and not isinstance(value, torch.nn.Parameter)
    )


def made(node: Config, parameters: list[Any]) -> Any:
    """The optimizer that a node names, for these parameters. Raises UsageError where it cannot be made or is none."""
    target, key = locate(node, "optimizer"), f"optimizer._target_={node['_target_']}"
    with told(target, key):
        optimizer = target(parameters, **{name: value for name, value in node.items() if name != "_target_"})
    if lacking := [part for part in PARTS if not hasattr(optimizer, part)]:
        raise UsageError(f"{key}: must make a torch.optim.Optimizer, but what it makes has no {lacking[0]}")
    if any("lr" not in group for group in optimizer.param_groups):
        raise UsageError(f"{key}: its param_groups have no lr, which schedules act on; give it an option lr")
    return optimizer


def asks_again(optimizer: Any) -> bool:
    """Whether a step cannot do without a closure, as LBFGS's cannot."""
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    return closure is not None and closure.default is closure.empty


def tried(node: Config, model: torch.nn.Module) -> Any:
    """The optimizer for a model, after a step that counts for nothing. Raises UsageError where it cannot take one."""
    trained = [torch.nn.Parameter(p.detach().cpu().clone()) for p in model.parameters() if p.requires_grad]
    optimizer = made(node, trained)
    for parameter in trained:
        parameter.grad = torch.zeros_like(parameter)
    with told(locate(node, "optimizer"), f"optimizer._target_={node['_target_']}"), torch.no_grad():
        optimizer.step(lambda: torch.zeros(()))
    return optimizer


@contextmanager
def told(target: Any, key: str) -> Iterator[None]:
    """Make one line of what an optimizer raises."""
    try:
        with users_code(key):
            yield
    except UsageError:
        raise
    except Exception as error:
        if not of_a_library(target):
            raise
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:REASON]
        raise UsageError(f"{key}: {reason}") from error
