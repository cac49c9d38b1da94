"""Inputs that are no tensor in memory, but read when they are asked for."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Self

import torch
from torch import Tensor

Rows = Tensor | slice


class Examples(ABC):
    """Inputs ``[N, …]`` in the place of a tensor. ``draws``: they are other ones at every reading, by what is drawn.

    ``rows [N]``: where each of them lies in what is read. What ``gather`` yields is on the ``device``.
    """

    shape: torch.Size
    dtype: torch.dtype
    rows: Tensor
    device = torch.device("cpu")
    draws = False

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Rows) -> Tensor:
        """Some of them, as they are evaluated."""
        return next(self.gather([rows]))

    def is_floating_point(self) -> bool:
        return self.dtype.is_floating_point

    @property
    def nbytes(self) -> int:
        """How much memory they take beside what is being read."""
        return 0

    def take(self, rows: Tensor) -> Self:
        """Those of some rows, still to be read."""
        part = copy.copy(self)
        part.rows = self.rows[rows]
        part.shape = torch.Size([len(part.rows), *self.shape[1:]])
        return part

    def to(self, device: torch.device) -> Self:
        """The same, to be read onto a device."""
        part = copy.copy(self)
        part.device = device
        return part

    @abstractmethod
    def read(self, batches: list[Any], noise: Any = None) -> Iterator[Tensor]:
        """The inputs of one batch after the other, those to come being read ahead.

        A batch is a slice or rows ``[…]`` on the CPU; in training, with ``noise``, rows ``[S, B]``, one line for each
        distinct seed. Without noise, inputs are always the same, even where they are drawn.
        """

    def gather(self, batches: list[Any], noise: Any = None) -> Iterator[Tensor]:
        """As ``read``, but rows are ``[V, B]`` in training, on any device; runs of equal seeds have equal rows."""
        if noise is None:
            return self.read([rows if isinstance(rows, slice) else rows.cpu() for rows in batches])
        runs = noise.run_to_seed.tolist()
        firsts = torch.tensor([runs.index(seed) for seed in range(len(noise.seeds))])
        read = self.read([rows.cpu()[firsts] for rows in batches], noise)
        return (x.index_select(0, noise.run_to_seed) for x in read)


def take(tensor: Tensor, rows: Rows) -> Tensor:
    """``tensor[rows]``; of rows, index_select takes a quarter of the time that indexing takes.

    Of rows ``[V, B]`` that all runs share, with stride 0, what is taken is shared as well.
    """
    if isinstance(rows, slice):
        return tensor[rows]
    if rows.ndim > 1 and rows.stride(0) == 0:
        return tensor.index_select(0, rows[0]).expand(len(rows), -1, *tensor.shape[1:])
    return tensor.index_select(0, rows.flatten()).view(*rows.shape, *tensor.shape[1:])


def gather(examples: Any, batches: list[Any], noise: Any = None) -> Iterator[Tensor]:
    """The inputs of one batch after the other; see ``Examples.gather``."""
    if isinstance(examples, Tensor):
        return (take(examples, rows) for rows in batches)
    return examples.gather(batches, noise)


def nbytes(examples: Any) -> int:
    """How much memory inputs take."""
    return getattr(examples, "nbytes", 0)
