"""Regression: a number for every example."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regab.errors import UsageError
from regab.lazy import torch
from regab.tasks.base import Scale, Task

if TYPE_CHECKING:
    from torch import Tensor


def squared_errors(outputs: Tensor, y: Tensor) -> Tensor:
    """Of each example, for each run: ``[V, n, 1]`` and ``[n]`` to ``[V, n]``."""
    return (outputs[..., 0] - y).square()


@dataclass(kw_only=True)
class Regression(Task):
    """Targets ``y [N]``, less the mean of the training targets and over their deviation; one output; squared error.

    So a loss of 1 is what predicting the training mean comes to. Label noise is the target of a training example drawn
    uniformly.
    """

    metrics = ("rmse", "r2")
    minimizes = "squared error, standardized target"
    reads = "regression"

    def typed(self, y: Tensor) -> Tensor:
        return y.double()

    def outputs(self, y: Tensor, classes: int) -> int:
        return 1  # a source of classes may say more

    def strata(self, y: Tensor) -> Tensor:
        return y

    def scale(self, y: Tensor) -> Scale:
        deviation, mean = (number.item() for number in torch.std_mean(y.double(), correction=0))
        if not (math.isfinite(deviation) and deviation > 0):
            raise UsageError("data: the targets of a regression must be numbers that are not all the same")
        return Scale(mean, deviation)

    def facts(self, scale: Scale) -> dict[str, Any]:
        return {"target": scale._asdict()}

    def targets(self, y: Tensor, outputs: int) -> Tensor:
        return y[:, None]

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets).square().mean((1, 2))

    losses = staticmethod(squared_errors)
