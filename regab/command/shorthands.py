"""Shorthands of the command line, written out before Hydra reads it."""

from __future__ import annotations

import re
from pathlib import Path

from regab.errors import UsageError
from regab.regularizers import first_field, methods
from regab.sweep.session import Line
from regab.workers.store import load_command, quoted

SHORT = re.compile(r"(?P<prefix>\+{0,2})reg\.(?P<method>\w+)=(?P<value>[^{].*|)$")
OPTIONS = {"--seeds": 1, "--folds": 1, "--design": 1, "--n": 1, "--resume": 1, "--dry-run": 0}
PROTOCOL = ("budget", "practical", "looks")
OPTIONS |= {f"--{name}": 1 for name in PROTOCOL}
MOST = 30  # seeds of --seeds auto, unless it is said


def expand(words: list[str]) -> Line:
    """``--seeds N`` is ``-m seed=range(N)``; ``--folds N`` is ``-m data.folds=N data.fold=range(N)``; ``--design NAME``
    is ``-m hydra.sweeper.design=NAME``, with ``--n N`` for ``hydra.sweeper.n=N``; ``--resume DIR`` is the command that
    made DIR, followed by what else is said, in the same folder; ``--dry-run`` is for sweeps only.

    ``--seeds auto:N`` is ``hydra.sweeper.most=N``; ``--budget 10m``, ``--practical X`` and ``--looks 1`` are keys of
    ``hydra.sweeper`` too. See also ``expand_override``.
    """
    words, taken = _take(words, OPTIONS)
    if root := taken.get("--resume"):
        words = [*_again(Path(root)), *words]
    if "--seeds" in taken:
        words += _seeds(taken, words)
    words += [f"hydra.sweeper.{name}={taken[f'--{name}']}" for name in PROTOCOL if f"--{name}" in taken]
    if "--folds" in taken:
        words += [f"data.folds={_count(taken, '--folds', 2)}", f"data.fold=range({taken['--folds']})"]
    if design := taken.get("--design"):
        words.append(f"hydra.sweeper.design={design}")
    if count := taken.get("--n"):
        words.append(f"hydra.sweeper.n={count}")
    if (OPTIONS.keys() - {"--resume"}) & taken.keys() and not {"-m", "--multirun"} & set(words):
        words.insert(0, "-m")
    return Line([expand_override(word) for word in _with_own_groups(words)], "--dry-run" in taken)


def _seeds(taken: dict[str, str], words: list[str]) -> list[str]:
    auto, _, most = taken["--seeds"].partition(":")
    if auto == "auto":
        return [f"hydra.sweeper.most={_whole(most or str(MOST), '--seeds auto:', 3)}"]
    fixed = ["hydra.sweeper.most=null"] if any(word.startswith("hydra.sweeper.most=") for word in words) else []
    return [f"seed=range({_count(taken, '--seeds', 1)})", *fixed]


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
    return _whole(taken[option], f"{option} ", least)


def _whole(value: str, before: str, least: int) -> int:
    if not (value.isdigit() and int(value) >= least):
        raise UsageError(f"{before}{value}: must be a whole number from {least}")
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
