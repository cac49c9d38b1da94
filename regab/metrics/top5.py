"""Top-5 accuracy: the share of examples whose class is among the five of the largest outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.lazy import torch
from regab.metrics.base import Mean

if TYPE_CHECKING:
    from torch import Tensor


class Top5(Mean):
    """mean(y among the 5 largest outputs), of equal outputs the first being taken for larger, as in accuracy. Range:
    [0, 1]; 1 where there are no more than five classes."""

    direction = "up"
    label = "top-5 accuracy"
    form = ".2%"
    range = "[0, 1]"
    per_example = True
    tasks = ("classification",)

    def each(self, outputs: Tensor, targets: Tensor) -> Tensor:
        own = outputs.gather(-1, targets.expand(len(outputs), -1)[..., None])
        before = torch.arange(outputs.shape[-1], device=outputs.device) < targets[:, None]
        return ((outputs > own) | ((outputs == own) & before)).sum(-1) < 5
