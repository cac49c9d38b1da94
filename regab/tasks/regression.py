"""Regression: a number for every example, or several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from regab.errors import UsageError
from regab.fields import strength
from regab.lazy import torch
from regab.tasks.base import Scale, Task

if TYPE_CHECKING:
    from torch import Tensor


def squared_errors(outputs: Tensor, y: Tensor) -> Tensor:
    """Of each example, for each run: ``[V, n, 1]`` and ``[n]`` to ``[V, n]``; of several targets to ``[V, n, T]``."""
    return ((outputs[..., 0] if y.ndim == 1 else outputs) - y).square()


@dataclass(kw_only=True)
class Regression(Task):
    """Targets ``y [N]``, less the mean of the training targets and over their deviation; one output; squared error.

    So a loss of 1 is what predicting the training mean comes to. Several targets ``[N, T]`` have an output and a scale
    each; loss and metrics are means over them. ``delta``, in deviations, is from where on errors r count no longer by
    their square but by 2·delta·|r| − delta², which is twice Huber's loss (1964, Annals of Mathematical Statistics).
    Range: (0, inf]. Neutral: inf. It acts in training only: the loss that is measured is the squared error, so that
    runs can be compared by it. Label noise is the target of a training example drawn uniformly.
    """

    delta: float = strength(math.inf, "(0, inf]")
    metrics: ClassVar[tuple[str, ...]] = ("rmse", "r2")
    minimizes = "squared error, standardized target"
    reads = "regression"

    def typed(self, y: Tensor) -> Tensor:
        if y.ndim > 2:
            raise UsageError(f"data: targets have the shape {list(y.shape)}, not [examples] or [examples, targets]")
        return y.double()

    def outputs(self, y: Tensor, classes: int) -> int:
        return 1 if y.ndim == 1 else y.shape[1]  # a source of classes may say more

    def check(self, y: Tensor, outputs: int) -> None:
        if y[0].numel() != outputs:
            raise UsageError(f"data: test examples have {y[0].numel()} targets, training examples {outputs}")

    def strata(self, y: Tensor) -> Tensor:
        return torch.zeros(len(y))

    def scale(self, y: Tensor) -> Scale:
        deviation, mean = torch.std_mean(y.double(), 0, correction=0)
        if not (deviation.isfinite() & (deviation > 0)).all():
            raise UsageError("data: the targets of a regression must be numbers that are not all the same")
        if y.ndim == 1:
            return Scale(mean.item(), deviation.item())
        return Scale(tuple(mean.tolist()), tuple(deviation.tolist()))

    def facts(self, scale: Scale) -> dict[str, Any]:
        return {"target": scale._asdict()}

    def prepare(self, y: Tensor, outputs: int, names: tuple[str, ...]) -> None:
        if isinstance(self.delta, torch.Tensor) and self.delta.isinf().all():
            self.delta = math.inf

    def targets(self, y: Tensor, outputs: int) -> Tensor:
        return y[:, None] if y.ndim == 1 else y

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        errors = outputs - targets
        if not isinstance(self.delta, torch.Tensor):
            return errors.square().mean((1, 2))
        delta = self.delta[:, None, None]
        clipped = errors.clamp(-delta, delta)
        return (clipped * (2 * errors - clipped)).mean((1, 2))

    def told(self, outputs: Tensor, names: Sequence[str]) -> dict[str, Any]:
        """The number, or one for each target."""
        columns = [column.double().numpy() for column in outputs.unbind(1)]
        if len(columns) == 1:
            return {"prediction": columns[0]}
        names = names if len(names) == len(columns) else [str(k) for k in range(len(columns))]
        return {f"prediction_{name}": column for name, column in zip(names, columns, strict=True)}

    losses = staticmethod(squared_errors)

    def predictions(self, outputs: Tensor, y: Tensor) -> list[tuple[Tensor, Tensor]]:
        if y.ndim == 1:
            return [(outputs, y)]
        return [(outputs[..., t : t + 1], y[:, t]) for t in range(y.shape[1])]
