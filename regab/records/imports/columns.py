"""Which columns of runs made elsewhere say what varied, the seed, and how good a run is."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from regab.errors import UsageError
from regab.records.imports.source import EPOCH, Found, Run
from regab.records.imports.spreadsheet import UNNAMED, a_run_per_column
from regab.targets import unknown

SEEDS = ("seed", "random_seed", "random_state", "manual_seed", "rng_seed", "global_seed")
FOLDS = ("fold", "cv_fold", "data.fold")
STATES = ("status", "state")
LABELS = ("name", "run", "run_id", "id", "reason", "notes", "created", "runtime", "duration", "seconds", "time",
          "timestamp", "date", "path", "folder", "output_dir", "parameters", *EPOCH)  # fmt: skip
FINISHED = ("finished", "complete", "completed", "done", "success", "succeeded", "ok", "nan", "", "none")
GOING_ON = ("running", "scheduled", "waiting", "pending", "unfinished", "created")


@dataclass(frozen=True)
class Asked:
    """What a user says about the columns; what is empty is found out."""

    factors: tuple[str, ...] = ()
    seed: str | None = None
    metric: str | None = None


@dataclass(frozen=True)
class Roles:
    """The columns by what they are for."""

    factors: list[str]
    seed: str | None
    fold: str | None
    metrics: list[str]


def roles(found: Found, asked: Asked, known: Iterable[str]) -> Roles:
    """What each column is for. ``known``: the metrics that regab has. Raises UsageError for what cannot be told."""
    names = _names(found)
    seed = _named(asked.seed, "--seed", names) if asked.seed else _last_part(names, SEEDS)
    fold = _last_part(names, FOLDS)
    factors = [_named(name, "--factors", names) for name in asked.factors]
    if asked.metric and canonical(asked.metric) not in map(canonical, names):
        raise UsageError(unknown("column", "--metric ", asked.metric, names))
    names = [n for n in names if n not in (seed, fold, *factors) and n.lower() not in (*STATES, *LABELS)]
    measured = [n for n in names if any(n in run.values for run in found.runs)]
    rest = [n for n in names if n not in measured]
    varying = [name for name in rest if _varies(found.runs, name)]
    if found.loose:
        known_here = {n for n in rest if canonical(n) in set(known) or n == asked.metric}
        noise = {n for n in varying if n not in known_here and _like_a_measurement(found.runs, n, seed, fold)}
        measured += [n for n in rest if n in known_here | noise]
        varying = [n for n in varying if n not in known_here | noise]
    if not factors:
        factors = [name for name in varying if not _label(found.runs, name)]
    _check(found, factors, seed, fold, varying)
    return Roles(factors, seed, fold, [n for n in measured if _numeric(found.runs, n)])


def _named(name: str, option: str, names: Sequence[str]) -> str:
    if name in names:
        return name
    raise UsageError(unknown("column", f"{option} ", name, names))


def arranged(found: Found, asked: Asked) -> Found:
    """The same runs where a wide table has been told what its numbers are. Raises UsageError until it has."""
    names = _names(found)
    seed = asked.seed if asked.seed in names else _last_part(names, SEEDS)
    others = [name for name in names if name != seed]
    alone = len({level(value(run, seed or "")) for run in found.runs}) == len(found.runs)  # a row per seed
    by_variant = found.loose and seed and alone and len(others) > 1 and not asked.factors and UNNAMED not in names
    if by_variant and canonical(asked.metric or "") not in map(canonical, names) and _all_decimals(found.runs, others):
        found = a_run_per_column(found, seed or "")
    if UNNAMED not in _names(found) or asked.metric in names:
        return found
    if not asked.metric:
        columns = "the columns of the seeds" if UNNAMED in names else f"the columns {', '.join(others)}"
        raise UsageError(f"what are the numbers in {columns}? Say --metric NAME, as --metric accuracy")
    for run in found.runs:
        for node in (run.given, run.values):
            if UNNAMED in node:
                node[asked.metric] = node.pop(UNNAMED)
    return found


def _names(found: Found) -> list[str]:
    return list(dict.fromkeys(name for run in found.runs for name in (*run.given, *run.values)))


def _all_decimals(runs: Sequence[Run], names: Sequence[str]) -> bool:
    cells = [[number(value(run, name)) for run in runs] for name in names]
    return all(not any(math.isnan(c) for c in own) and not all(c.is_integer() for c in own) for own in cells)


def canonical(name: str) -> str:
    """A metric's name as regab writes it: ``val/acc``, ``Val Accuracy`` and ``validation_acc`` are ``val_accuracy``."""
    parts = re.sub(r"[\W_]+", "_", name.lower()).strip("_").split("_")
    parts = [_SPELLINGS.get(part, part) for part in parts]
    if parts[-1] in ("train", "val", "test") and len(parts) > 1:
        parts = [parts[-1], *parts[:-1]]
    return "_".join(parts)


