"""Seeds until it is clear: after every look at a sweep, more of them where something is still undecided."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from regab.config import Run
from regab.errors import UsageError
from regab.sweep.design import Assignment, Ranged
from regab.sweep.preview import duration
from regab.workers.plan import Plan

Config = dict[str, Any]
UNITS = {"s": 1, "m": 60, "h": 3600, "": 1}
FEWEST = 3  # seeds that a sweep begins with


class Growth:
    """``--seeds auto``, up to ``most`` seeds of a variant, and for no longer than ``budget`` seconds.

    ``compose`` makes a run's configuration from its assignment.
    """

    def __init__(self, compose: Callable[[Assignment], Config], most: int, budget: float = math.inf) -> None:
        self.compose, self.most, self.budget = compose, most, budget
        self.began, self.trained = time.monotonic(), 0

    def planned(self, plan: Plan) -> str:
        """Take note of a plan; how it goes on after that."""
        self.trained += sum(len(chunk.runs) for chunk in plan.chunks)
        within = f", for {duration(self.budget)} in all" if math.isfinite(self.budget) else ""
        return f"; then more seeds where something is undecided, up to {self.most} of a variant{within}"

    def more(self, root: Path, runs: list[Run]) -> tuple[list[Config], list[Assignment]] | None:
        """What to train next; None where all is decided, or nothing more may be trained. Says which."""
        from regab.report.growing import look  # with pandas, which the main process imports while others train

        found = look(root, {run.folder.name for run in runs}, self.most)
        given = [run.overrides for run in runs]
        of_wanted = [run.overrides for run in runs if run.folder.name in found.folders]
        assignments = more_seeds(of_wanted, given, found.seeds)
        too_long = self._too_long(len(assignments))
        print(found.words + too_long, flush=True)
        return None if too_long or not assignments else ([self.compose(a) for a in assignments], assignments)

    def _too_long(self, count: int) -> str:
        """That so many more runs would take longer than the budget has left, if they would."""
        passed = time.monotonic() - self.began
        needed = passed * count / max(self.trained, 1)
        if passed + needed <= self.budget:
            return ""
        return f"; {count} more runs would take about {duration(needed)}, which the budget has not left"


def first_seeds(factors: Ranged) -> Ranged:
    """The factors with at least three seeds, those that are named first. Raises UsageError for folds."""
    if len(factors.get("data.fold", [])) > 1:
        raise UsageError("--seeds auto: cannot go with --folds; give a number of seeds, as --seeds 5")
    named = [*factors.get("seed", ["0"])]
    return factors | {"seed": [*named, *itertools.islice(_further(named), max(FEWEST - len(named), 0))]}


def more_seeds(wanted: list[Assignment], all_runs: list[Assignment], count: int) -> list[Assignment]:
    """Runs that give each wanted variant ``count`` seeds: those of the sweep, in their order, then further ones."""
    order = list(dict.fromkeys(run["seed"] for run in all_runs))
    seeds = [*order, *itertools.islice(_further(order), max(count - len(order), 0))][:count]
    there = {tuple(run.items()) for run in all_runs}
    asked = [run | {"seed": seed} for run in wanted for seed in seeds]
    return [dict(run) for run in dict.fromkeys(tuple(run.items()) for run in asked) if run not in there]


def _further(seeds: list[str]) -> Iterator[str]:
    return map(str, itertools.count(max(map(int, seeds)) + 1))


def seconds_of(budget: str) -> float:
    """``10m``, ``90s``, ``1.5h`` or a number of seconds. Raises UsageError."""
    number, unit = (budget[:-1], budget[-1]) if budget[-1:] in ("s", "m", "h") else (budget, "")
    try:
        seconds = float(number) * UNITS[unit]
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise UsageError(f"--budget {budget}: must be a time, as 90s, 10m or 2h")
    return seconds
