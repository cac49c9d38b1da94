"""Optimizers of torch.optim, or written like them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from regab.blame import users_code
from regab.errors import UsageError
from regab.lazy import torch
from regab.models.foreign.calling import explained
from regab.optimizers import own_options
from regab.targets import locate
from regab.training.optimizer.base import Optimizer, State

if TYPE_CHECKING:
    from torch import Tensor

    from regab.training.parameters import Parameters
    from regab.training.stack import Stack

Config = dict[str, Any]
Factors = tuple[float, float]
PARTS = ("step", "param_groups", "state_dict", "load_state_dict")  # what is asked of an optimizer


class Theirs(Optimizer):
    """One of these optimizers for each run, over parameters of its own: copies, laid out as modules have them, to which
    values and gradients are brought before a step, and from which the values are taken after it.

    So each has options and rates of its own, and may read the loss as often as it likes.
    """

    waits = True

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
        factors = self._factors(parameters)
        each = [made(node, self._of(run, self._own), factors) for run, node in enumerate(nodes)]
        self.each = [optimizer for optimizer, _ in each]
        self.asks_again = asks_again(self.each[0])
        self.rates = [[float(group["lr"]) for group in each.param_groups] for each in self.each]
        self.lr = torch.tensor([lr for _, lr in each], device=stack.values.device)

    def _factors(self, parameters: Parameters) -> list[Factors]:
        """Of the rate and of the decay of each of a run's parameters."""
        rates, decays = parameters.rate_factors, parameters.decay_factors
        if rates is None or decays is None:
            return [(1.0, 1.0)] * self.size
        firsts = torch.tensor([0, *(slot.shape.numel() for slot in parameters.slots[:-1])]).cumsum(0).to(rates.device)
        return list(zip(rates[firsts].tolist(), decays[firsts].tolist(), strict=True))

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


def made(node: Config, parameters: list[Any], factors: list[Factors]) -> tuple[Any, float]:
    """The optimizer that a node names, for these parameters, and its rate: in groups, where factors of theirs differ.

    Raises UsageError where it cannot be made or is none.
    """
    target, key = locate(node, "optimizer"), f"optimizer._target_={node['_target_']}"
    groups = _grouped(parameters, factors)
    given = parameters if len(groups) == 1 else [{"params": its} for its in groups.values()]
    with explained(target, key), users_code(key):
        optimizer = target(given, **{name: value for name, value in own_options(node).items() if name != "_target_"})
    if lacking := [part for part in PARTS if not hasattr(optimizer, part)]:
        raise UsageError(f"{key}: must make a torch.optim.Optimizer, but what it makes has no {lacking[0]}")
    if any("lr" not in group for group in optimizer.param_groups):
        raise UsageError(f"{key}: its param_groups have no lr, which schedules act on; give it an option lr")
    if len(optimizer.param_groups) != len(groups) and [*groups] != [(1.0, 1.0)]:
        raise UsageError(f"{key}: takes no groups of parameters as they are, so optimizer.groups cannot act on them")
    lr = float(optimizer.param_groups[0]["lr"])
    for group, (rate, decay) in zip(optimizer.param_groups, groups, strict=False):
        group |= {name: group[name] * by for name, by in (("lr", rate), ("weight_decay", decay)) if name in group}
    return optimizer, lr


def _grouped(parameters: list[Any], factors: list[Factors]) -> dict[Factors, list[Any]]:
    groups: dict[Factors, list[Any]] = {}
    for parameter, its in zip(parameters, factors, strict=True):
        groups.setdefault(its, []).append(parameter)
    return groups


def asks_again(optimizer: Any) -> bool:
    """Whether a step cannot do without a closure, as LBFGS's cannot."""
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    return closure is not None and closure.default is closure.empty


def tried(node: Config, model: torch.nn.Module, rates: dict[str, float], decays: dict[str, float]) -> Any:
    """The optimizer for a model with these factors, after a step that counts for nothing.

    Raises UsageError where it cannot take one.
    """
    trained = [torch.nn.Parameter(model.get_parameter(name).detach().cpu().clone()) for name in rates]
    optimizer, _ = made(node, trained, [(rates[name], decays[name]) for name in rates])
    for parameter in trained:
        parameter.grad = torch.zeros_like(parameter)
    key = f"optimizer._target_={node['_target_']}"
    with explained(locate(node, "optimizer"), key), users_code(key), torch.no_grad():
        optimizer.step(lambda: torch.zeros(()))
    return optimizer
