"""Classes of the user's own that draw from torch's, numpy's or Python's global generators: by the run's seed."""

from __future__ import annotations

import copy
import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from regab.errors import UsageError
from regab.own_code import is_regabs
from regab.seeding import drawn_since, global_states, restore_globals, seed_globals, stream_seed
from regab.training.noise import Noise, Stream
from regab.training.parameters import Parameters

IN_PLACE = ("disturb", "add_gradient", "gradients", "decay", "weights")
HOOKS = ("augment", "mix", "perturb", "penalty", "loss", *IN_PLACE)


def seed_own(named: Iterable[tuple[str, Any]], noise: Noise) -> None:
    """Let the objects among these whose classes are not regab's draw by the seed of each run.

    A hook that draws is called for one run at a time, so that what a run sees does not depend on its stack.
    """
    for key, thing in named:
        hooks = [h for h in HOOKS if hasattr(type(thing), h)]
        if not is_regabs(type(thing)) and hooks:
            thing.__class__ = _drawing(type(thing), hooks)
            thing.own_draws = Draws(key, noise)


def _drawing(cls: type, hooks: list[str]) -> type:
    """The class with hooks that are watched and, if they draw, seeded."""

    def watched(hook: str) -> Callable[..., Any]:
        plain = getattr(cls, hook)
        return lambda self, *args: self.own_draws.call(plain, self, hook, args)

    def at(self: Any, step: int, steps: int) -> Any:
        now = cls.at(self, step, steps)  # type: ignore[attr-defined]
        now.own_draws = self.own_draws
        return now

    # Of hooks that are not the class's own there is nothing to watch, and the chain passes them over by their identity.
    own = {hook: watched(hook) for hook in hooks if _is_defined_outside(cls, hook)}
    own |= {"at": at} if hasattr(cls, "at") else {}
    return type(cls.__name__, (cls,), own | {"__module__": cls.__module__, "__qualname__": cls.__qualname__})


def _is_defined_outside(cls: type, hook: str) -> bool:
    """Whether a hook is defined by one of the user's own classes."""
    return next((not is_regabs(c) for c in cls.__mro__ if hook in vars(c)), False)


class Draws:
    """The draws of one object's hooks: a function of the run's seed, the object's key, the hook, epoch and call."""

    def __init__(self, key: str, noise: Noise) -> None:
        self.key, self.noise, self.epoch = key, noise, -1
        self.runs = [Noise([noise.seeds[seed]], noise.device) for seed in noise.run_to_seed.tolist()]
        self.copies: dict[int, Any] = {}
        self.known: dict[str, bool] = {}
        self.calls = Counter[str]()

    def call(self, plain: Callable[..., Any], thing: Any, hook: str, args: tuple[Any, ...]) -> Any:
        """What the hook returns; where it draws, run by run."""
        self._begin()
        self.calls[hook] += 1
        if self.known.get(hook):
            return self._run_by_run(plain, thing, hook, args)
        first, before = hook not in self.known, global_states()
        kept = [tensor.clone() for tensor in _changed(hook, args)] if first else []
        result = plain(thing, *args)
        self.known[hook] = drawn_since(before)
        if not self.known[hook]:
            return result
        if hook in IN_PLACE and not first:
            raise UsageError(f"{self.key}: {hook} draws, but not at first; let it draw whenever it is called")
        restore_globals(before)
        with torch.no_grad():
            for tensor, was in zip(_changed(hook, args), kept, strict=False):
                tensor.copy_(was)
        return self._run_by_run(plain, thing, hook, args)

    def _begin(self) -> None:
        if self.epoch != self.noise.epoch:
            self.epoch = self.noise.epoch
            self.calls.clear()
            for run in self.runs:
                run.begin(self.epoch)

    def _run_by_run(self, plain: Callable[..., Any], thing: Any, hook: str, args: tuple[Any, ...]) -> Any:
        before, results = global_states(), []
        for row, run in enumerate(self.runs):
            seed_globals(stream_seed(run.seeds[0], "own", self.key, hook, self.epoch, self.calls[hook]))
            results.append(plain(self._copy(thing, row), *[self._part(arg, row) for arg in args]))
        restore_globals(before)
        if isinstance(results[0], tuple):
            return tuple(torch.cat(each) for each in zip(*results, strict=True))
        return torch.cat(results) if isinstance(results[0], Tensor) else None

    def _copy(self, thing: Any, row: int) -> Any:
        """The object as that of one run, with the present strengths; what else it keeps, it keeps for each run."""
        own = self.copies.setdefault(row, copy.copy(thing))
        for field in dataclasses.fields(thing):
            setattr(own, field.name, self._part(getattr(thing, field.name), row))
        return own

    def _part(self, value: Any, row: int) -> Any:
        """That of one run, of something of the stack's."""
        if isinstance(value, Tensor):
            return value[row : row + 1] if value.ndim and len(value) == len(self.runs) else value
        if isinstance(value, Stream):
            return self.runs[row].of(value.purpose, value.device)
        if isinstance(value, Parameters):
            tensors = {name: self._part(getattr(value, name), row) for name in ("values", "gradients", "start")}
            leaves = [self._part(leaf, row) for leaf in value.weight_leaves]
            return dataclasses.replace(value, **tensors, weight_leaves=leaves)
        if isinstance(value, partial):  # how far a step moves the parameters
            return lambda: self._part(value(), row)
        return value


def _changed(hook: str, args: tuple[Any, ...]) -> list[Tensor]:
    """What a hook changes in place."""
    found = [arg for arg in args if isinstance(arg, Parameters)] if hook in IN_PLACE else []
    return [tensor for parameters in found for tensor in (parameters.values, parameters.gradients)]
