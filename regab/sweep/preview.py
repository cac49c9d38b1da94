"""What is going to be trained, in words."""

from __future__ import annotations

from collections import Counter

from regab.config import Run
from regab.records.results import variant_name, varying
from regab.training.assembly.facts import Facts
from regab.workers.plan import Plan, gains_from_threads

SHOWN = 40  # variants of a dry run


def variant_lines(runs: list[Run]) -> list[str]:
    """The variants among some runs, each with how often it is repeated."""
    factors = varying([run.overrides for run in runs])
    counts = Counter(variant_name({key: run.overrides.get(key, "") for key in factors}) for run in runs)
    lines = [f"  {name}{f', {count} times' if count > 1 else ''}" for name, count in counts.items()]
    return lines[:SHOWN] + [f"  … and {len(lines) - SHOWN} more"] * (len(lines) > SHOWN)


def plan_words(plan: Plan, asked: int, distinct: int, done: int) -> str:
    """What is going to be trained, and about what it will take."""
    todo = sum(len(chunk.runs) for chunk in plan.chunks)
    lines = [f"{asked} runs" + (f", of which {asked - distinct} repeat others" if asked > distinct else "")]
    if done:
        lines.append(f"{done} done already")
    if resumed := sum(len(chunk.runs) for chunk in plan.chunks if chunk.resume):
        lines.append(f"{resumed} to resume")
    lanes = sum(chunk.lanes for chunk in plan.chunks)
    shared = f" (as {lanes} trainings: early stopping never trains twice)" if lanes < todo else ""
    if todo and not plan.structures:
        lines.append(f"{todo} script{'s' * (todo != 1)} to run, {plan.workers} at a time")
    elif todo:
        where = f"{plan.workers} worker{'s' * (plan.workers != 1)}" if plan.workers else "this process"
        lines.append(
            f"{todo} to train{shared}, in {len(plan.chunks)} stack{'s' * (len(plan.chunks) != 1)} of {plan.structures} "
            f"structure{'s' * (plan.structures != 1)} on {where}: about {duration(plan.seconds)}, "
            f"{plan.bytes / 1e6:.0f} MB of data, and {plan.workers * 0.3 + 0.4:.1f} GB for the processes"
        )
    return "; ".join(lines)


def idle_words(plan: Plan, facts: dict[str, Facts], cores: int) -> str:
    """What would use the cores that are idle where runs are fewer, if all of them gain by it; else nothing."""
    runs = [run for chunk in plan.chunks for run in chunk.runs]
    share = cores // max(len(runs), 1)
    if not plan.structures or share < 2:  # scripts have no structures
        return ""
    left_alone = all(run.config["stack"][key] == "auto" for run in runs for key in ("workers", "threads"))
    if not left_alone or not all(gains_from_threads(run, facts) for run in runs):
        return ""
    return f"; stack.threads={share} would train each run on {share} cores"


def duration(seconds: float) -> str:
    """Seconds in words of fitting precision."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
