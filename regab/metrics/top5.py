"""Top-5 accuracy: the share of examples whose class is among the five of the largest outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.errors import UsageError
from regab.lazy import torch
from regab.metrics.base import Mean, Metric

if TYPE_CHECKING:
    from torch import Tensor


class Top5(Mean):
    """mean(y among the 5 largest outputs), of equal outputs the first being taken for larger, as in accuracy. Range:
    [0, 1]; refused where there are no more than five classes."""

    direction = "up"
    label = "top-5 accuracy"
    form = ".2%"
    range = "[0, 1]"
    per_example = True
    tasks = ("classification",)

    def columns(self, name: str, views: list[tuple[Tensor, Tensor]]) -> dict[str, Metric]:
        if (classes := views[0][0].shape[-1]) <= 5:
            raise UsageError(f"metrics={name}: there are {classes} classes only, which are always among the first five")
        return {name: self}

    def each(self, outputs: Tensor, targets: Tensor) -> Tensor:
        own = outputs.gather(-1, targets.expand(len(outputs), -1)[..., None])
        before = torch.arange(outputs.shape[-1], device=outputs.device) < targets[:, None]
        return ((outputs > own) | ((outputs == own) & before)).sum(-1) < 5
