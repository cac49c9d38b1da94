"""The range of images of more than 8 bits."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

FULL, SPREAD = 2**15, 2**14  # from which on 16-bit images use so much of their range that bytes keep what they show


class Depth(NamedTuple):
    """The range of images of more than 8 bits. With ``as_bytes``, pixels become bytes, else floats from 0 to 1.

    Of a single image, ``as_bytes`` says whether its pixels are whole numbers.
    """

    low: float
    high: float
    as_bytes: bool = False

    @staticmethod
    def of(ranges: list[Depth]) -> Depth:
        """That of a folder: the fewest bits that hold all its values if they are whole, 0 to 1, or from end to end.

        So 12-bit images in 16-bit files are scaled by 4095, wherever their values lie.
        """
        low, high = min(r.low for r in ranges), max(r.high for r in ranges)
        if low >= 0 and high <= 1 and not all(r.as_bytes for r in ranges):
            return Depth(0, 1)
        if low >= 0 and high < 2**16:
            spread = high >= FULL and high - low >= SPREAD
            return Depth(0, 2 ** max(math.ceil(math.log2(high + 1)), 1) - 1, spread and all(r.as_bytes for r in ranges))
        return Depth(low, high if high > low else low + 1)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        if self.as_bytes:
            return (pixels / 257).round().astype(np.uint8)
        return ((pixels - self.low) / (self.high - self.low)).clip(0, 1).astype(np.float32)
