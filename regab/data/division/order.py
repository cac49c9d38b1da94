"""Dividing in an order: training before validation before test data."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from regab.errors import UsageError


class Ordered:
    """``order`` are N numbers or times; of equal ones, all rows are on one side of a cut."""

    def __init__(self, order: Any, n: int) -> None:
        self.order = np.asarray(order)
        if self.order.shape != (n,) or self.order.dtype.kind not in "iufM":
            raise UsageError(f"data.order: must be a number or time for each of the {n} training examples")
        if (absent := self.order != self.order).any():  # NaN, NaT
            raise UsageError(f"data.order: example {absent.argmax()} has none")

    def part(self, rows: Tensor, count: int, in_order: bool) -> tuple[Tensor, Tensor]:
        """The last rows. Raises ValueError, in words, where all are equal."""
        sorted_rows = self._sorted(rows)
        if not count:
            return rows[:0], sorted_rows
        values = self.order[sorted_rows.numpy()]
        cuts = np.flatnonzero(values[1:] != values[:-1]) + 1
        if not len(cuts):
            raise ValueError(f"all {len(rows)} rows have the same place in data.order, {shown(values[0])}")
        cut = cuts[np.abs(cuts - (len(rows) - count)).argmin()]
        return sorted_rows[cut:], sorted_rows[:cut]

    def fold(self, rows: Tensor, folds: int, fold: int) -> tuple[Tensor, Tensor]:
        words = "cannot be kept in cross-validation, which trains on what comes later; leave out data.folds"
        raise UsageError(f"data.order: {words}")

    def first(self, rows: Tensor, n: int) -> Tensor:
        """The last ones, which are nearest to what is to be predicted."""
        return self._sorted(rows)[len(rows) - n :]

    def said(self, parts: dict[str, Tensor]) -> tuple[str, ...]:
        ends = {name: self.order[rows.numpy()] for name, rows in parts.items() if len(rows)}
        spans = [f"{name} {shown(values.min())} to {shown(values.max())}" for name, values in ends.items()]
        return (f"divided in order: {', '.join(spans)}",)

    def _sorted(self, rows: Tensor) -> Tensor:
        return rows[torch.from_numpy(np.argsort(self.order[rows.numpy()], kind="stable"))]


def shown(value: Any) -> str:
    """A number, or a time without what is zero at its end."""
    return str(value)[:16].removesuffix("T00:00") if isinstance(value, np.datetime64) else f"{value:g}"
