"""Pinball loss: by how much a quantile is missed, in the units of the target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from regab.fields import fixed
from regab.lazy import torch
from regab.metrics._numbers import errors
from regab.metrics.base import Mean

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Pinball(Mean):
    """mean(max(q·e, (q − 1)·e)) with e = y − output, least where the output is the ``quantile`` q of y.

    By default of the median, where it is half the mean absolute error; of another by
    ``metrics.extra.p90._target_=regab.metrics.pinball.Pinball metrics.extra.p90.quantile=0.9``.
    Range: [0, inf), in the units of the target. Paper: Koenker & Bassett 1978, Econometrica.
    """

    quantile: float = fixed(0.5, "(0, 1)")

    direction: ClassVar[str] = "down"
    label: ClassVar[str] = "pinball loss"
    range: ClassVar[str] = "[0, inf)"
    tasks: ClassVar[tuple[str, ...]] = ("regression",)

    def each(self, outputs: Tensor, targets: Tensor) -> Tensor:
        below = -errors(outputs, targets)
        return torch.maximum(self.quantile * below, (self.quantile - 1) * below)
