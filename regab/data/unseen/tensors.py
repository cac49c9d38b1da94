"""Further examples of several tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from regab.data.own.tensors import Several, is_several, several
from regab.data.unseen.examples import Examples
from regab.errors import UsageError


@dataclass
class Tensors:
    """Reads a dict or tuple of arrays, as a loader returns them. ``classes`` are names."""

    classes: list[str]

    def read(self, given: Any, encode: Any = None) -> Examples:
        """Raises UsageError for anything else."""
        if isinstance(given, Several):
            return Examples(given)
        if not is_several(given):
            raise UsageError("predict: an example is of several tensors; give, from Python, a dict or tuple of arrays")
        return Examples(several(given, "predict:"))
