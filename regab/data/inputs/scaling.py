"""Standardizing inputs by what training examples are like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

Encode = Callable[[Any], Tensor]  # a dataclass, if it is to be kept with a run (see regab.data.unseen.kept)
Fit = Callable[[Any], tuple[Encode, dict[str, Any]]]

# Below this share of the mean, a deviation may be of rounding alone, and is looked at more closely.
SUSPICIOUS = 1e-3
STEPS = 4  # between neighbouring floating-point numbers, within which what does not vary may seem to


@dataclass
class Standard:
    """Numbers less a ``mean`` and over a ``deviation``, which broadcast to examples ``[N, …]``, as float32."""

    mean: Tensor
    deviation: Tensor

    def __call__(self, examples: Tensor) -> Tensor:
        return ((examples - self.mean) / self.deviation).float()

    def back(self, encoded: Tensor) -> Tensor:
        """In the units of the examples again."""
        return (encoded * self.deviation + self.mean).float()

    def in_place(self, examples: Tensor) -> None:
        """As the call, of float32 that are overwritten."""
        examples.sub_(self.mean).div_(self.deviation)


def standardize(x: Tensor) -> tuple[Encode, dict[str, Any]]:
    """Subtract the mean and divide by the deviation of training examples ``x``, per channel of an image or per feature.

    What does not vary, but for rounding, is only centred (see ``divisor``).
    """
    axes = [0, *range(2, x.ndim)]
    deviation, mean = torch.std_mean(x, axes, correction=0, keepdim=True)
    if ((deviation > 0) & (deviation <= SUSPICIOUS * mean.abs())).any():
        low, high = x.amin(axes, keepdim=True), x.amax(axes, keepdim=True)
        found = divisor(*(each.cpu().numpy() for each in (deviation, low, high)))
        deviation = torch.from_numpy(found).to(x.device)
    deviation = torch.where(deviation > 0, deviation, 1.0)
    return Standard(mean, deviation), {}


def divisor(deviation: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """By what numbers between these bounds are divided: their deviation, or 1 if they are all the same but for
    rounding, that is for a few of the steps, eps·|x|.

    The deviation does not tell: that of a column of 0.1 is 1e-17. Where rounding is more than 1, it is what they are
    divided by: 1e30 less the mean of a column of 1e30 is 1e14.
    """
    rounding = STEPS * np.finfo(high.dtype).eps * np.maximum(np.abs(low), np.abs(high))
    return np.where(high - low <= rounding, np.maximum(rounding, 1), deviation).astype(deviation.dtype)
