"""Shorthands of the command line, written out before Hydra reads it."""

from __future__ import annotations

import re
from pathlib import Path

from regab.errors import UsageError
from regab.regularizers import first_field, methods
from regab.sweep.session import Line
from regab.workers.store import load_command, quoted

SHORT = re.compile(r"(?P<prefix>\+{0,2})reg\.(?P<method>\w+)=(?P<value>[^{].*|)$")


def expand(words: list[str]) -> Line:
    """``--seeds N`` is ``-m seed=range(N)``; ``--folds N`` is ``-m data.folds=N data.fold=range(N)``; ``--design NAME``
    is ``-m hydra.sweeper.design=NAME``, with ``--n N`` for ``hydra.sweeper.n=N``; ``--resume DIR`` is the command that
    made DIR, followed by what else is said, in the same folder; ``--dry-run`` is for sweeps only.

    See also ``expand_override``.
    """
    words, taken = _take(words, {"--seeds": 1, "--folds": 1, "--design": 1, "--n": 1, "--resume": 1, "--dry-run": 0})
    if root := taken.get("--resume"):
        words = [*_again(Path(root)), *words]
    if "--seeds" in taken:
        words.append(f"seed=range({_count(taken, '--seeds', 1)})")
    if "--folds" in taken:
        words += [f"data.folds={_count(taken, '--folds', 2)}", f"data.fold=range({taken['--folds']})"]
    if design := taken.get("--design"):
        words.append(f"hydra.sweeper.design={design}")
    if count := taken.get("--n"):
        words.append(f"hydra.sweeper.n={count}")
    if {"--seeds", "--folds", "--design", "--n", "--dry-run"} & taken.keys() and not {"-m", "--multirun"} & set(words):
        words.insert(0, "-m")
    return Line([expand_override(word) for word in _with_own_groups(words)], "--dry-run" in taken)


def _with_own_groups(words: list[str]) -> list[str]:
    """``model._target_=mine.Net model.hidden=8`` is ``model=own model._target_=mine.Net ++model.hidden=8``.

    So it gets no other model's keys, and its own may be named. ``data`` likewise.
    """
    keys = {word.lstrip("+").partition("=")[0] for word in words}
    own = [group for group in ("model", "data") if f"{group}._target_" in keys]
    words = [f"++{word}" if word.startswith(tuple(f"{group}." for group in own)) else word for word in words]
    return [*(f"{group}=own" for group in own if group not in keys), *words]


def _take(words: list[str], options: dict[str, int]) -> tuple[list[str], dict[str, str]]:
    """The words without these options, and the options with their values (``--seeds 3`` or ``--seeds=3``)."""
    left, taken, words = [], {}, list(words)
    while words:
        name, _, value = words.pop(0).partition("=")
        if name not in options:
            left.append(f"{name}={value}" if _ else name)
        elif options[name] and not value:
            taken[name] = words.pop(0) if words else ""
        else:
            taken[name] = value or name
    return left, taken


def _count(taken: dict[str, str], option: str, least: int) -> int:
    value = taken[option]
    if not (value.isdigit() and int(value) >= least):
        raise UsageError(f"{option} {value}: must be a whole number from {least}")
    return int(value)


def _again(root: Path) -> list[str]:
    words = [word for word in load_command(root) if not word.startswith(("hydra.sweep.dir=", "hydra.run.dir="))]
    key = "hydra.sweep.dir" if {"-m", "--multirun"} & set(words) else "hydra.run.dir"
    return [*words, f"{key}={quoted(str(root))}"]


def expand_override(word: str) -> str:
    """``reg.<method>=<value>`` means the method's first field, ``watch=a`` is ``watch.names=[a]``.

    ``reg.extra.…`` and ``watch.extra.…`` may be added without a plus.
    """
    if word.startswith(("reg.extra.", "watch.extra.")):
        return f"++{word}"
    if word.startswith("watch="):
        names = word.removeprefix("watch=")
        return f"watch.names={names if names.startswith('[') else f'[{names}]'}"
    found = SHORT.fullmatch(word)
    if not found or found["method"] not in methods():
        return word
    name = found["method"]
    return f"{found['prefix']}reg.{name}.{first_field(methods()[name])}={found['value']}"
