"""Words of a command line that Hydra's grammar cannot read, though what they mean is plain."""

from __future__ import annotations

import re
from typing import Any

from regab.config import CONF
from regab.errors import UsageError
from regab.targets import unknown
from regab.workers.store import quoted

# Keys whose values are a name, a path or a column: taken as they are typed, like data.path=a=b.csv.
TEXT = re.compile(
    r"\+{0,2}(name|data\.(root|path|test_path|label|text|group|order)|model\.weights|watch\.\w+\.(store|project))"
)
TEXTS = re.compile(r"\+{0,2}data\.(numeric|categorical|ignore|missing)")
FLAT = re.compile(r"\[([^\[\]{}'\"]*)\]")
GROUPED = re.compile(r"[\[\](){}'\"]")  # values with such marks are not divided at commas
QUOTED = re.compile(r"'.*'|\".*\"", re.DOTALL)
FOLDER = re.compile(r"hydra\.(run|sweep)\.dir")
READABLE = re.compile(r"[\w\-./:+*%@?|]*", re.ASCII)
NOTHING = re.compile(r"\{\s*\}|\[\s*\]|null", re.IGNORECASE)
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


def plain(word: str) -> str:
    """The word as Hydra can read it. Raises UsageError, with the form to type, where it cannot be guessed.

    Names, paths and columns are taken as they are typed, where Hydra would make a number of them (``1_0`` is 10) too.
    What is quoted already, refers to another key (``${...}``) or is null is left as it is.
    """
    if word.startswith("~") and not (CONF / word[1:].partition("=")[0]).is_dir():
        raise UsageError(f"{word}: keys cannot be taken away; give {word[1:].partition('=')[0]} another value")
    key, equals, value = word.partition("=")
    _check_group(key, value)
    if equals and FOLDER.fullmatch(key) and value.strip("'\" ") in ("", "null"):
        raise UsageError(f"{word}: needs the name of a folder; this one is written .")
    if equals and TEXT.fullmatch(key) and not ("," in value and GROUPED.search(value)):
        return f"{key}={','.join(map(_as_text, value.split(',')))}"
    if equals and TEXTS.fullmatch(key) and "${" not in value and (flat := FLAT.fullmatch(value)) and flat[1].strip():
        return f"{key}=[{','.join(_as_text(part.strip(), null=quoted('null')) for part in flat[1].split(','))}]"
    return readable(word)


def readable(word: str) -> str:
    """The same word. Raises UsageError, with the form to type, where Hydra cannot read it."""
    key, equals, value = word.partition("=")
    if not equals or READABLE.fullmatch(value) or _parses(word):
        return word
    if _parses(f"{key}={quoted(value)}"):
        raise UsageError(f'{word}: cannot be read; as one text it is written "{key}={quoted(value)}"')
    return word


def as_typed(value: str) -> str:
    """A value that is one text, whatever stands in it: quoted, but for what is quoted already, or null."""
    return value if value.lower() == "null" or QUOTED.fullmatch(value) else quoted(value)


def _as_text(value: str, null: str = "null") -> str:
    """One value, quoted where Hydra would not read it as the text that was typed."""
    if value.lower() == "null":
        return null
    if not value or "${" in value:
        return value
    read = _parses(f"x={value}")
    if read is not None and (QUOTED.fullmatch(value) or read.is_sweep_override()):
        return value
    same = read is not None and not isinstance(read.value(), list | dict) and str(read.value()) == value
    return value if same else quoted(value)


def _check_group(key: str, value: str) -> None:
    group = key.lstrip("+")
    odd = NOTHING.fullmatch(value) or any(map(NUMBER.fullmatch, value.split(",")))
    if group and odd and (CONF / group).is_dir():
        options = sorted(file.stem for file in (CONF / group).glob("*.yaml"))
        raise UsageError(unknown("option", f"{group}=", value, options))


def _parses(word: str) -> Any:
    """The override that Hydra reads in a word; None where it cannot."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        return OverridesParser.create().parse_override(word)
    except HydraException:
        return None
