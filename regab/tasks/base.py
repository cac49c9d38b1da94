"""What a task is: everything that depends on what a data set asks a model for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from regab.lazy import torch

if TYPE_CHECKING:
    from torch import Generator, Tensor


class Scale(NamedTuple):
    """Mean and deviation of the training targets of a regression; what a model predicts is measured from and in them.

    Of several targets, the last axis of ``y``, each has its own. For classes, the scale is that of the numbers
    themselves.
    """

    mean: float | tuple[float, ...] = 0.0
    deviation: float | tuple[float, ...] = 1.0

    def __call__(self, y: Tensor) -> Tensor:
        """Targets as the model is trained on them."""
        mean, deviation = self._like(y.double())
        return ((y.double() - mean) / deviation).float()

    def back(self, y: Tensor) -> Tensor:
        """Outputs or scaled targets in the units of the target."""
        if self == (0.0, 1.0):
            return y
        y = y if y.device.type == "mps" else y.double()
        mean, deviation = self._like(y)
        return y * deviation + mean

    def each(self) -> list[Scale]:
        """That of each target."""
        if isinstance(self.mean, tuple) and isinstance(self.deviation, tuple):
            return [Scale(mean, deviation) for mean, deviation in zip(self.mean, self.deviation, strict=True)]
        return [self]

    def _like(self, y: Tensor) -> Any:
        if isinstance(self.mean, tuple):
            return [torch.tensor(numbers, dtype=y.dtype, device=y.device) for numbers in self]
        return self.mean, self.deviation


def as_numbers(scale: Scale) -> tuple[float, float]:
    """Mean and deviation of a single target."""
    assert isinstance(scale.mean, float)
    assert isinstance(scale.deviation, float)
    return scale.mean, scale.deviation


@dataclass(kw_only=True)
class Task:
    """What a data set asks a model for: its targets, its outputs, and the loss that is minimized.

    A dataclass whose fields are the task's options: floats are tensors ``[V]`` in a stack, as a regularizer's strengths
    are, all others structure (``regab.fields``). ``metrics`` are measured beside the loss if nothing is said, the first
    being the headline; ``minimizes`` is what people call the loss; ``reads`` is how a table's labels are read for this
    one: as ``classification`` (names), ``regression`` (numbers), ``multilabel``, or ``auto``. Of a ``dense``
    task, targets belong to places of the input, so that methods which move inputs about are refused. Targets that are
    made ``of_inputs`` by ``pairs`` have no label noise. What is predicted is ``mapped`` if ``maps`` says it. One that
    ``waits`` asks in a step for numbers that lie on a GPU, or brings some there.

    ``y`` are the targets of a split as data have them, ``[N]`` or ``[N, …]``; ``V`` runs, ``B`` examples of a batch,
    ``K`` outputs per example. A task that extends another is one of its kind: methods and metrics for that are for it.
    ``measured_as`` names one whose metrics are for this one too, though it does not extend it: they take what
    ``predictions`` makes of outputs and targets.
    """

    name: ClassVar[str]
    metrics: ClassVar[tuple[str, ...]] = ()
    measured_as: ClassVar[str] = ""
    minimizes: ClassVar[str] = ""
    reads: ClassVar[str] = "classification"
    dense: ClassVar[bool] = False
    of_inputs: ClassVar[bool] = False
    mapped: ClassVar[bool] = False
    waits: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        """Its name is that of its file; that of a class of the user's own is its own in lower case."""
        super().__init_subclass__(**options)
        package, _, file = cls.__module__.rpartition(".")
        cls.name = file if package == __package__ else cls.__name__.lower()

    def typed(self, y: Tensor) -> Tensor:
        """A source's targets, checked and in their type. Raises UsageError for what are none of this task."""
        return y

    def ordered(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The names of a source's classes in the order in which this task numbers them."""
        return names

    def outputs(self, y: Tensor, classes: int) -> int:
        """How many outputs ``K`` a model has for an example; ``classes`` is what the source says."""
        return classes

    def answers(self, y: Tensor, outputs: int) -> list[tuple[int, ...]]:
        """The shapes that what a model returns for an example may have."""
        return [(outputs,)]

    def check(self, y: Tensor, outputs: int) -> None:
        """Raises UsageError where targets, in their type, are none of those that a model can give."""

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

    def pairs(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs as they are encoded for a model, and targets; some tasks make the latter of the former."""
        return x, y

    def prepare(self, y: Tensor, outputs: int, names: tuple[str, ...]) -> None:
        """Once before training: work out what depends on the training targets. ``names`` are those of classes."""

    def refuses(self, method: Any) -> str:
        """Why a regularizer (its class) makes no sense here, in words that follow its name; empty if it does."""
        if method.tasks and not set(method.tasks) & set(kinds(type(self))):
            return f"is for {' or '.join(method.tasks)}, but the task is {self.name}"
        if self.dense and method.moves:
            return f"moves inputs about, but not the targets of a {self.name}, which belong to places in them"
        return ""

    def targets(self, y: Tensor, outputs: int) -> Tensor:
        """The training targets ``[N, …]``, as ``spread`` takes those of a batch."""
        raise NotImplementedError

    def spread(self, y: Tensor, outputs: int) -> Tensor:
        """Targets of a batch ``[V, B, …]`` as methods mix them and ``loss`` takes them: ``[V, B, K]``, as they are.

        Dense targets, of which only a batch at a time should take so much memory, become distributions here.
        """
        return y

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """What is minimized: of outputs and ``targets``, ``[V, B, K]`` each, the mean over the batch ``[V]``."""
        raise NotImplementedError

    def loss_and_slope(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor] | None:
        """``loss`` and its gradient by the outputs ``[V, B, K]``, where that is written out; else autograd finds it."""
        return None

    def told(self, outputs: Tensor, names: Sequence[str]) -> dict[str, Any]:
        """What outputs ``[n, …]`` say of each example, as columns ``[n]`` of a table; by itself the outputs.

        Those of a regression are in the units of the target. ``names`` are those of classes.
        """
        columns = outputs.flatten(1).double().unbind(1)
        return {f"output_{k}": column.numpy() for k, column in enumerate(columns)}

    def compared(self, outputs: Tensor, y: Tensor, names: Sequence[str]) -> dict[str, Any]:
        """As ``told``, where targets ``y`` are made of the inputs; ``names`` are those of tokens."""
        return self.told(outputs, names)

    def maps(self, outputs: Tensor, probabilities: bool) -> dict[str, Tensor]:
        """What outputs say of every place of an example, as arrays ``[n, …]``: ``prediction`` and, if asked for,
        ``probability``."""
        raise NotImplementedError

    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        """The loss of each example ``[V, n]`` on clean data: outputs ``[V, n, K]`` and targets ``y [n]``, scaled.

        What numbers change in training alone (class weights, say) has no part in it, so that runs can be compared.
        """
        raise NotImplementedError

    def logits(self, outputs: Tensor) -> Tensor:
        """Outputs as methods see them: ``[V, m, K]``, a row for each of ``m`` predictions."""
        return outputs

    def predictions(self, outputs: Tensor, y: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Outputs ``[V, n, …]`` and targets ``[n, …]`` as metrics see them: ``[V, m, K]`` and ``[m]``, of examples or
        pixels or tokens.

        For metrics of ``classification`` they are scores whose softmax are probabilities, and classes; for those of
        ``regression`` predictions and numbers. Which targets there are must not depend on outputs. One pair for each
        target; a metric is then the mean over targets of its values (where it has some), as scikit-learn's ``macro``
        and ``uniform_average``.
        """
        return [(outputs, y)]


def kinds(task: type[Task]) -> list[str]:
    """The names of a task and of those that it extends."""
    return [cls.name for cls in task.__mro__ if issubclass(cls, Task) and cls is not Task]
