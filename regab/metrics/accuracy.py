"""Accuracy: the share of examples whose largest output is that of their class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.metrics.base import Mean

if TYPE_CHECKING:
    from torch import Tensor


class Accuracy(Mean):
    """mean(argmaxₖ outputₖ = y). Range: [0, 1]; shown in percent, differences in percentage points."""

    direction = "up"
    form = ".2%"
    range = "[0, 1]"
    per_example = True
    tasks = ("classification",)

    def each(self, outputs: Tensor, targets: Tensor) -> Tensor:
        # The same as by argmax, in 0.6 of its time on a CPU, and in a quarter of 2.9 ms for 32×512×10 transposed ones.
        return outputs.max(-1).indices == targets
