"""Verdicts and differences as they are written."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from regab.records.columns import column, words
from regab.report.variant import Variant

ORDER = ["helps", "hurts", "no practical difference", "changed nothing", "no evidence", "too few seeds"]


def counted(what: str, verdicts: Sequence[str]) -> str:
    """``5 more variants (1 hurts, 4 no evidence)``."""
    kinds = Counter(verdicts)
    return f"{len(verdicts)} more {what} ({', '.join(f'{kinds[kind]} {kind}' for kind in ORDER if kinds[kind])})"


def kind_of(variant: Variant) -> str:
    """The verdict."""
    return str(variant.effect["verdict"])


def points(metric: str, value: float, sign: bool = True) -> str:
    """A difference: of shares in percentage points, of others with three digits."""
    if math.isnan(value):
        return "-"
    value, digits = (100 * value, ".2f") if column(metric).measure.percent else (value, ".3g")
    text = f"{value:{'+' if sign else ''}{digits}}"
    return text.replace("-", "−") if float(text) else text.lstrip("+-")


def unit(metric: str) -> str:
    """What differences of a metric are counted in."""
    measure = column(metric).measure
    return words(metric) if measure.unit == measure.label else measure.unit


def interval(metric: str, effect: dict[str, Any]) -> str:
    """``+0.21 to +1.40``, or nothing where there is none."""
    low, high = effect["ci_low"], effect["ci_high"]
    return "" if math.isnan(low) else f"{points(metric, low)} to {points(metric, high)}"
