"""What tasks have in common whose targets are classes of places in the input: of pixels, or of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regab.lazy import torch
from regab.tasks.base import Task
from regab.tasks.classification import Classification, log_probabilities, total

if TYPE_CHECKING:
    from torch import Tensor

BYTES = 256  # classes whose numbers a byte holds


@dataclass(kw_only=True)
class Dense(Classification):
    """Classes ``y [N, …]`` (int64), one for each place of an example; what is ``gap`` does not count.

    The loss is the mean over the places of a batch, or of all examples.
    """

    dense = True
    mapped = True
    gap = -1
    # Classes of places say nothing of whole examples.
    fewest, strata, redrawn = Task.fewest, Task.strata, Task.redrawn

    def rows(self, outputs: Tensor) -> Tensor:
        """Outputs ``[V, n, …]`` to logits ``[V, n, …, K]``, a row for each place in the order of the targets."""
        return outputs

    def logits(self, outputs: Tensor) -> Tensor:
        return self.rows(outputs).flatten(1, -2)

    def prepare(self, y: Tensor, outputs: int, names: tuple[str, ...]) -> None:
        super().prepare(y, outputs, names)
        self.has_gaps = bool((y == self.gap).any())

    def counts(self, y: Tensor, outputs: int) -> Tensor:
        return torch.bincount(y[y != self.gap], minlength=outputs)

    def targets(self, y: Tensor, outputs: int) -> Tensor:
        return y

    def spread(self, y: Tensor, outputs: int) -> Tensor:
        there = (y != self.gap)[..., None].float()
        return torch.zeros(*y.shape, outputs, device=y.device).scatter_(-1, y.clamp(min=0)[..., None], there)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        rows, log_p = targets.flatten(1, -2), log_probabilities(self.logits(outputs))
        if not self.has_gaps:
            return total(rows, log_p, self.weights, self.focus) * (-1 / rows.shape[1])
        there = rows.amax(-1) > rows.amin(-1)  # a gap is 0 for all classes, and smoothed as much for each
        summed = total(rows * there[..., None], log_p, self.weights, self.focus)
        return -summed / there.sum(1).clamp(min=1)

    def told(self, outputs: Tensor, names: Sequence[str]) -> dict[str, Any]:
        """The share of places for which each class is the most probable."""
        rows = self.rows(outputs[None])[0]
        likely, count = rows.argmax(-1).flatten(1), rows.shape[-1]
        named = names if len(names) == count else range(count)
        return {f"share_{name}": (likely == k).double().mean(1).numpy() for k, name in enumerate(named)}

    def maps(self, outputs: Tensor, probabilities: bool) -> dict[str, Tensor]:
        """The number of the most probable class of each place ``[n, …]``, and how probable all are ``[n, …, K]``."""
        rows = self.rows(outputs[None])[0]
        likely = rows.argmax(-1)
        found = {"prediction": likely.byte() if rows.shape[-1] <= BYTES else likely}
        return found | ({"probability": rows.softmax(-1)} if probabilities else {})

    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        ((seen, targets),) = self.predictions(outputs, y)
        return super().losses(seen, targets)

    def predictions(self, outputs: Tensor, y: Tensor) -> list[tuple[Tensor, Tensor]]:
        seen, targets = self.logits(outputs), y.flatten()
        there = targets != self.gap
        return [(seen, targets) if there.all() else (seen[:, there], targets[there])]
