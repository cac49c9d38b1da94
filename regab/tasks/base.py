"""What a task is: everything that depends on what a data set asks a model for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from regab.lazy import torch

if TYPE_CHECKING:
    from torch import Generator, Tensor


class Scale(NamedTuple):
    """Mean and deviation of the training targets of a regression; what a model predicts is measured from and in them.

    For classes, the scale is that of the numbers themselves.
    """

    mean: float = 0.0
    deviation: float = 1.0

    def __call__(self, y: Tensor) -> Tensor:
        """Targets as the model is trained on them."""
        return ((y.double() - self.mean) / self.deviation).float()

    def back(self, y: Tensor) -> Tensor:
        """Outputs or scaled targets in the units of the target."""
        if self == (0.0, 1.0):
            return y
        return (y if y.device.type == "mps" else y.double()) * self.deviation + self.mean


@dataclass(kw_only=True)
class Task:
    """What a data set asks a model for: its targets, its outputs, and the loss that is minimized.

    A dataclass whose fields are the task's options: floats are tensors ``[V]`` in a stack, as a regularizer's strengths
    are, all others structure (``regab.fields``). ``metrics`` are measured beside the loss if nothing is said, the first
    being the headline; ``minimizes`` is what people call the loss; ``reads`` is the task of regab's by which a table's
    column of labels is read for this one.

    ``y`` are the targets of a split as data have them, ``[N]`` or ``[N, …]``; ``V`` runs, ``B`` examples of a batch,
    ``K`` outputs per example. A task that extends another is one of its kind: methods and metrics for that are for it.
    ``measured_as`` names one whose metrics are for this one too, though it does not extend it: they take what
    ``scored`` makes of outputs and targets.
    """

    name: ClassVar[str]
    metrics: ClassVar[tuple[str, ...]] = ()
    measured_as: ClassVar[str] = ""
    minimizes: ClassVar[str] = ""
    reads: ClassVar[str] = "classification"

    def __init_subclass__(cls, **options: Any) -> None:
        """Its name is that of its file; that of a class of the user's own is its own in lower case."""
        super().__init_subclass__(**options)
        package, _, file = cls.__module__.rpartition(".")
        cls.name = file if package == __package__ else cls.__name__.lower()

    def typed(self, y: Tensor) -> Tensor:
        """A source's targets, checked and in their type. Raises UsageError for what are none of this task."""
        return y

    def outputs(self, y: Tensor, classes: int) -> int:
        """How many outputs ``K`` a model has for an example; ``classes`` is what the source says."""
        return classes

    def fewest(self, outputs: int) -> int:
        """How many training examples there must be at least."""
        return 1

    def strata(self, y: Tensor) -> Tensor:
        """By what parts and folds are stratified ``[N]``: classes (int64), or floats, by which nothing is."""
        return torch.zeros(len(y))

    def redrawn(self, y: Tensor, outputs: int, generator: Generator) -> Tensor:
        """Wrong targets as ``y`` has them, drawn for every example, which label noise puts in: a random example's."""
        return y[torch.randint(len(y), (len(y),), generator=generator)]

    def scale(self, y: Tensor) -> Scale:
        """How targets are scaled, learned from the training targets. Raises UsageError where that cannot be."""
        return Scale()

    def facts(self, scale: Scale) -> dict[str, Any]:
        """What a run's result says of its targets."""
        return {}

    def targets(self, y: Tensor, outputs: int) -> Tensor:
        """The training targets ``[N, K]`` (or ``[N, …]``), as ``loss`` takes them."""
        raise NotImplementedError

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """What is minimized: of outputs and ``targets``, ``[V, B, K]`` each, the mean over the batch ``[V]``."""
        raise NotImplementedError

    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        """The loss of each example ``[V, n]`` on clean data: outputs ``[V, n, K]`` and targets ``y [n]``, scaled."""
        raise NotImplementedError

    def scored(self, outputs: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs and targets as metrics take them, of ``V`` runs and ``n`` examples (or pixels, or tokens, which count
        as examples each): for metrics of ``classification`` scores ``[V, n, K]`` whose softmax are probabilities, and
        classes ``[n]``; for those of ``regression`` predictions ``[V, n, T]`` and numbers ``[n]`` or ``[n, T]``."""
        return outputs, y


def kinds(task: type[Task]) -> list[str]:
    """The names of a task and of those that it extends."""
    return [cls.name for cls in task.__mro__ if issubclass(cls, Task) and cls is not Task]
