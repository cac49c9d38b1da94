"""Accuracy: the share of examples whose largest output is that of their class."""

from typing import Any

from regab.metrics.base import Mean


class Accuracy(Mean):
    """mean(argmaxₖ outputₖ = y). Range: [0, 1]; shown in percent, differences in percentage points."""

    direction = "up"
    form = ".2%"
    range = "[0, 1]"
    per_example = True
    tasks = ("classification",)

    def each(self, outputs: Any, targets: Any) -> Any:
        return outputs.contiguous().argmax(-1) == targets  # 16×512×10: 170 us, but 990 us on transposed ones
