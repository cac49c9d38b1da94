"""Several labels per example, each of which it has or has not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regab.errors import UsageError
from regab.lazy import functional, torch
from regab.tasks.classification import BALANCED, NONE, Classification, by_class, doubt

if TYPE_CHECKING:
    from torch import Generator, Tensor


@dataclass(kw_only=True)
class Multilabel(Classification):
    """Targets ``y [N, K]`` of 0 and 1, an output (a logit) for each of ``K`` labels; the mean of their cross-entropies.

    With q = σ(output): −w·y·(1−q)^focus·log q − (1−y)·q^focus·log(1−q). ``class_weights`` are the weights w of examples
    that have a label: ``balanced`` is how many there are that have it not, to one that has. ``focus`` as in
    classification. Metrics are means over the labels, for each of which outputs are made two logits (of not having it:
    0). Splits and folds are stratified by the rarest label that an example has; label noise is each label with
    probability ½.
    """

    metrics = ("balanced_accuracy", "accuracy")
    minimizes = "binary cross-entropy"
    reads = "multilabel"

    def typed(self, y: Tensor) -> Tensor:
        if y.ndim == 1 and not y.is_floating_point() and y.max() > 1:
            raise UsageError("data: an example has one label, not several; use task=classification")
        if y.ndim > 2:
            raise UsageError(f"data: labels have the shape {list(y.shape)}; must be [examples, labels] of 0 and 1")
        y = y[:, None] if y.ndim == 1 else y
        wrong = (y != 0) & (y != 1)
        if wrong.any():
            row, label = wrong.nonzero()[0].tolist()
            raise UsageError(f"data: each label must be 0 or 1, not {y[row, label]:g} (label {label} of example {row})")
        return y.float()

    def outputs(self, y: Tensor, classes: int) -> int:
        return y.shape[1]

    def fewest(self, outputs: int) -> int:
        return 1

    def check(self, y: Tensor, outputs: int) -> None:
        if y.shape[1] != outputs:
            raise UsageError(f"data: test examples have {y.shape[1]} labels, training examples {outputs}")

    def strata(self, y: Tensor) -> Tensor:
        common = y.sum(0)
        rarity = torch.where(y > 0, common, torch.inf)
        return torch.where(y.sum(1) > 0, rarity.argmin(1), y.shape[1])

    def redrawn(self, y: Tensor, outputs: int, generator: Generator) -> Tensor:
        return torch.randint(2, y.shape, generator=generator).float()

    def refuses(self, method: Any) -> str:
        if method.tasks and self.name not in method.tasks:
            return f"is for {' or '.join(method.tasks)} with one label, but the task is {self.name}"
        return super().refuses(method)

    def counts(self, y: Tensor, outputs: int) -> Tensor:
        return torch.stack([(1 - y).sum(0), y.sum(0)]).double()

    def weigh(self, option: Any, counts: Tensor, names: tuple[str, ...]) -> Tensor:
        without, having = counts
        if option in (None, NONE):
            return torch.ones(len(having))
        if option == BALANCED:
            return torch.where(having > 0, without / having, 1.0).float()
        return torch.tensor(by_class(option, len(having), names))

    def targets(self, y: Tensor, outputs: int) -> Tensor:
        return y

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        having, without = functional.logsigmoid(outputs), functional.logsigmoid(-outputs)  # log q, log(1 − q)
        ours, others = targets * having, (1 - targets) * without
        if isinstance(self.focus, torch.Tensor):
            focus = self.focus[:, None, None]
            ours, others = ours * doubt(having, focus), others * doubt(without, focus)
        if self.weights is not None:
            ours = ours * self.weights[:, None]
        return -(ours + others).mean((1, 2))

    def told(self, outputs: Tensor, names: Sequence[str]) -> dict[str, Any]:
        """Which labels are more likely there than not, with spaces between them, and how probable each is."""
        names = names if len(names) == outputs.shape[1] else [str(k) for k in range(outputs.shape[1])]
        likely = [" ".join(name for name, one in zip(names, row, strict=True) if one > 0) for row in outputs.tolist()]
        probabilities = outputs.double().sigmoid().unbind(1)
        return {"prediction": likely} | {f"p_{n}": p.numpy() for n, p in zip(names, probabilities, strict=True)}

    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        return -(y * functional.logsigmoid(outputs) + (1 - y) * functional.logsigmoid(-outputs))

    def predictions(self, outputs: Tensor, y: Tensor) -> list[tuple[Tensor, Tensor]]:
        pairs = torch.stack([torch.zeros_like(outputs), outputs], -1)  # [V, n, K, 2]
        return [(pairs[:, :, k], y[:, k].long()) for k in range(y.shape[1])]
