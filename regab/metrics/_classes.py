"""What metrics of classes have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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
    return -log_probabilities(outputs)[:, targets, torch.arange(len(targets), device=targets.device)]


def probabilities(outputs: Tensor) -> Tensor:
    """Of every class ``[V, N, K]``, on the CPU. None is 1 (in float32), for which torchmetrics has a bin of its own."""
    return outputs.cpu().double().softmax(-1).clamp(max=1 - 2**-24)


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


class Ranking(Metric):
    """What torchmetrics says of the order of the scores of each class against the rest, as a mean over the classes
    that the split has and has not."""

    direction = "up"
    form = ".4f"
    range = "[0, 1]"
    tasks = ("classification",)
    needs = TORCHMETRICS
    function: ClassVar[str]  # of torchmetrics, without ``multilabel_``

    def of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        scores, truths = one_vs_rest(outputs, targets)
        if not truths.shape[1]:
            return torch.full((len(outputs),), torch.nan)
        score = getattr(library, f"multilabel_{self.function}")
        return of_each_run(lambda one: score(one, truths, truths.shape[1], validate_args=False), scores)

    def undefined(self, targets: Tensor) -> str:
        return only_class(targets)


@dataclass
class ByClass(Metric):
    """What scikit-learn says of one class, or as a mean over classes: F1, precision, recall.

    ``having``: of an example with several labels, where the question is of each whether it has it, not both answers.
    """

    having: bool = False

    direction: ClassVar[str] = "up"
    form: ClassVar[str] = ".4f"
    range: ClassVar[str] = "[0, 1]"
    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    needs: ClassVar[str] = TORCHMETRICS
    function: ClassVar[str]  # of torchmetrics, without ``binary_`` or ``multiclass_``

    def of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        if self.undefined(targets):
            return torch.full((len(outputs),), torch.nan)
        kind, more = ("binary", ()) if self.having else ("multiclass", (outputs.shape[-1], "macro"))
        score = getattr(library, f"{kind}_{self.function}")
        return torch.stack([score(said, targets, *more, validate_args=False) for said in chosen(outputs)])

    def undefined(self, targets: Tensor) -> str:
        return "no example has the label" if self.having and not targets.any() else ""

    def columns(self, name: str, views: list[tuple[Tensor, Tensor]]) -> dict[str, Metric]:
        return {name: type(self)(having=len(views) > 1)}


@dataclass
class PerClass(ByClass):
    """The same of class ``of_class`` alone, the others being one; NaN where no example is of that class.

    Asked for by name, it is measured of every class: ``f1_per_class`` gives ``f1_0``, ``f1_1``, … Of several labels per
    example, of having each of these.
    """

    of_class: int = 0
    called: ClassVar[str]

    def of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        if self.undefined(targets):
            return torch.full((len(outputs),), torch.nan)
        score, truth = getattr(library, f"binary_{self.function}"), (targets == self.of_class).long()
        said = (chosen(outputs) == self.of_class).long()
        return torch.stack([score(one, truth, validate_args=False) for one in said])

    def undefined(self, targets: Tensor) -> str:
        which = f"label {self.target}" if self.target is not None else f"class {self.of_class}"
        return "" if bool((targets == self.of_class).any()) else f"no example is of {which}"

    def columns(self, name: str, views: list[tuple[Tensor, Tensor]]) -> dict[str, Metric]:
        stem, several = name.removesuffix(EACH), len(views) > 1
        found = {}
        for number in range(len(views) if several else views[0][0].shape[-1]):
            found[f"{stem}_{number}"] = one = type(self)(of_class=1 if several else number)
            one.target = number if several else None
        return dict(found)

    @classmethod
    def measure(cls, name: str) -> Measure:
        which = name.rpartition("_")[2]
        label = f"{cls.called} of {f'class {which}' if which.isdecimal() else 'each class'}"
        return Measure(name, cls.direction, label, cls.form, cls.unit, cls.range, cls.per_example)

    def named(self, name: str, classes: Sequence[str]) -> Measure:
        number = self.of_class if self.target is None else self.target
        said = classes[number] if number < len(classes) else str(number)
        which = f"class {said}" if said.isdecimal() else said
        return replace(self.measure(name), label=f"{self.called} of {which}", unit="")
