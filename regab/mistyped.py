"""What OmegaConf says of a value of the wrong type, in plain words."""

from __future__ import annotations

import re
from typing import Any

WHOLE, NUMBER = "must be a whole number", "must be a number"
# Its sentences, with the value where they have it, and what is said in their place.
SENTENCES = (
    (re.compile(r"Value '(?P<value>.*)' of type '\w+' could not be converted to Integer"), WHOLE),
    (re.compile(r"Value '(?P<value>.*)' of type '\w+' could not be converted to Float"), NUMBER),
    (re.compile(r"Value '(?P<value>.*)' is not a valid bool"), "must be true or false"),
    (re.compile(r"field '.*' is not Optional"), "needs a value"),
    (re.compile(r"Invalid value assigned: \w+ is not a ListConfig"), "must be a list, like [a,b]"),
    (re.compile(r"Cannot convert '\w+' to string: '(?P<value>.*)'"), "must be one text"),
    (re.compile(r"Invalid type assigned: .* value: (?P<value>.*)"), "has keys of its own; set one of those"),
)


def mistyped(key: str, error: BaseException, value: Any = None) -> str:
    """``epochs=10.0: must be a whole number; write 10``: a complaint about a key, whose ``value`` is shown.

    Without one, that which OmegaConf names is. What it says of anything else is left as it is, its first line.
    """
    said = str(error).splitlines()[0]
    for sentence, words in SENTENCES:
        if found := sentence.match(said):
            named = found.groupdict().get("value")
            shown = named if value is None else str(value)
            part = "" if named in (None, shown) else f" {named}"  # of a list, one that is wrong
            cure = _cure(named) if words == WHOLE else ""
            return f"{_said(key, shown)}:{part} {words}{cure}"
    return f"{_said(key, value)}: {said}"


def _said(key: str, value: Any) -> str:
    return key if value is None else f"{key}={value}"


def _cure(value: str | None) -> str:
    """How 1e1, which Hydra takes for a fraction, is written as a whole number."""
    try:
        number = float(value or "")
    except ValueError:
        return ""
    return f"; write {int(number)}" if number.is_integer() else ""
