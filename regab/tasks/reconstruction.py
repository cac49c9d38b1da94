"""Reconstruction: the input itself, as an autoencoder gives it back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regab.errors import UsageError
from regab.tasks.base import Task

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(kw_only=True)
class Reconstruction(Task):
    """Targets are the inputs as a model takes them, standardized: ``K`` numbers per example; the mean squared error.

    A model returns ``[n, K]`` or the shape of an input: ``model=mlp model.widths=[64,8,64]`` is an autoencoder through
    8 numbers. Methods that change inputs (noise, cutout) leave the targets, so that it learns to undo them; mixup mixes
    both. Labels that the data have are left alone. R² is of all numbers together.
    """

    metrics = ("r2",)
    measured_as = "regression"
    minimizes = "squared error, standardized inputs"
    reads = "auto"
    dense = True
    mapped = True
    of_inputs = True

    def pairs(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        if not x.is_floating_point():
            raise UsageError("task=reconstruction: needs numbers, not tokens; there is task=language_modelling")
        return x, x

    def outputs(self, y: Tensor, classes: int) -> int:
        return math.prod(y.shape[1:])

    def answers(self, y: Tensor, outputs: int) -> list[tuple[int, ...]]:
        return [(outputs,), tuple(y.shape[1:])]

    def targets(self, y: Tensor, outputs: int) -> Tensor:
        return y.flatten(1)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs.flatten(2) - targets).square().mean((1, 2))

    def compared(self, outputs: Tensor, y: Tensor, names: Sequence[str]) -> dict[str, Any]:
        """How large the squared error of each example is on average, in standardized inputs."""
        return {"loss": self.losses(outputs[None].double(), y.double())[0].mean(1).numpy()}

    def maps(self, outputs: Tensor, probabilities: bool) -> dict[str, Tensor]:
        """The reconstructions, standardized, ``[n, K]``."""
        return {"prediction": outputs.flatten(1)}

    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        return (outputs.flatten(2) - y.flatten(1)).square()

    def logits(self, outputs: Tensor) -> Tensor:
        return outputs.flatten(2)

    def predictions(self, outputs: Tensor, y: Tensor) -> list[tuple[Tensor, Tensor]]:
        return [(outputs.flatten(1)[..., None], y.flatten())]
