"""What a regularizer may do, and how several of them act together."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from regab.fields import choice, number, per_run, stacked, switches

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

Number = Any  # declared as a float; a tensor [V] in a stack


@dataclass(kw_only=True)
class Regularizer:
    """A method: a dataclass of strengths whose defaults are neutral, and one to three of the hooks below.

    At its neutral strength a method is bit for bit absent, so every run can carry every method, and runs that differ in
    numbers alone are trained together. Hooks see a whole stack: ``V`` runs, ``B`` examples, ``K`` classes, ``P``
    parameters. Numbers are tensors ``[V]`` there, so reduce over everything except axis 0, and never branch on a
    strength in Python. The hooks stand in the order in which the training loop reaches them; each default does nothing.

    ``tasks`` are those that the method makes sense for; empty, any. ``inputs`` are the kinds of input that it acts on
    (``images``, ``features``, ``tokens``, ``categories``: features of which some mark categories by 0 and 1); empty,
    any. One that ``moves`` inputs about leaves targets behind. One that ``keeps_start`` reads ``parameters.start``, ….
    One that ``waits`` asks in a step for numbers that lie on a GPU.

    ``during`` says how a strength develops from the first to the last training step: ``constant``; ``linear`` or
    ``cosine`` from its value to neutral; ``off_after``: constant for the share ``until`` of the steps, then neutral. A
    limit, whose neutral value is infinite, fades by its inverse.
    """

    tasks: ClassVar[tuple[str, ...]] = ()
    inputs: ClassVar[tuple[str, ...]] = ()
    waits: ClassVar[bool] = False
    moves: ClassVar[bool] = False
    keeps_start: ClassVar[bool] = False
    during: str = choice("constant", "linear", "cosine", "off_after")
    until: float = number(0.5, "[0, 1]")

    def prepare(self, data: Any) -> None:
        """Take note of the data (``regab.data.split.Data``) before anything is built; they must not be changed."""

    def build(self, model: Module) -> None:
        """Change one run's model at its marked places (``regab.models.places``)."""

    def perturb(self, batch: int, place: Any, noise: Any) -> Tensor:
        """The factor ``[V, batch, *place.shape]`` (or broadcasting to it) at a place this method perturbs in training.

        ``place`` is a ``regab.models.places.Perturbed``.
        """

    def augment(self, x: Tensor, noise: Any) -> Tensor:
        """Each input on its own: ``[V, B, …]`` to the same shape. ``x`` must not be changed in place."""

    def mix(self, x: Tensor, y: Tensor, noise: Any) -> tuple[Tensor, Tensor]:
        """Inputs with inputs, and targets: ``[V, B, …]`` and ``[V, B, K]``, whose last axis sums to 1."""

    def disturb(self, parameters: Any, noise: Any) -> None:
        """Change the parameters in place for one pass forward and backward; the step is taken from where they were."""

    def passes(self, parameters: Any, noise: Any) -> Iterable[None]:
        """Further passes forward and backward in a step: a generator that changes the parameters in place and yields.

        Wherever it yields, loss and gradient are taken anew, on the same batch with the same noise; before and after,
        ``parameters.gradients`` are those of the last pass, and may be changed. The step is taken with those that it
        leaves, from where the parameters were. Runs at neutral pass again too, and must find the same gradient.
        """
        return ()

    def penalty(self, logits: Tensor) -> Tensor:
        """A term ``[V]`` of the objective that depends on ``logits [V, B, K]``; its gradient is autograd's."""

    def value(self, parameters: Any) -> Tensor:
        """A term ``[V]`` of the objective that depends on the parameters alone, for the log."""

    def add_gradient(self, parameters: Any) -> None:
        """Add the gradient of ``value`` in place.

        Analytic: measured at 0-10 % of a step, against 15-40 % by autograd.
        """

    def gradients(self, parameters: Any, noise: Any) -> None:
        """Change the whole gradient in place, all terms of the objective included."""

    def decay(self, parameters: Any, lr: Tensor) -> None:
        """Change the parameters in place before the optimizer's step with ``lr [V]``, whose gradient is known
        already."""

    def weights(self, parameters: Any, step_size: Callable[[], Tensor]) -> None:
        """Change the parameters in place after the optimizer's step.

        ``step_size()`` is how far a lasting gradient of 1 moves each parameter in one step: ``[V, 1]`` or ``[V, P]``.
        """

    def average_of_steps(self, done: int) -> Tensor:
        """What is evaluated is an average of weights and buffers: the share ``[V]`` that those after step ``done`` have
        in it, the average before having the rest. 1, at neutral, is no average."""

    def average_of_epochs(self, done: int, epochs: int) -> Tensor:
        """Of the states after how many epochs, the last being ``done``, the mean is evaluated ``[V]``; 0, at neutral,
        is no average. Norms measure their statistics anew for it, also for that of a single epoch."""

    def stopped(self, history: dict[str, Any]) -> tuple[Any, Any]:
        """From the curves so far (arrays ``[epochs + 1, V]``, row 0 untrained): the selected epoch and whether to stop.

        Returns two arrays ``[V]``. It is also applied to curves read from files, so here numbers are numpy arrays.
        """

    def at(self, step: int, steps: int) -> Regularizer:
        """This method in one of the training's steps, counted from 0."""
        if self.during == "constant":
            return self
        left = self._left(step / steps)
        moving = [f for f in switches(type(self)) if stacked(f)]
        now = copy(self)
        for f in moving:
            setattr(now, f.name, _fade(getattr(self, f.name), f.default, left))
        return now

    def _left(self, progress: Any) -> Number:
        """How much of the strength is left at a share of the training: a number, or ``[V]``."""
        if self.during == "off_after":
            return (progress < self.until).float()
        return 1 - progress if self.during == "linear" else (1 + math.cos(math.pi * progress)) / 2

    @classmethod
    @cache
    def reads_curves_only(cls) -> bool:
        """Whether the method is a stopping rule and nothing else, which leaves the weights of every epoch alone."""
        return [hook for hook in HOOKS if getattr(cls, hook) is not getattr(Regularizer, hook)] == ["stopped"]


