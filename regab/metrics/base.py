"""What a metric is: how it is taken, which way is better, and how its values are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from regab.errors import UsageError
from regab.fields import Interval
from regab.lazy import torch
from regab.tasks import task_named
from regab.tasks.base import kinds

if TYPE_CHECKING:
    from torch import Tensor

    from regab.tasks.base import Task

UP, DOWN = "up", "down"


@dataclass(frozen=True)
class Measure:
    """How the values of a metric are compared and shown; it is kept with results, so that files alone tell it.

    ``direction``: ``up`` where more is better, ``down`` where less is, empty where that is not known. ``label``: what
    people call it. ``form``: how a value is written, as Python's format specifications; one that ends with ``%`` is
    shown in percent, and its differences in percentage points. ``unit``: what differences are counted in; by default
    points, or the label. ``range``: of its values, as ``[0, 1]``. ``per_example``: it counts whole examples, so that
    its values are multiples of one over their number.
    """

    name: str
    direction: str = ""
    label: str = ""
    form: str = ".4g"
    unit: str = ""
    range: str = "(-inf, inf)"
    per_example: bool = False

    def __post_init__(self) -> None:
        label = self.label or self.name.replace("_", " ")
        object.__setattr__(self, "label", label)
        object.__setattr__(self, "unit", self.unit or ("points" if self.percent else label))

    @property
    def upwards(self) -> bool:
        """Whether more is better. Raises UsageError where that is not known."""
        if self.direction not in (UP, DOWN):
            raise UsageError(
                f"{self.name}: it is not known whether more or less of it is better; say direction=up or down"
            )
        return self.direction == UP

    @property
    def percent(self) -> bool:
        return self.form.endswith("%")

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest value there can be."""
        low, high = map(float, Interval(self.range).text[1:-1].split(","))
        return low, high

    @property
    def best(self) -> float:
        """The best value there can be, infinite where there is none."""
        return self.bounds[self.upwards]

    def cell(self, value: float) -> str:
        """A value as it is shown."""
        return f"{value:{self.form}}"


class Metric:
    """Something measured of a model's outputs on training, validation and test data, beside the loss.

    A subclass says by class attributes how it is compared and shown (see ``Measure``), which ``tasks`` it is for (by
    name; empty: any), and computes in ``of``. Outputs and targets are those of all examples of a split, in the order of
    the data, on the device that trains, as the task's ``predictions`` gives them; in a regression in the units of the
    target, or with ``standardized`` as the model is trained on them, less their mean and over their deviation.
    ``needs`` is a library that is there with ``pip install 'regab[metrics]'``; ``target`` of several that the task has
    is the one that is measured (None: the mean over them).
    """

    direction: ClassVar[str] = ""
    label: ClassVar[str] = ""
    form: ClassVar[str] = ".4g"
    unit: ClassVar[str] = ""
    range: ClassVar[str] = "(-inf, inf)"
    per_example: ClassVar[bool] = False
    tasks: ClassVar[tuple[str, ...]] = ()
    standardized: ClassVar[bool] = False
    needs: ClassVar[str] = ""
    target: int | None = None

    def of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The value of each run ``[V]``, from outputs ``[V, N, K]`` and targets ``[N]`` (or whatever shapes the task
        has)."""
        raise NotImplementedError

    @classmethod
    def is_for(cls, task: type[Task]) -> bool:
        """Whether it can be measured of a task. Raises UsageError for one that is ``measured_as`` what there is not."""
        return not cls.tasks or bool({*cls.tasks} & {*measured_kinds(task)})

    def undefined(self, targets: Tensor) -> str:
        """Why there is no value (NaN) whatever a model says, where these are the targets; empty if there is one."""
        return ""

    def columns(self, name: str, views: list[tuple[Tensor, Tensor]]) -> dict[str, Metric]:
        """What is measured under which names where this metric is asked for by ``name``: itself, or one for each class.

        ``views`` are what the task's ``predictions`` makes of targets and the outputs of no run. Raises UsageError.
        """
        return {name: self}

    @classmethod
    def measure(cls, name: str) -> Measure:
        """How the values of this metric are compared and shown where it is called ``name``."""
        return Measure(name, cls.direction, cls.label, cls.form, cls.unit, cls.range, cls.per_example)

    def named(self, name: str, classes: Sequence[str]) -> Measure:
        """The same where the data set calls its ``classes`` so."""
        return self.measure(name)


def measured_kinds(task: type[Task]) -> list[str]:
    """The tasks whose metrics are for this one."""
    return [*kinds(task), *(kinds(task_named(task.measured_as)) if task.measured_as else [])]


def kept_measures(metrics: Mapping[str, Metric], classes: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """How these metrics are compared and shown, as results keep it."""
    return {name: asdict(metric.named(name, classes)) for name, metric in metrics.items()}


class Mean(Metric):
    """A metric that follows from a mean over examples, so that outputs need not be kept until all are known."""

    def each(self, outputs: Tensor, targets: Tensor, /) -> Tensor:
        """A value (or several) of every example ``[V, n, …]``, from a part of the outputs and targets.

        Metrics (and a loss) with the same function here are evaluated once.
        """
        raise NotImplementedError

    def finish(self, mean: Tensor, targets: Tensor, deviation: float) -> Tensor:
        """The metric ``[V]`` from the mean of ``each`` over all examples ``[V, …]`` (float64).

        ``targets`` are all of the split's, on the device that trains as the mean is; ``deviation`` is what they were
        divided by (1 if they were not).
        """
        return mean.flatten(1).mean(1) if mean.ndim > 1 else mean

    def of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.finish(mean_over_examples(self.each(outputs, targets)), targets, 1.0)


def mean_over_examples(values: Tensor) -> Tensor:
    """``[V, N, …]`` to the mean over all examples ``[V, …]``, where they are and ``wide``."""
    return values.mean(1, dtype=wide(values))


def wide(values: Tensor) -> torch.dtype:
    """The type of what is measured: float64, but on MPS, which has none."""
    return torch.float32 if values.device.type == "mps" else torch.float64
