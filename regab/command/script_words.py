"""The words of a command line that trains by a script of the user's, as Hydra takes them."""

from __future__ import annotations

from collections.abc import Sequence

from regab.errors import UsageError
from regab.script import FIXED, TAKEN
from regab.workers.store import quoted

COMMAND = "script.command="


def is_script(words: Sequence[str]) -> bool:
    """Whether a command line names a script."""
    return any(word.startswith(("script=", COMMAND)) for word in words)


def script_words(words: Sequence[str]) -> list[str]:
    """``script='python train.py --lr {lr}' lr=0.1`` is ``-m script.command='…' ++lr=0.1``: what the script is given may
    have any name that regab's tables have not.

    Raises UsageError.
    """
    written = [_word(word) for word in words]
    return written if {"-m", "--multirun"} & set(written) else ["-m", *written]


def _word(word: str) -> str:
    key, equals, value = word.partition("=")
    if key == "script":
        return f"{COMMAND}{quoted(value)}"
    root = key.split(".")[0]
    if not equals or key.startswith(("-", "+", "~", "hydra.", "hydra/")):
        return word
    if root == "metrics":
        return f"++{word}"
    if key.startswith("watch"):
        return _watch(word)
    if root in FIXED:
        return word
    if key in TAKEN:
        raise UsageError(f"{key}: is a column of regab's tables; call what the script is given otherwise")
    return f"++{word}"


def _watch(word: str) -> str:
    names = word.removeprefix("watch=")
    if names == word:
        return f"++{word}" if word.startswith("watch.extra.") else word
    return f"watch.names={names if names.startswith('[') else f'[{names}]'}"
