"""Dividing by whole groups: the rows of one patient are all for training, all for validation, or all for testing."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from regab.errors import UsageError
from regab.tasks.base import Task

TOLERATED = 2.0  # times the share that was asked for, which whole groups may come to


class Grouped:
    """Groups are dealt out one by one to the part that lacks most of their classes, in a random order.

    Folds get the largest groups first, so that they become as equal as scikit-learn's GroupKFold makes them; each is
    held out once, so that this favours none. ``groups`` are any N values, equal within a group.
    """

    def __init__(self, groups: Any, y: Tensor, task: Task, generator: torch.Generator, seed: int) -> None:
        values = groups.numpy() if isinstance(groups, Tensor) else groups
        self.groups = codes(values)
        if len(self.groups) != len(y):
            raise UsageError(f"data: there are {len(y)} training examples, but {len(self.groups)} groups")
        self.y, self.task, self.generator, self.seed = y, task, generator, seed

    def part(self, rows: Tensor, count: int, in_order: bool) -> tuple[Tensor, Tensor]:
        """Raises ValueError, in words, where no groups come near to the count."""
        groups, sizes = self._of(rows)
        order = torch.randperm(len(sizes), generator=self.generator).numpy()
        if not count:
            return rows[:0], rows
        if len(sizes) < 2:
            raise ValueError(f"all {len(rows)} examples are of one group (data.group), which stays together")
        shares = np.array([count, len(rows) - count]) / len(rows)
        held_out = dealt(groups, self._strata(rows), shares, order)[groups] == 0
        if not held_out.any() or held_out.all():
            held_out = groups == order[np.abs(sizes[order] - count).argmin()]
        if (found := held_out.sum()) > TOLERATED * count:
            words = f"is {count} of {len(rows)} examples, but the {len(sizes)} groups, which stay together, make it"
            raise ValueError(f"{words} {found}; set about {found / len(rows):.2g}")
        return rows[torch.from_numpy(held_out)], rows[torch.from_numpy(~held_out)]

    def fold(self, rows: Tensor, folds: int, fold: int) -> tuple[Tensor, Tensor]:
        groups, sizes = self._of(rows)
        if folds > len(sizes):
            raise UsageError(f"data.folds={folds}: must be at most {len(sizes)}, the number of groups (data.group)")
        order = np.random.RandomState(self.seed % 2**32).permutation(len(sizes))
        order = order[np.argsort(-sizes[order], kind="stable")]
        parts = dealt(groups, self._strata(rows), np.full(folds, 1 / folds), order)
        held_out = torch.from_numpy(parts[groups] == fold)
        return rows[held_out], rows[~held_out]

    def first(self, rows: Tensor, n: int) -> Tensor:
        """Group by group, so that of one alone some rows may be left out."""
        groups, sizes = self._of(rows)
        place = torch.randperm(len(sizes), generator=self.generator)
        return rows[place[torch.from_numpy(groups)].argsort(stable=True)[:n]]

    def said(self, parts: dict[str, Tensor]) -> tuple[str, ...]:
        counts = {name: len(np.unique(self.groups[rows.numpy()])) for name, rows in parts.items() if len(rows)}
        of = ", ".join(f"{name} {count}" for name, count in counts.items())
        return (f"{len(np.unique(self.groups))} groups, each in one part only: {of}",)

    def _of(self, rows: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """The groups of rows, numbered from 0, and the size of each."""
        _, groups, sizes = np.unique(self.groups[rows.numpy()], return_inverse=True, return_counts=True)
        return groups, sizes

    def _strata(self, rows: Tensor) -> np.ndarray:
        strata = self.task.strata(self.y[rows])
        return np.zeros(len(rows), dtype=np.int64) if strata.is_floating_point() else strata.numpy()


def codes(groups: Any) -> np.ndarray:
    """Groups as numbers from 0. Raises UsageError where one is missing."""
    import pandas as pd  # 0.2 s

    found, _ = pd.factorize(pd.Series(groups))
    if (found < 0).any():
        raise UsageError(f"data.group: example {int(np.flatnonzero(found < 0)[0])} is of no group")
    return found


def dealt(groups: np.ndarray, strata: np.ndarray, shares: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The part ``[G]`` of every group, dealt in an ``order``, so that parts have their ``shares [P]`` of each class.

    A group goes where the sum over classes c of (n_pc - share_p·n_c)²/(share_p·n_c) becomes least, in which all
    examples together count as one more class. ``groups [N]`` and ``strata [N]`` are numbered from 0.
    """
    counts = np.zeros((len(order), strata.max() + 2))
    np.add.at(counts, (groups, strata), 1)
    counts[:, -1] = counts.sum(1)
    counts = counts[:, (total := counts.sum(0)) > 0]
    wanted = shares[:, None] * total[total > 0]
    filled, part = np.zeros_like(wanted), np.zeros(len(order), dtype=np.int64)
    for group in order:
        more = counts[group]
        part[group] = (more * (2 * (filled - wanted) + more) / wanted).sum(1).argmin()
        filled[part[group]] += more
    return part
