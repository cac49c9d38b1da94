"""Ordinal regression: one of some classes that are in an order, as grades are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from regab.errors import UsageError
from regab.lazy import functional
from regab.tasks.classification import Classification

if TYPE_CHECKING:
    from torch import Generator, Tensor

HALF = 0.5


def median(logits: Tensor) -> Tensor:
    """The first class k with P(y ≤ k) ≥ ½, by its number: ``[…, K]`` to ``[…]``."""
    return (logits.softmax(-1).cumsum(-1) < HALF).sum(-1)


@dataclass(kw_only=True)
class Ordinal(Classification):
    """Labels as in classification, in the order of their numbers; K − 1 outputs for ``K`` classes.

    Classes whose names are words need their ``order``, as ``task.order=[poor,fair,good]``.

    Output k is the logit of P(y > k | y ≥ k), the probability of going on once class k is reached, so that
    P(y = k) = (1 − σ(outputₖ))·σ(output₀)⋯σ(outputₖ₋₁), and minimized is the cross-entropy with that: the loss of
    CORN (Shi, Cao & Raschka 2021, arXiv:2111.08851), its errors added up per example, which makes it the likelihood of
    a continuation-ratio model. Methods and metrics of a classification see these log-probabilities as logits: what is
    predicted is the most probable class, which accuracy goes by. Rank error goes by the median, which may be another.
    """

    order: list[str] = field(default_factory=list)
    metrics = ("rank_error", "accuracy")
    minimizes = "cross-entropy of ordered classes"

    def outputs(self, y: Tensor, classes: int) -> int:
        return max(1, classes - 1)

    def ordered(self, names: tuple[str, ...]) -> tuple[str, ...]:
        if self.order:
            if sorted(self.order) != sorted(names):
                raise UsageError(f"task.order={self.order}: must have each class once; there is: {', '.join(names)}")
            return tuple(self.order)
        if words := [name for name in names if not _is_number(name)]:
            cure = f"say it by task.order=[{','.join(names)}], the lowest first"
            raise UsageError(f"task=ordinal: the classes have no order by themselves, as {words[0]!r}; {cure}")
        return tuple(sorted(names, key=float))

    def check(self, y: Tensor, outputs: int) -> None:
        super().check(y, outputs + 1)

    def fewest(self, outputs: int) -> int:
        return outputs + 1

    def redrawn(self, y: Tensor, outputs: int, generator: Generator) -> Tensor:
        return super().redrawn(y, outputs + 1, generator)

    def counts(self, y: Tensor, outputs: int) -> Tensor:
        return super().counts(y, outputs + 1)

    def targets(self, y: Tensor, outputs: int) -> Tensor:
        return super().targets(y, outputs + 1)

    def logits(self, outputs: Tensor) -> Tensor:
        on, ends = functional.logsigmoid(outputs), functional.logsigmoid(-outputs)
        reached = functional.pad(on.cumsum(-1), (1, 0))  # log P(y ≥ k), [V, B, K]
        return reached + functional.pad(ends, (0, 1))

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return super().loss(self.logits(outputs), targets)

    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        return super().losses(self.logits(outputs), y)

    def told(self, outputs: Tensor, names: Sequence[str]) -> dict[str, Any]:
        """The most probable class, the ``median``, and how probable each is."""
        columns = super().told(outputs, names)
        likely, shares = columns.pop("prediction"), [*columns]
        middle = median(self.logits(outputs)).tolist()
        return {"prediction": likely, "median": [shares[k].removeprefix("p_") for k in middle]} | columns

    def predictions(self, outputs: Tensor, y: Tensor) -> list[tuple[Tensor, Tensor]]:
        return [(self.logits(outputs), y)]


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True