_SPELLINGS = {"acc": "accuracy", "valid": "val", "validation": "val", "dev": "val", "training": "train", "eval": "val"}


def _last_part(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    """The column that is called so, alone or after a dot or slash, in the order of what is wanted."""
    for want in wanted:
        for name in sorted(names, key=len):
            if name.lower() == want or re.split(r"[./]", name.lower())[-1] == want:
                return name
    return None


def value(run: Run, name: str) -> Any:
    """What a run has in a column; None for nothing."""
    cell = run.values.get(name, run.given.get(name))
    return None if isinstance(cell, float) and math.isnan(cell) else cell


def _varies(runs: Sequence[Run], name: str) -> bool:
    return len({level(value(run, name)) for run in runs}) > 1


def number(cell: Any) -> float:
    """A cell as a number; NaN where it is none."""
    try:
        return math.nan if isinstance(cell, bool) or cell is None else float(cell)
    except (TypeError, ValueError):
        return math.nan


def level(cell: Any) -> str:
    """A parameter as it is written on a command line; ``none`` for an empty cell, ``0`` for ``0.0``."""
    if cell is None:
        return "none"
    if isinstance(cell, list | tuple):
        return f"[{','.join(map(level, cell))}]"
    if str(cell) in ("True", "False"):
        return str(cell).lower()
    if not isinstance(cell, bool) and not math.isnan(value := number(cell)):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return str(cell).strip()


def _like_a_measurement(runs: Sequence[Run], name: str, seed: str | None, fold: str | None) -> bool:
    """A column of decimals with more values than a factor could have beside these replicates."""
    cells = [number(value(run, name)) for run in runs]
    if any(math.isnan(cell) for cell in cells if cell is not None) or all(cell.is_integer() for cell in cells):
        return False
    replicates = len({(level(value(run, seed or "")), level(value(run, fold or ""))) for run in runs})
    return replicates > 1 and len(set(cells)) > max(len(runs) / replicates, 2)


def _label(runs: Sequence[Run], name: str) -> bool:
    """A text that is another in every run names the run, and is no parameter."""
    texts = {level(value(run, name)) for run in runs}
    return len(runs) > 2 and len(texts) == len(runs) and all(math.isnan(number(text)) for text in texts)


def _numeric(runs: Sequence[Run], name: str) -> bool:
    cells = [value(run, name) for run in runs if value(run, name) is not None]
    return bool(cells) and not any(math.isnan(number(c)) and str(c).lower() not in ("nan", "inf") for c in cells)


def _check(found: Found, factors: list[str], seed: str | None, fold: str | None, varying: list[str]) -> None:
    """Raises UsageError where runs cannot be told apart, or no variant has a second replicate."""
    keys = [tuple(level(value(run, n)) for n in (*factors, *filter(None, (seed, fold)))) for run in found.runs]
    variants = {key[: len(factors)] for key in keys}
    others = ", ".join(n for n in varying if n not in factors) or "none"
    if len(set(keys)) < len(keys):
        twice = next(key for i, key in enumerate(keys) if key in keys[:i])
        run = ", ".join(f"{n}={v}" for n, v in zip((*factors, *filter(None, (seed, fold))), twice, strict=True))
        which = "--factors NAME,… (what varied)" if seed else "--seed NAME (the column that tells repetitions apart)"
        raise UsageError(f"two runs are {run or 'the same in all columns'}; say {which}; columns left: {others}")
    replicates = {key[len(factors) :] for key in keys}
    if seed and len(variants) == len(keys) and len(replicates) > 1 and len(keys) > 2:
        raise UsageError(
            f"every run is a variant of its own by {', '.join(factors)}; name what varied: --factors NAME,NAME"
        )
