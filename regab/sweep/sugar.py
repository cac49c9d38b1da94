"""Shorthands of the command line, written out before Hydra reads it."""

from __future__ import annotations

import re

from regab.errors import UsageError
from regab.regularizers import first_field, methods

OPTIONS = {"--seeds": "seed=range({})", "--design": "hydra.sweeper.design={}"}
SHORT = re.compile(r"(?P<prefix>\+{0,2})reg\.(?P<method>\w+)=(?P<value>[^{].*|)$")


def expand(words: list[str]) -> list[str]:
    """``--seeds N`` is ``-m seed=range(N)``, ``--design NAME`` is ``-m hydra.sweeper.design=NAME``; see also
    ``expand_override``."""
    expanded, words = [], list(words)
    while words:
        option, _, value = words.pop(0).partition("=")
        if option in OPTIONS:
            value = value or (words.pop(0) if words else "")
            expanded += ["-m", OPTIONS[option].format(_checked(option, value))]
        else:
            expanded.append(expand_override(f"{option}={value}" if value or _ else option))
    return list(dict.fromkeys(expanded)) if expanded.count("-m") > 1 else expanded


def expand_override(word: str) -> str:
    """``reg.<method>=<value>`` means the method's first field; ``reg.extra.…`` may be added without a plus."""
    if word.startswith("reg.extra."):
        return f"++{word}"
    found = SHORT.fullmatch(word)
    if not found or found["method"] not in methods():
        return word
    name = found["method"]
    return f"{found['prefix']}reg.{name}.{first_field(methods()[name])}={found['value']}"


def _checked(option: str, value: str) -> str:
    if option == "--seeds" and not (value.isdigit() and int(value) > 0):
        raise UsageError(f"--seeds {value}: must be a whole number from 1")
    return value
