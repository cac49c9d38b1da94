"""What metrics of classes have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from regab.lazy import Lazy, functional, torch
from regab.metrics import EACH
from regab.metrics.base import Measure, Metric
from regab.tasks.classification import log_probabilities

if TYPE_CHECKING:
    from torch import Tensor

TORCHMETRICS = "torchmetrics"
library: Any = Lazy("torchmetrics.functional.classification")


def chosen(outputs: Tensor) -> Tensor:
    """The class of each example ``[V, N]``: that of the largest output."""
    return outputs.contiguous().argmax(-1)


def log_losses(outputs: Tensor, targets: Tensor) -> Tensor:
    """−log of the probability of each example's class ``[V, N]``."""
    return -log_probabilities(outputs)[:, targets, torch.arange(len(targets))]


def probabilities(outputs: Tensor) -> Tensor:
    """Of every class ``[V, N, K]``, float64, on the CPU. None is 1, so that the last of some bins holds the surest."""
    return outputs.cpu().double().softmax(-1).clamp(max=1 - 2**-53)


def of_each_run(function: Callable[..., Tensor], outputs: Tensor, *others: Tensor) -> Tensor:
    """``function(outputs [N, …], *others)`` of every run: ``[V]``, NaN for one whose outputs are not finite."""
    nothing = torch.tensor(torch.nan)
    sound = outputs.flatten(1).isfinite().all(1).tolist()
    return torch.stack([function(o, *others).cpu() if ok else nothing for o, ok in zip(outputs, sound, strict=True)])


def only_class(targets: Tensor) -> str:
    """Says so if all examples are of one class."""
    return "all examples are of one class" if bool((targets == targets[:1]).all()) else ""


def one_vs_rest(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Scores ``[V, N, C]`` and whether an example is of a class ``[N, C]`` (int64), on the CPU, for each class that
    some examples are of and others are not; of two classes for the second alone.

    Scores are ranks in (0, 1]: probabilities round to 1 where outputs still differ. Log-probabilities that are equal
    but for rounding share a rank.
    """
    from scipy.stats import rankdata

    outputs, targets = outputs.cpu().double(), targets.cpu()
    if outputs.shape[-1] == 2:
        outputs, truths = outputs[..., 1:] - outputs[..., :1], targets[:, None]
    else:
        outputs, truths = outputs.log_softmax(-1).round(decimals=12), functional.one_hot(targets, outputs.shape[-1])
    some = (truths.amin(0) == 0) & (truths.amax(0) == 1)
    ranks = torch.from_numpy(rankdata(outputs[..., some].numpy(), "dense", axis=1))
    return ranks / ranks.amax(1, keepdim=True).clamp(min=1), truths[:, some]


@dataclass
class PerClass(Metric):
    """A metric of class ``of_class`` alone, the others being one; NaN where no example is of that class.

    Asked for by name, it is measured of every class: ``f1_per_class`` gives ``f1_0``, ``f1_1``, …
    """

    of_class: int = 0

    direction: ClassVar[str] = "up"
    form: ClassVar[str] = ".4f"
    range: ClassVar[str] = "[0, 1]"
    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    needs: ClassVar[str] = TORCHMETRICS
    called: ClassVar[str]

    def score(self, predicted: Tensor, truth: Tensor) -> Tensor:
        """Of one run, from whether each example is said to be of the class, and is: ``[N]`` each, int64."""
        raise NotImplementedError

    def of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        if self.undefined(targets):
            return torch.full((len(outputs),), torch.nan)
        said, truth = (chosen(outputs) == self.of_class).long(), (targets == self.of_class).long()
        return torch.stack([self.score(one, truth) for one in said])

    def undefined(self, targets: Tensor) -> str:
        return "" if bool((targets == self.of_class).any()) else f"no example is of class {self.of_class}"

    def columns(self, name: str, outputs: int) -> dict[str, Metric]:
        stem = name.removesuffix(EACH)
        return {f"{stem}_{number}": type(self)(number) for number in range(outputs)}

    @classmethod
    def measure(cls, name: str) -> Measure:
        which = name.rpartition("_")[2]
        label = f"{cls.called} of {f'class {which}' if which.isdecimal() else 'each class'}"
        return Measure(name, cls.direction, label, cls.form, cls.unit, cls.range, cls.per_example)
