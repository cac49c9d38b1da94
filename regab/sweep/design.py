"""Which runs a sweep consists of: from factors to assignments."""

from __future__ import annotations

import itertools
from collections.abc import Callable

Factors = dict[str, list[str]]  # a config key and the values it is to take, as they are written on a command line
Assignment = dict[str, str]


def grid(factors: Factors) -> list[Assignment]:
    """Every combination; the last factor varies fastest."""
    return [dict(zip(factors, values, strict=True)) for values in itertools.product(*factors.values())]


DESIGNS: dict[str, Callable[[Factors], list[Assignment]]] = {"grid": grid}
