"""What comparisons and reports are asked for from Python, where no parser has looked at it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

from regab.errors import UsageError
from regab.targets import unknown

COMPARED = ("baseline", "metric", "practical", "at")
COLUMNS = ("factors", "seed", "direction")  # what the columns of a table are
REPORTED = (*COMPARED, "stopping", "direction", "looks", "pdf")
CHOICES = {"at": ("selected", "last"), "direction": (None, "up", "down")}
TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "metric": ((str,), "the name of a metric"),
    "baseline": ((str, dict), "the name of a variant, or a dict of its levels"),
    "practical": ((Real,), "a number from 0"),
    "seed": ((str,), "the name of a column"),
}


def check(options: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raises UsageError for an option of another type than it has, that is none of its choices, or not ``known``."""
    for name, value in options.items():
        if name in CHOICES and value not in CHOICES[name]:
            raise UsageError(f"{name}={value!r}: must be {' or '.join(filter(None, CHOICES[name]))}")
        types, words = TYPES.get(name, ((object,), ""))
        if value is not None and not isinstance(value, types):
            raise UsageError(f"{name}={value!r}: must be {words}")
    if isinstance(factors := options.get("factors"), str):
        raise UsageError(f"factors={factors!r}: must be a list of names of columns, as [{factors!r}]")
    for name in options:
        if name not in known:
            raise UsageError(unknown("option", "", name, known))
