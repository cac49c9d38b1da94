"""The words of a command line that trains by a script of the user's, as Hydra takes them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from regab.command.contradictions import key_of
from regab.command.plain_words import as_typed, plain, readable
from regab.errors import UsageError
from regab.script import FIXED, TAKEN
from regab.workers.store import quoted

COMMAND = "script.command="
PATTERN = "script.pattern"


def is_script(words: Sequence[str]) -> bool:
    """Whether a command line names a script."""
    return any(word.startswith(("script=", COMMAND)) for word in words)


def script_words(words: Sequence[str]) -> list[str]:
    """``script='python train.py --lr {lr}' lr=0.1`` is ``-m script.command='…' ++lr=0.1``: what the script is given may
    have any name that regab's tables have not.

    Raises UsageError.
    """
    keys = [key for word in words if (key := key_of(word)) and key.split(".")[0] not in (*FIXED, "tracker")]
    for key in keys:
        if inner := next((other for other in keys if other.startswith(f"{key}.")), None):
            raise UsageError(f"{key}: has a value, and {inner} another within it; call one of them otherwise")
    own = ("tracker=",) if "{tracker}" in " ".join(words) else ()  # a value of the script's
    written = [f"++{word}" if word.startswith(own) else _word(word) for word in words]
    return written if {"-m", "--multirun"} & set(written) else ["-m", *written]


def _word(word: str) -> str:
    key, equals, value = word.partition("=")
    if key == "script":
        return f"{COMMAND}{quoted(value)}"
    if key == PATTERN:
        return f"{PATTERN}={as_typed(value)}"
    root = key.split(".")[0]
    if not equals or key.startswith(("-", "+", "~", "hydra.", "hydra/")):
        return word
    readable(word)
    if root == "metrics":
        return f"++{word}"
    if root in ("watch", "tracker"):
        full = plain(in_full(word))
        return full if full.startswith(("+", *LISTS.values())) else f"++{full}"
    if root in FIXED:
        return word
    if key in TAKEN:
        raise UsageError(f"{key}: is a column of regab's tables; call what the script is given otherwise")
    return f"++{word}"


LISTS = {"metrics": "metrics.names", "watch": "watch.names", "tracker": "watch.trackers"}
LISTED = re.compile(rf"({'|'.join(LISTS)})=(\[.*\]|[^{{\[]+)")


def in_full(word: str) -> str:
    """``metrics=a,b`` is ``metrics.names=[a,b]``, ``watch=a`` is ``watch.names=[a]``, ``tracker=a`` is
    ``watch.trackers=[a]``, ``tracker.a.store=b`` is ``watch.a.store=b``.

    ``watch.extra.…`` may be added without a plus.
    """
    if word.startswith("watch.extra."):
        return f"++{word}"
    if named := LISTED.fullmatch(word):
        names = named[2] if named[2] == "null" or named[2][0] == "[" else f"[{named[2]}]"
        return f"{LISTS[named[1]]}={names}"
    return f"watch.{word.removeprefix('tracker.')}" if word.startswith("tracker.") else word