HOOKS = [n for n, f in vars(Regularizer).items() if inspect.isfunction(f) and not n.startswith("_") and n != "at"]


def _fade(strength: Number, neutral: Any, left: Number) -> Any:
    return strength / left if math.isinf(neutral) else neutral + left * (strength - neutral)


class Chain:
    """Several methods as one. The empty chain is no regularization."""

    def __init__(self, methods: dict[str, Regularizer]) -> None:
        self.methods = methods
        self._having = {
            hook: [(n, m) for n, m in methods.items() if getattr(type(m), hook) is not getattr(Regularizer, hook)]
            for hook in HOOKS
        }
        self.varying = [n for n, m in methods.items() if m.during != "constant" or type(m).at is not Regularizer.at]

    def having(self, hook: str) -> list[tuple[str, Regularizer]]:
        """The methods that do something at a hook, with their names."""
        return self._having[hook]

    def at(self, step: int, steps: int) -> Chain:
        """The chain in one of the training's steps, counted from 0."""
        if not self.varying:
            return self
        now = copy(self)
        now.methods = self.methods | {name: self.methods[name].at(step, steps) for name in self.varying}
        now._having = {h: [(name, now.methods[name]) for name, _ in having] for h, having in self._having.items()}
        return now

    def prepare(self, data: Any) -> None:
        for _, method in self.having("prepare"):
            method.prepare(data)

    def build(self, model: Module) -> None:
        for _, method in self.having("build"):
            method.build(model)

    def perturb(self, places: dict[str, Any], batch: int, noise: Any) -> dict[str, Tensor]:
        """The factors at all perturbed places; every place has its own stream of noise."""
        return {
            name: self.methods[place.method].perturb(
                place.size(batch)[0], place, noise.of(f"{place.method}/{place.site or name}")
            )
            for name, place in places.items()
        }

    def augment(self, x: Tensor, noise: Any) -> Tensor:
        for name, method in self.having("augment"):
            x = method.augment(x, noise.of(name))
        return x

    def mix(self, x: Tensor, y: Tensor, noise: Any) -> tuple[Tensor, Tensor]:
        for name, method in self.having("mix"):
            x, y = method.mix(x, y, noise.of(name))
        return x, y

    @contextmanager
    def disturbed(self, parameters: Any, noise: Any) -> Iterator[None]:
        """The parameters as they are disturbed; afterwards they are again what they were, to the last bit."""
        if not self.having("disturb"):
            yield
            return
        before = parameters.values.clone()
        for name, method in self.having("disturb"):
            method.disturb(parameters, noise.of(name))
        yield
        parameters.values.copy_(before)

    def passes(self, stack: Any, noise: Any) -> Generator[None, None, None]:
        """One pass where the parameters are, and those of methods, after each of which the parameters are put back."""
        yield
        for name, method in self.having("passes"):
            before = stack.values.clone()
            with stack.repeating():
                yield from method.passes(stack.parameters, noise.of(name))
            stack.values.copy_(before)

    def penalty(self, logits: Tensor) -> Tensor | float:
        return sum(per_run(m.penalty(logits), len(logits), f"reg {n}, penalty") for n, m in self.having("penalty"))

    def value(self, parameters: Any) -> Tensor | float:
        return sum(method.value(parameters) for _, method in self.having("value"))

    def add_gradient(self, parameters: Any) -> None:
        for _, method in self.having("add_gradient"):
            method.add_gradient(parameters)

    def gradients(self, parameters: Any, noise: Any) -> None:
        for name, method in self.having("gradients"):
            method.gradients(parameters, noise.of(name))

    def decay(self, parameters: Any, lr: Tensor) -> None:
        for _, method in self.having("decay"):
            method.decay(parameters, lr)

    def weights(self, parameters: Any, step_size: Callable[[], Tensor]) -> None:
        for _, method in self.having("weights"):
            method.weights(parameters, step_size)


def per(strength: Number, like: Tensor) -> Tensor:
    """A strength ``[V]`` shaped to act on ``[V, …]``."""
    return strength.view(-1, *[1] * (like.ndim - 1))
