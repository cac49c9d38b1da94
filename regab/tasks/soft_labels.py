"""Soft labels: how probable every class is, for every example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regab.errors import UsageError
from regab.lazy import functional
from regab.tasks.classification import Classification, log_probabilities

if TYPE_CHECKING:
    from torch import Generator, Tensor

ROUNDING = 1e-2  # by which probabilities may miss the sum of 1


@dataclass(kw_only=True)
class SoftLabels(Classification):
    """As classification, of probabilities ``y [N, K]`` in place of labels: −Σₖ yₖ·log pₖ, never below y's own entropy.

    Rows are scaled to a sum of 1, from which they may be off by 0.01. Metrics of a classification, splits and folds
    take the most probable class for the label.
    """

    minimizes = "cross-entropy with soft labels"
    reads = "regression"

    def typed(self, y: Tensor) -> Tensor:
        if y.ndim != 2 or y.shape[1] < 2:
            raise UsageError(f"data: soft labels have the shape {list(y.shape)}; must be [examples, classes]")
        y = y.double()
        wrong = (y < 0).any(1) | ~((y.sum(1) - 1).abs() <= ROUNDING)
        if wrong.any():
            row = int(wrong.nonzero()[0, 0])
            found = f"{[round(p, 4) for p in y[row].tolist()]} in example {row}"
            raise UsageError(f"data: soft labels must be probabilities from 0 that add up to 1, not {found}")
        return (y / y.sum(1, keepdim=True)).float()

    def outputs(self, y: Tensor, classes: int) -> int:
        return y.shape[1]

    def check(self, y: Tensor, outputs: int) -> None:
        if y.shape[1] != outputs:
            raise UsageError(f"data: test examples have {y.shape[1]} labels, training examples {outputs}")

    def strata(self, y: Tensor) -> Tensor:
        return y.argmax(1)

    def redrawn(self, y: Tensor, outputs: int, generator: Generator) -> Tensor:
        return functional.one_hot(super().redrawn(y, outputs, generator), outputs).float()

    def counts(self, y: Tensor, outputs: int) -> Tensor:
        return y.double().sum(0)

    def targets(self, y: Tensor, outputs: int) -> Tensor:
        return y

    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        return -(y.t() * log_probabilities(outputs)).sum(1)

    def predictions(self, outputs: Tensor, y: Tensor) -> list[tuple[Tensor, Tensor]]:
        return [(outputs, y.argmax(1))]
