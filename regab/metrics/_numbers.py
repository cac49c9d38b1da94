"""What metrics of numbers have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def errors(outputs: Tensor, targets: Tensor) -> Tensor:
    """output − y of every number that is predicted: ``[V, N, T]`` and ``[N]`` or ``[N, T]`` to ``[V, N, T]``."""
    return outputs - targets.view(len(targets), -1)


def absolute_errors(outputs: Tensor, targets: Tensor) -> Tensor:
    """|output − y| likewise."""
    return errors(outputs, targets).abs()
