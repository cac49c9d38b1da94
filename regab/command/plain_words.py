"""Words of a command line that Hydra's grammar cannot read, though what they mean is plain."""

from __future__ import annotations

import re

from regab.config import CONF
from regab.errors import UsageError
from regab.targets import unknown
from regab.workers.store import quoted

# Keys whose values are a name, a path or a column: taken as they are typed, like data.path=a=b.csv.
TEXT = re.compile(r"\+{0,2}(name|data\.(root|path|test_path|label|text|group|order)|model\.weights)")
READABLE = re.compile(r"[\w\-./:+*%@?|]*", re.ASCII)
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


def plain(word: str) -> str:
    """The word as Hydra can read it. Raises UsageError, with the form to type, where it cannot be guessed.

    Only one value is plain: with a comma it may be a sweep. What is quoted already, or a list, is left as it is.
    """
    if word.startswith("~") and not (CONF / word[1:].partition("=")[0]).is_dir():
        raise UsageError(f"{word}: keys cannot be taken away; give {word[1:].partition('=')[0]} another value")
    key, equals, value = word.partition("=")
    _check_group(key, value)
    if not equals or READABLE.fullmatch(value) or _parses(word):
        return word
    if not TEXT.fullmatch(key) or "," in value:
        if _parses(f"{key}={quoted(value)}"):
            raise UsageError(f'{word}: cannot be read; as one text it is written "{key}={quoted(value)}"')
        return word
    return f"{key}={quoted(value)}"


def _check_group(key: str, value: str) -> None:
    group = key.lstrip("+")
    if NUMBER.fullmatch(value) and (CONF / group).is_dir():
        options = sorted(file.stem for file in (CONF / group).glob("*.yaml"))
        raise UsageError(unknown("option", f"{group}=", value, options))


def _parses(word: str) -> bool:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        return bool(OverridesParser.create().parse_override(word))
    except HydraException:
        return False
