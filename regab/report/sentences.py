"""Verdicts and differences as they are written."""

from __future__ import annotations

import math
from typing import Any

from regab.records.columns import words
from regab.report.study import Variant

ORDER = ["helps", "hurts", "no practical difference", "changed nothing", "no evidence", "too few seeds"]


def kind_of(variant: Variant) -> str:
    """The verdict."""
    return str(variant.effect["verdict"])


def points(metric: str, value: float, sign: bool = True) -> str:
    """A difference: of accuracies in percentage points, of others with three digits."""
    if math.isnan(value):
        return "-"
    value, digits = (100 * value, ".2f") if metric.endswith("accuracy") else (value, ".3g")
    text = f"{value:{'+' if sign else ''}{digits}}"
    return text.replace("-", "−") if float(text) else text.lstrip("+-")


def unit(metric: str) -> str:
    """What differences of a metric are counted in."""
    return "points" if metric.endswith("accuracy") else words(metric)


def interval(metric: str, effect: dict[str, Any]) -> str:
    """``+0.21 to +1.40``, or nothing where there is none."""
    low, high = effect["ci_low"], effect["ci_high"]
    return "" if math.isnan(low) else f"{points(metric, low)} to {points(metric, high)}"
