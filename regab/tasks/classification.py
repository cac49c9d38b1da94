"""Classification: one of some classes for every example."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from regab.errors import UsageError
from regab.fields import option, strength
from regab.lazy import functional, torch
from regab.tasks.base import Task

if TYPE_CHECKING:
    from torch import Generator, Tensor

SURE = 1e-12  # the least share of doubt, of which a power with a small exponent still has a finite slope
NONE, BALANCED = "none", "balanced"


class Weights:
    """What ``class_weights`` may be."""

    def __contains__(self, value: Any) -> bool:
        if isinstance(value, list | dict):
            numbers = [*value.values()] if isinstance(value, dict) else value
            return bool(numbers) and all(type(n) in (int, float) and 0 <= n < math.inf for n in numbers)
        return value in (NONE, BALANCED)

    def __str__(self) -> str:
        return "none, balanced, a list of numbers from 0, one per class, or numbers by class like {spam:5}"


@dataclass(kw_only=True)
class Classification(Task):
    """Labels ``y [N]`` (int64); an output for each of ``K`` classes, a logit; cross-entropy.

    What is minimized is the mean of −Σₖ wₖ·yₖ·(1−pₖ)^focus·log pₖ. ``class_weights``: ``balanced`` is N/(K·Nₖ), as
    scikit-learn has it; a list, or a mapping by name (1 for classes that it leaves out), is scaled so that the mean
    weight of the training examples is 1. Neutral: none. ``focus`` leaves sure predictions out (focal loss, there gamma:
    Lin, Goyal, Girshick, He & Dollár 2017, ICCV). Range: [0, inf); 2 is usual. Neutral: 0. Both act in training only:
    the loss that is measured is plain cross-entropy, so that runs can be compared by it.

    Training targets are distributions over the classes, so that methods may mix and smooth them. Splits and folds are
    stratified by class; label noise is a class drawn uniformly from all.
    """

    class_weights: Any = option(Weights())
    focus: float = strength(0.0, "[0, inf)")
    metrics: ClassVar[tuple[str, ...]] = ("accuracy",)
    minimizes = "cross-entropy"

    def __post_init__(self) -> None:
        self.weights: Tensor | None = None  # [V, K], once they are known

    def typed(self, y: Tensor) -> Tensor:
        if y.ndim > 1:
            other = "task=segmentation" if y.ndim > 2 else "task=multilabel or task=soft_labels"
            raise UsageError(f"data: labels have the shape {list(y.shape)}, not [examples]; there is {other}")
        if y.is_floating_point():
            cure = "there is task=regression (of a loader, a Source says task='regression')"
            raise UsageError(f"data: labels are not whole numbers, but the task is {self.name}; {cure}")
        return y

    def check(self, y: Tensor, outputs: int) -> None:
        low, high = int(y.min()), int(y.max())
        if low < 0 or high >= outputs:
            raise UsageError(f"data: labels are from {low} to {high}; with {outputs} classes, from 0 to {outputs - 1}")

    def fewest(self, outputs: int) -> int:
        return outputs

    def strata(self, y: Tensor) -> Tensor:
        return y

    def redrawn(self, y: Tensor, outputs: int, generator: Generator) -> Tensor:
        return torch.randint(outputs, (len(y),), generator=generator)

    def prepare(self, y: Tensor, outputs: int, names: tuple[str, ...]) -> None:
        options = self.class_weights if isinstance(self.class_weights, tuple) else (self.class_weights,)
        if any(each not in (None, NONE) for each in options):
            counts = self.counts(y, outputs)
            self.weights = torch.stack([self.weigh(each, counts, names) for each in options]).to(y.device)
        if isinstance(self.focus, torch.Tensor) and not self.focus.any():
            self.focus = 0.0

    def counts(self, y: Tensor, outputs: int) -> Tensor:
        """How many training examples there are of each class ``[K]``."""
        return torch.bincount(y, minlength=outputs)

    def weigh(self, option: Any, counts: Tensor, names: tuple[str, ...]) -> Tensor:
        """The weights ``[K]`` that an option of ``class_weights`` means."""
        return class_weights(option, counts, names)

    def targets(self, y: Tensor, outputs: int) -> Tensor:
        return functional.one_hot(y, outputs).float()

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return cross_entropy(outputs, targets, self.weights, self.focus)

    def loss_and_slope(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor] | None:
        plain = self.weights is None and not isinstance(self.focus, torch.Tensor)
        if not plain or type(self).loss is not Classification.loss:  # another task's own
            return None
        return cross_entropy_and_slope(outputs, targets)

    def told(self, outputs: Tensor, names: Sequence[str]) -> dict[str, Any]:
        """The most probable class, and how probable each is."""
        outputs = self.logits(outputs[None])[0]
        names = names if len(names) == outputs.shape[-1] else [str(k) for k in range(outputs.shape[-1])]
        probabilities = outputs.double().softmax(-1)
        likely = [names[k] for k in outputs.argmax(-1).tolist()]
        shares = {f"p_{name}": column.numpy() for name, column in zip(names, probabilities.unbind(1), strict=True)}
        return {"prediction": likely} | shares

    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        return -log_probabilities(outputs)[:, y, torch.arange(len(y), device=y.device)]


def imbalance_words(imbalance: Mapping[str, Any]) -> str:
    """What accuracy is worth where a class is rare (``regab.data.division.checks.imbalance_of``)."""
    frequent, rate = imbalance["frequent"], imbalance["rate"]
    few = f"only {imbalance['share']:.1%} of the examples for training are {imbalance['rare']!r}"
    return f"{few}; always saying {frequent!r} gets an accuracy of {rate:.1%}"


def cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor | None = None, focus: Any = 0.0) -> Tensor:
    """Mean over a batch, for each run: ``[V, B, K]`` and distributions ``[V, B, K]`` to ``[V]``; see ``total``."""
    return total(targets, log_probabilities(logits), weights, focus) * (-1 / logits.shape[1])


def cross_entropy_and_slope(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The same, and its gradient by the logits ``[V, B, K]``: (softmax·Σₖ yₖ - y)/B, to the bit as autograd has it.

    Of 1, 4 and 16 runs of 64×10: 28, 32 and 57 us, and 82, 84 and 118 with autograd.
    """
    log_p, shares = log_probabilities(logits), targets.transpose(1, 2) * (-1 / logits.shape[1])
    slope = torch.ops.aten._log_softmax_backward_data(shares, log_p, 1, log_p.dtype)
    return total(targets, log_p, None, 0.0) * (-1 / logits.shape[1]), slope.transpose(1, 2)


