"""Which rows are for training, validation and testing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch
from torch import Tensor

from regab.data.division.folds import held_out_in
from regab.data.division.groups import Grouped
from regab.data.division.order import Ordered
from regab.errors import UsageError
from regab.tasks.base import Task

if TYPE_CHECKING:
    from regab.data.split import Division, Source

A_FIFTH = 0.2


class Parts(NamedTuple):
    """Rows of a source's training data; ``val`` and ``test`` have none where the source has such sets of its own."""

    train: Tensor
    val: Tensor
    test: Tensor
    said: tuple[str, ...]


class Divider(Protocol):
    """A way to divide: by chance, by whole groups, or in an order."""

    def part(self, rows: Tensor, count: int, in_order: bool) -> tuple[Tensor, Tensor]:
        """About ``count`` of the rows, and the rest, with ``in_order`` as it came."""

    def fold(self, rows: Tensor, folds: int, fold: int) -> tuple[Tensor, Tensor]:
        """The rows that one of the folds holds out, and the rest."""

    def first(self, rows: Tensor, n: int) -> Tensor:
        """``n`` of the rows, among them those that a smaller ``n`` gives."""

    def said(self, parts: dict[str, Tensor]) -> tuple[str, ...]:
        """What the user should know of how it was divided."""


def divided(source: Source, y: Tensor, by: Division, task: Task, fewest: int, generator: torch.Generator) -> Parts:
    """The rows of every part; ``y`` are the targets. Raises UsageError where there are too few, or no such parts."""
    _check_fold(by)
    divider, rows = _divider(source, y, by, task, generator), torch.arange(len(y))
    test = rows[:0]
    if source.test is None:
        share = A_FIFTH if by.test_fraction is None else by.test_fraction
        test, rows = _part(divider, rows, share, "test_fraction", in_order=by.folds is not None)
    elif by.test_fraction:
        raise UsageError(f"data.test_fraction={by.test_fraction}: this data set has its own test set; leave it at 0")
    if source.val is not None:
        if by.folds:
            raise UsageError(f"data.folds={by.folds}: this data set has its own validation set; leave data.folds out")
        val = rows[:0]
    elif by.folds is None:
        val, rows = _part(divider, rows, by.val_fraction, "val_fraction")
    else:
        if by.folds > len(rows):
            raise UsageError(f"data.folds={by.folds}: must be at most {len(rows)}, the number of examples")
        val, rows = divider.fold(rows, by.folds, by.fold)
    if by.n_train is not None:
        if not fewest <= by.n_train <= len(rows):
            least = f"{fewest} (one example per class)" if fewest > 1 else "1"
            raise UsageError(f"data.n_train={by.n_train}: must be from {least} to {len(rows)} (all there are)")
        rows = divider.first(rows, by.n_train)
    return Parts(rows, val, test, divider.said({"training": rows, "validation": val, "test": test}))


def _divider(source: Source, y: Tensor, by: Division, task: Task, generator: torch.Generator) -> Divider:
    if source.groups is not None and source.order is not None:
        raise UsageError("data.order: cannot be kept together with data.group; leave out one of them")
    if source.order is not None:
        return Ordered(source.order, len(y))
    if source.groups is not None:
        return Grouped(source.groups, y, task, generator, by.split_seed)
    return Shuffled(y, task, generator, by.split_seed)


class Shuffled:
    """By chance, stratified as the task says, that is by class."""

    def __init__(self, y: Tensor, task: Task, generator: torch.Generator, seed: int) -> None:
        self.y, self.task, self.generator, self.seed = y, task, generator, seed

    def part(self, rows: Tensor, count: int, in_order: bool) -> tuple[Tensor, Tensor]:
        order = self._order(rows)
        rest = order[count:].sort().values if in_order else order[count:]
        return rows[order[:count]], rows[rest]

    def fold(self, rows: Tensor, folds: int, fold: int) -> tuple[Tensor, Tensor]:
        held_out = held_out_in(self.task.strata(self.y[rows]), folds, self.seed) == fold
        return rows[held_out], rows[~held_out]

    def first(self, rows: Tensor, n: int) -> Tensor:
        return rows[self._order(rows)[:n]]

    def said(self, parts: dict[str, Tensor]) -> tuple[str, ...]:
        return ()

    def _order(self, rows: Tensor) -> Tensor:
        return stratified_order(self.task.strata(self.y[rows]), self.generator)


def stratified_order(y: Tensor, generator: torch.Generator) -> Tensor:
    """A random order whose every beginning holds the classes in their shares, as near as whole examples allow.

    Targets that are no classes are in no order at all.
    """
    shuffled = torch.randperm(len(y), generator=generator)
    if y.is_floating_point():
        return shuffled
    counts = torch.bincount(y)
    rank = torch.empty(len(y), dtype=torch.float64)  # each example's place within its class, as a share of the class
    for label in range(len(counts)):
        members = shuffled[y[shuffled] == label]
        rank[members] = (torch.arange(len(members)) + 0.5).double() / max(len(members), 1)
    return shuffled[rank[shuffled].argsort(stable=True)]


def _check_fold(by: Division) -> None:
    if by.folds is None and by.fold:
        raise UsageError(f"data.fold={by.fold}: needs data.folds, the number of folds")
    if by.folds is not None and by.folds < 2:
        raise UsageError(f"data.folds={by.folds}: must be at least 2, or null for no cross-validation")
    if by.folds is not None and by.fold >= by.folds:
        raise UsageError(f"data.fold={by.fold}: must be from 0 to {by.folds - 1}, since data.folds={by.folds}")


def _part(divider: Divider, rows: Tensor, fraction: float, key: str, in_order: bool = False) -> tuple[Tensor, Tensor]:
    count = round(fraction * len(rows))
    if fraction and not 0 < count < len(rows):
        raise UsageError(f"data.{key}={fraction}: gives {count} of {len(rows)} examples; choose another share")
    try:
        return divider.part(rows, count, in_order)
    except ValueError as error:
        raise UsageError(f"data.{key}={fraction}: {error}") from error
