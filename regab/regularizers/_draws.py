"""What the methods that mix or cut out draw."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from regab.lazy import torch
from regab.regularizers.base import Number, per

if TYPE_CHECKING:
    from torch import Tensor


def symmetric_beta(alpha: Number, u: Tensor) -> Tensor:
    """Beta(alpha, alpha) from uniform numbers ``u [V, …, 2]`` and ``alpha [V]``: ``[V, …]``, always at least ½.

    ½ + ½·|t|/√(2·alpha + t²) of Student's t with 2·alpha degrees of freedom, drawn by the polar method (Bailey 1994,
    Math. Comp. 62:779-781): one formula for every alpha, so that runs of equal seed have comparable draws. Folded at ½;
    at alpha 0 exactly 1.
    """
    radius = u[..., 0] ** per(-1 / alpha, u[..., 0]) - 1
    squared = radius * (2 * math.pi * u[..., 1]).cos().square()  # t²/(2·alpha)
    return 0.5 + 0.5 / (1 + 1 / squared).sqrt()


def window(start: Tensor, end: Tensor, size: int) -> Tensor:
    """Which of ``size`` positions lie in ``[start, end)``: ``[V, B]`` each to ``[V, B, size]``."""
    places = torch.arange(size, device=start.device)
    return (places >= start[..., None]) & (places < end[..., None])


def box(rows: Tensor, columns: Tensor) -> Tensor:
    """``[V, B, H]`` and ``[V, B, W]`` to the pixels in both, ``[V, B, 1, H, W]``."""
    return (rows[..., :, None] & columns[..., None, :])[:, :, None]