def total(targets: Tensor, log_p: Tensor, weights: Tensor | None, focus: Any) -> Tensor:
    """Σ wₖ·yₖ·(1−pₖ)^focus·log pₖ over a batch ``[V]``.

    Of distributions ``[V, B, K]``, log-probabilities ``[V, K, B]``, weights ``[V, K]`` and focus ``[V]`` (or 0: none).
    """
    terms = targets.transpose(1, 2) * log_p
    if isinstance(focus, torch.Tensor):
        terms = terms * doubt(log_p, focus[:, None, None])
    if weights is not None:
        terms = terms * weights[:, :, None]
    return terms.sum((1, 2))


def doubt(log_p: Tensor, focus: Tensor) -> Tensor:
    """(1 − p)^focus. Of torch's own powers, an element's last bit depends on where in the tensor it stands."""
    return ((-log_p.expm1()).clamp(min=SURE).log() * focus).exp()


def log_probabilities(logits: Tensor) -> Tensor:
    """Logits ``[V, B, K]`` to log-probabilities ``[V, K, B]``.

    Over the last of its axes log_softmax is slow if that is short: 820 us for 16×512×10, and 55 us this way.
    """
    return logits.transpose(1, 2).log_softmax(1)


def class_weights(option: Any, counts: Tensor, names: tuple[str, ...]) -> Tensor:
    """Weights ``[K]`` of classes of which there are so many, their mean over the examples being 1.

    Classes without an example have 1. Raises UsageError for weights of other classes than there are.
    """
    counts = counts.cpu().double()
    if option in (None, NONE):
        given = torch.ones_like(counts)
    elif option == BALANCED:
        given = torch.where(counts > 0, 1 / counts, torch.nan)
    else:
        given = torch.tensor(by_class(option, len(counts), names)).double()
    mean = (given * counts).nansum() / counts.sum()
    if not mean > 0:
        raise UsageError(f"task.class_weights={option}: leaves no training example any weight")
    return torch.where(counts > 0, given / mean, 1.0).float()


def by_class(option: Any, classes: int, names: tuple[str, ...]) -> list[float]:
    """Numbers of classes, as a list or by name. Raises UsageError for those of other classes than there are."""
    if isinstance(option, list):
        if len(option) != classes:
            raise UsageError(f"task.class_weights={option}: has {len(option)} weights, but there are {classes} classes")
        return [float(weight) for weight in option]
    known = {name: number for number, name in enumerate(names or map(str, range(classes)))}
    weights = [1.0] * classes
    for name, weight in option.items():
        if str(name) not in known:
            there = ", ".join([*known][:10])
            raise UsageError(f"task.class_weights: there is no class {name!r}; there is: {there}")
        weights[known[str(name)]] = float(weight)
    return weights
