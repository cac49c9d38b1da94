"""Shorthands of the command line, written out before Hydra reads it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from regab.command.contradictions import check_acts, check_consistent, key_of, keys_said
from regab.command.plain_words import plain
from regab.command.script_words import in_full, is_script, script_words
from regab.errors import UsageError
from regab.regularizers import first_field, methods
from regab.sweep.session import Line
from regab.targets import unknown
from regab.tasks import tasks
from regab.workers.store import Command, load_command, quoted

EXAMPLES = {"--resume": "outputs/run/<date_time>", "--design": "ablation"}
SHORT = re.compile(r"(?P<prefix>\+{0,2})reg\.(?P<method>\w+)=(?P<value>[^{].*|)$")
COMMON = re.compile(
    r"(model\.(freeze|freeze_norms|weights)|optimizer\.(groups|layer_decay|weight_decay))="
)  # of all of a group
QUOTED_KEY = re.compile(r"""(["'])([^"']+)\1(?=\s*:)""")  # which Hydra cannot read
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
    check_consistent(map(in_full, words), taken)
    command = load_command(Path(taken["--resume"])) if "--resume" in taken else None
    script = is_script([*words, *(command.words if command else ())])
    written = in_full if script else expand_override
    check_consistent(map(written, words), {})
    if command:
        words = _again(command, words, taken, written)
    folder = command.folder if command else None
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
    if script:
        if "--folds" in taken:
            raise UsageError("--folds: a script divides its data itself; give it a key of its own, as part=0,1,2")
        return Line(script_words(words), "--dry-run" in taken, folder, "script")
    words = [plain(expand_override(word)) for word in _with_own_groups(words)]
    check_acts(words)
    return Line(words, "--dry-run" in taken, folder)


def _seeds(taken: dict[str, str], words: list[str]) -> list[str]:
    auto, _, most = taken["--seeds"].partition(":")
    if auto == "auto":
        return [f"hydra.sweeper.most={_whole(most or str(MOST), '--seeds auto:', 3)}"]
    were = [key for key in ("most", "budget") if any(word.startswith(f"hydra.sweeper.{key}=") for word in words)]
    return [f"seed=range({_count(taken, '--seeds', 1)})", *(f"hydra.sweeper.{key}=null" for key in were)]


def _with_own_groups(words: list[str]) -> list[str]:
    """``model._target_=mine.Net model.hidden=8`` is ``model=own model._target_=mine.Net ++model.hidden=8``.

    So it gets no other model's keys, and its own may be named. ``data``, ``optimizer``, ``schedule`` likewise.
    """
    keys = {word.lstrip("+").partition("=")[0] for word in words}
    own = [group for group in ("model", "data", "optimizer", "schedule") if f"{group}._target_" in keys]
    words = [f"++{word}" if word.startswith(tuple(f"{group}." for group in own)) else word for word in words]
    return [*(f"{group}=own" for group in own if group not in keys), *words]


def _take(words: list[str], options: dict[str, int]) -> tuple[list[str], dict[str, str]]:
    """The words without these options, and the options with their values (``--seeds 3`` or ``--seeds=3``)."""
    left, taken, words = [], {}, list(words)
    while words:
        name, equals, value = words.pop(0).partition("=")
        if name not in options:
            left.append(f"{name}{equals}{value}")
            continue
        if name in taken:
            raise UsageError(f"{name}: is given twice")
        if options[name] and not equals and words and words[0].partition("=")[0] not in options:
            value = words.pop(0)
        if options[name] and not value.strip():
            raise UsageError(f"{name}: needs a value, as in {name} {EXAMPLES.get(name, '3')}")
        taken[name] = value
    return left, taken


def _count(taken: dict[str, str], option: str, least: int) -> int:
    return _whole(taken[option], f"{option} ", least)


def _whole(value: str, before: str, least: int) -> int:
    if not (value.isdigit() and int(value) >= least):
        raise UsageError(f"{before}{value}: must be a whole number from {least}")
    return int(value)


def _again(command: Command, words: list[str], taken: dict[str, str], written: Callable[[str], str]) -> list[str]:
    """The command that made a folder, with these words in place of its own; ``written`` writes a word out."""
    root = Path(taken["--resume"])
    is_sweep = bool({"-m", "--multirun"} & set(command.words))
    more = [option for option in taken if option != "--resume"]
    more += [word for word in words if word in ("-m", "--multirun")]
    if more and not is_sweep:
        raise UsageError(f"--resume {root}: is a single run, and {more[0]} is for sweeps; start one in a new folder")
    if command.folder:
        root = root.absolute()
    said = {key: word for word in words if (key := key_of(written(word)))}
    dropped = {key for option in taken.items() for key in keys_said(*option)}
    kept = [said.get(key_of(word), word) for word in command.words if key_of(word) not in dropped]
    new = [word for word in words if word not in kept]
    place = f"{'hydra.sweep.dir' if is_sweep else 'hydra.run.dir'}={quoted(str(root))}"
    return [*dict.fromkeys(kept), *new, place]


def _task_target(name: str) -> str:
    if name not in ("auto", *tasks()):
        raise UsageError(unknown("task", "task=", name, ["auto", *tasks()]))
    return "null" if name == "auto" else f"{tasks()[name].__module__}.{tasks()[name].__name__}"


def expand_override(word: str) -> str:
    """``reg.<method>=<value>`` means the method's first field, ``task=<name>`` that task's class; see ``in_full``.

    ``reg.extra.…``, ``metrics.extra.…``, ``task.…``, and options of all models or optimizers may be
    added without a plus.
    """
    if word.startswith(("reg.extra.", "metrics.extra.", "task.")):
        return f"++{word}"
    if COMMON.match(word):
        return "++" + QUOTED_KEY.sub(r"\2", word)
    if word.startswith("task="):
        return f"task._target_={','.join(map(_task_target, word.removeprefix('task=').split(',')))}"
    word = in_full(word)
    found = SHORT.fullmatch(word)
    if not found or found["method"] not in methods():
        return word
    name = found["method"]
    return f"{found['prefix']}reg.{name}.{first_field(methods()[name])}={found['value']}"
