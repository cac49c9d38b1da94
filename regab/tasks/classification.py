"""Classification: one of some classes for every example."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regab.errors import UsageError
from regab.lazy import functional, torch
from regab.tasks.base import Task

if TYPE_CHECKING:
    from torch import Generator, Tensor


@dataclass(kw_only=True)
class Classification(Task):
    """Labels ``y [N]`` (int64); an output for each of ``K`` classes, a logit; cross-entropy.

    Training targets are distributions over the classes, so that methods may mix and smooth them. Splits and folds are
    stratified by class; label noise is a class drawn uniformly from all.
    """

    metrics = ("accuracy",)
    minimizes = "cross-entropy"

    def typed(self, y: Tensor) -> Tensor:
        if y.is_floating_point():
            raise UsageError("data: labels are not whole numbers; of a regression, a Source says task='regression'")
        return y

    def fewest(self, outputs: int) -> int:
        return outputs

    def strata(self, y: Tensor) -> Tensor:
        return y

    def redrawn(self, y: Tensor, outputs: int, generator: Generator) -> Tensor:
        return torch.randint(outputs, (len(y),), generator=generator)

    def targets(self, y: Tensor, outputs: int) -> Tensor:
        return functional.one_hot(y, outputs).float()

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return cross_entropy(outputs, targets)

    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        return -log_probabilities(outputs)[:, y, torch.arange(len(y))]


def imbalance_words(imbalance: Mapping[str, Any]) -> str:
    """What accuracy is worth where a class is rare (``regab.data.checks.imbalance_of``)."""
    frequent, rate = imbalance["frequent"], imbalance["rate"]
    few = f"only {imbalance['share']:.1%} of the examples for training are {imbalance['rare']!r}"
    return f"{few}; always saying {frequent!r} gets an accuracy of {rate:.1%}"


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over a batch, for each run: ``[V, B, K]`` and distributions ``[V, B, K]`` to ``[V]``."""
    return (targets.transpose(1, 2) * log_probabilities(logits)).sum((1, 2)) * (-1 / logits.shape[1])


def log_probabilities(logits: Tensor) -> Tensor:
    """Logits ``[V, B, K]`` to log-probabilities ``[V, K, B]``.

    Over the last of its axes log_softmax is slow if that is short: 820 us for 16×512×10, and 55 us this way.
    """
    return logits.transpose(1, 2).log_softmax(1)
