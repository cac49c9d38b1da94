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
More = tuple[list[Config], list[Assignment]]
UNITS = {"s": 1, "m": 60, "h": 3600, "": 1}
FEWEST = 3  # seeds that a sweep begins with
# Seconds of a core that a look costs: nothing is trained meanwhile (0.3 s), and stacks are small (of a network of
# [128,128], one run takes 0.8 s, three 1.5). Training 16 runs of four variants of it for two looks took 1.6 s more than
# 20 runs for one, 2.8 more than 16 would have.
LOOK = 2.5


class Growth:
    """``--seeds auto``, up to ``most`` seeds of a variant, and for no longer than ``budget`` seconds.

    ``compose`` makes a run's configuration from its assignment; ``cost`` says how many seconds of a core it takes.
    """

    def __init__(
        self,
        compose: Callable[[Assignment], Config],
        cost: Callable[[Run], float],
        most: int,
        budget: float = math.inf,
    ) -> None:
        self.compose, self.cost, self.most, self.budget = compose, cost, most, budget
        self.began, self.trained = time.monotonic(), 0

    def planned(self, plan: Plan) -> str:
        """Take note of a plan; how it goes on after that."""
        self.trained += sum(len(chunk.runs) for chunk in plan.chunks)
        within = f", for {duration(self.budget)} in all" if math.isfinite(self.budget) else ""
        return f"; then more seeds where something is undecided, up to {self.most} of a variant{within}"

    def first(self, runs: list[Run]) -> More | None:
        """What to train before the first look, if anything, beside the runs that were asked for."""
        return self._composed(self._more_seeds(runs, runs, 0))

    def more(self, root: Path, runs: list[Run]) -> More | None:
        """What to train next; None where all is decided, or nothing more may be trained. Says which."""
        from regab.report.growing import look  # with pandas, which the main process imports while others train

        found = look(root, {run.folder.name for run in runs}, self.most)
        assignments = self._more_seeds([run for run in runs if run.folder.name in found.folders], runs, found.seeds)
        too_long = self._too_long(len(assignments))
        print(found.words + too_long, flush=True)
        return None if too_long else self._composed(assignments)

    def _more_seeds(self, wanted: list[Run], runs: list[Run], seeds: int) -> list[Assignment]:
        if not wanted:
            return []
        cost = sum(map(self.cost, wanted)) / len({run.overrides["seed"] for run in wanted})
        count = next_look(seeds, self.most, cost)
        return more_seeds([run.overrides for run in wanted], [run.overrides for run in runs], count)

    def _composed(self, assignments: list[Assignment]) -> More | None:
        return ([self.compose(a) for a in assignments], assignments) if assignments else None

    def _too_long(self, count: int) -> str:
        """That so many more runs would take longer than the budget has left, if they would."""
        passed = time.monotonic() - self.began
        needed = passed * count / max(self.trained, 1)
        if passed + needed <= self.budget:
            return ""
        return f"; {count} more runs would take about {duration(needed)}, which the budget has not left"


def next_look(seeds: int, most: int, cost: float) -> int:
    """At how many seeds the next look is, where one seed more costs so many seconds.

    Those that are trained in less time than a look takes are not looked at by themselves, up to twice the seeds. To
    leave out looks of ``regab.analysis.verdicts.looks.automatic`` spends nothing.
    """
    from regab.analysis.verdicts.looks import automatic

    steps = [step for step, _ in automatic(most) if step > seeds]
    far = 2 * max(seeds, FEWEST)
    return max([step for step in steps if step <= far and (step - steps[0]) * cost <= LOOK], default=steps[0])


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
