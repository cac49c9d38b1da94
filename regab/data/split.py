"""What a data set is, and how it is divided without leaking."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from regab.data.division.parts import divided
from regab.data.inputs.examples import Examples, nbytes
from regab.data.inputs.scaling import Fit, standardize
from regab.data.unseen.arrays import Arrays
from regab.data.unseen.tensors import Tensors
from regab.errors import UsageError
from regab.fields import fixed, of_kind
from regab.seeding import stream_seed
from regab.tasks import task_named
from regab.tasks.base import Scale, Task
from regab.tasks.classification import Classification
from regab.tasks.regression import Regression

BRIGHT, DARK = 255, 128  # what is never brighter than the latter is hardly bytes of photographs


class Split(NamedTuple):
    """Examples ``x [N, …]`` and targets ``y [N]`` as their task has them: classes (int64), in a regression floats.

    ``x`` is what a model takes (float32 numbers or int64 tokens), a tensor or ``regab.data.inputs.examples.Examples``;
    in a ``Source`` whose ``fit`` makes that of it, any sequence that can be indexed by an array of rows.
    """

    x: Any
    y: Tensor

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: Tensor) -> Split:
        if isinstance(self.x, Examples):
            return Split(self.x.take(rows), self.y[rows])
        return Split(self.x[rows if isinstance(self.x, Tensor) else rows.numpy()], self.y[rows])


class Source(NamedTuple):
    """What a loader returns: labelled examples and, where the data set has them, its own test and validation sets.

    ``fit`` learns from the training examples, once they are known, how all are encoded for the model, and what the
    model must be told beside the shape and the number of classes (some of ``regab.models.options.GIVEN``). ``task`` is
    the name of one of ``regab.tasks``, if the configuration names no other; ``classes`` of a regression is 1. ``said``
    is what the user should know of how the data were read, ``columns`` how each column of a table was; ``names`` are
    those of classes, ``features`` those of the first inputs of a table. ``reader`` knows how examples that training has
    not seen are read (see ``regab.data.unseen``). ``groups`` and ``order`` are a value for each training example: those
    of one group stay in one part of the data, and training, validation and test data follow each other in an order of
    numbers or times. ``fingerprint`` is filled in.
    """

    train: Split
    classes: int
    test: Split | None = None
    fit: Fit = standardize
    task: str = Classification.name
    said: tuple[str, ...] = ()
    columns: dict[str, str] | None = None
    names: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    fingerprint: str = ""
    reader: Any = None
    groups: Any = None
    order: Any = None
    val: Split | None = None


@dataclass
class Data:
    """Training, validation and test examples, encoded by what was learned from the training examples.

    ``given`` are keyword arguments for a model that takes them; ``classes`` is how many outputs the ``task`` asks of it
    for an example. Targets are on a ``scale``. ``imbalance`` names a rare class and the most frequent one, with their
    shares (``regab.data.division.checks``). See ``Source`` for ``said``, ``columns``, ``fingerprint``, ``names`` and
    ``reader``; ``encode`` is what its ``fit`` has learned.
    """

    train: Split
    val: Split
    test: Split
    classes: int
    given: dict[str, Any] = field(default_factory=dict)
    task: Task = field(default_factory=Classification)
    scale: Scale = field(default_factory=Scale)
    said: tuple[str, ...] = ()
    columns: dict[str, str] | None = None
    fingerprint: str = ""
    wrong: float = 0.0
    names: tuple[str, ...] = ()
    reader: Any = None
    encode: Any = None
    imbalance: dict[str, Any] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.train.x.shape[1:])

    @property
    def kind(self) -> str:
        """What an input is: ``several`` tensors, ``tokens`` (int64), ``images`` (``[C, H, W]``), padded ``series`` or
        plain ``features``."""
        if "parts" in self.given:
            return "several"
        if self.given.get("masked"):
            return "series"
        if not self.train.x.is_floating_point():
            return "tokens"
        return "images" if len(self.shape) == 3 else "features"

    @property
    def nbytes(self) -> int:
        """How much memory they take."""
        return sum(nbytes(split.x) + split.y.nbytes for split in (self.train, self.val, self.test))

    def to(self, device: torch.device) -> Data:
        moved = [Split(s.x.to(device), s.y.to(device)) for s in (self.train, self.val, self.test)]
        return replace(self, train=moved[0], val=moved[1], test=moved[2])


@dataclass
class Division:
    """How a source is divided; all shares are stratified as the task says, that is by class.

    ``test_fraction`` of the examples are held out where the source has no test set of its own (None: a fifth, but
    nothing where it has one); ``val_fraction`` of the rest are for validation, if it has no set of its own for that; of
    what is left ``n_train`` (None: all) are for training, the smaller of two such sets being a part of the larger.
    ``label_noise`` is the share of training labels replaced by a class drawn uniformly from all classes (Zhang et al.
    2017, ICLR), or in a regression by the target of a training example drawn uniformly, so 1 is random labels;
    validation and test labels stay true. The same ``split_seed`` gives the same examples and the same noise.

    Cross-validation: with ``folds`` (at least 2; None: without), what is not held out for testing is cut into so many
    folds, and the one numbered ``fold`` (from 0) is for validation, whatever ``val_fraction`` is.
    """

    n_train: int | None = None
    val_fraction: float = fixed(0.0, "[0, 1)")
    test_fraction: float | None = fixed(0.0, "[0, 1)")
    label_noise: float = fixed(0.0, "[0, 1]")
    split_seed: int = fixed(0, "[0, inf)")
    folds: int | None = None
    fold: int = fixed(0, "[0, inf)")


def divide(source: Source, by: Division, task: Task | None = None) -> Data:
    """Training, validation and test data from a source, for its own task if no other is given.

    Raises UsageError where there are too few examples, or targets that are none of the task.
    """
    task = task or task_named(source.task)()
    generator = torch.Generator().manual_seed(stream_seed(by.split_seed, "split"))
    source = in_order(source, task.ordered(source.names))
    whole = _typed(source.train, task)
    outputs = of_kind(task.outputs(whole.y, source.classes), int, "task, outputs")
    task.check(whole.y, outputs)
    parts = divided(source, whole.y, by, task, task.fewest(outputs), generator)
    train = whole.take(parts.train)
    val = whole.take(parts.val) if source.val is None else _typed(source.val, task)
    test = whole.take(parts.test) if source.test is None else _typed(source.test, task)
    for part in (val, test):
        if len(part):
            task.check(part.y, outputs)
    true = train.y
    labels = _noisy(true, by.label_noise, by.split_seed, task, outputs)
    train = Split(train.x, labels)
    encode, given = source.fit(train.x)
    scale = of_kind(task.scale(train.y), Scale, "task, scale")
    train, val, test = (Split(encode(s.x), s.y if scale == Scale() else scale(s.y)) for s in (train, val, test))
    if task.of_inputs:
        train, val, test = (_paired(part, task) for part in (train, val, test))
        outputs = task.outputs(train.y, given.get("vocabulary", source.classes))
    wrong = 0.0 if true.is_floating_point() else (labels != true).double().mean().item()
    names = source.names or tuple(map(str, range(source.classes)))
    reader = source.reader or (Tensors([*names]) if "parts" in given else _arrays(source, task, names))
    told = (*source.said, *parts.said), source.columns, source.fingerprint, wrong, names, reader, encode
    return Data(train, val, test, outputs, given, task, scale, *told)


def in_order(source: Source, names: tuple[str, ...]) -> Source:
    """The same with classes numbered as they are named here."""
    if names == source.names or not source.names:
        return source
    new = torch.tensor([names.index(name) for name in source.names])
    train, val, test = (part and Split(part.x, new[part.y]) for part in (source.train, source.val, source.test))
    return source._replace(names=names, train=train or source.train, val=val, test=test)


def _arrays(source: Source, task: Task, names: tuple[str, ...]) -> Arrays:
    """How further examples are read where the source does not say."""
    x, shape, dtype, white = source.train.x, None, "", 0
    if isinstance(x, Tensor | Examples):
        shape, dtype = list(x.shape[1:]), str(x.dtype).removeprefix("torch.")
        white = _white(x)
    return Arrays(shape, dtype, [*names], [*source.features], task.reads == Regression.reads, white)


def _white(x: Any) -> int:
    """What the brightest pixel of images may be, 1 or 255, by their values; 0 where they are no images."""
    if not isinstance(x, Tensor) or x.ndim != 4 or x.shape[1] not in (1, 3):
        return 0
    low, high = x.aminmax()
    if low < 0 or 1 < high <= DARK or high > BRIGHT:
        return 0
    return 1 if high <= 1 else BRIGHT


def _typed(split: Split, task: Task) -> Split:
    return Split(split.x, of_kind(task.typed(split.y), Tensor, "task, typed"))


def _paired(split: Split, task: Task) -> Split:
    if not isinstance(split.x, Tensor):
        raise UsageError(f"task={task.name}: needs inputs that are in memory, not streamed")
    return Split(*task.pairs(*split))


def _noisy(y: Tensor, share: float, seed: int, task: Task, outputs: int) -> Tensor:
    if share and task.of_inputs:
        raise UsageError(f"data.label_noise={share}: the targets of task={task.name} are its inputs; leave it at 0")
    generator = torch.Generator().manual_seed(stream_seed(seed, "label noise"))
    rows = torch.randperm(len(y), generator=generator)[: round(share * len(y))]
    return y.clone().index_copy_(0, rows, task.redrawn(y, outputs, generator)[rows])
