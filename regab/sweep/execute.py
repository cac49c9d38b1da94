"""Training a list of runs: which of them share a stack, and that none takes another along when it fails."""

from __future__ import annotations

import os
import traceback
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain

import torch

from regab.config import Run
from regab.errors import UsageError
from regab.sweep.display import Display
from regab.sweep.journal import Journal, Outcome
from regab.training.loop import train
from regab.training.setup import check_fits, set_up

# Runs per stack where stacking wins: their parameters and activations then stay in a core's cache. 64-128-128-10
# networks took 157, 148 and 150 us per run and step in stacks of 8, 16 and 32.
AUTO_SIZE = 16


def stacks_of(runs: list[Run]) -> list[list[Run]]:
    """Runs put together by structure, in stacks of the size that suits it.

    Raises UsageError if one cannot be trained.
    """
    groups = defaultdict[str, list[Run]](list)
    for run in sorted(runs, key=lambda run: run.config["seed"]):  # equal seeds share their draws
        groups[run.structure].append(run)
    return [stack for group in groups.values() for stack in _cut(group)]


def _cut(group: list[Run]) -> list[list[Run]]:
    try:
        auto = AUTO_SIZE if check_fits([run.config for run in group]) else 1
    except UsageError as error:
        raise UsageError(f"{error} (in the run {_culprit(group).words})") from error
    except Exception:
        auto = 1  # training will meet it again, and keep its traceback
    asked = group[0].config["stack"]["size"]
    size = auto if asked == "auto" else asked
    return [group[i : i + size] for i in range(0, len(group), size)]


def _culprit(group: list[Run]) -> Run:
    for run in group[:-1]:
        try:
            check_fits([run.config])
        except UsageError:
            return run
    return group[-1]


def execute(stacks: list[list[Run]], display: Display) -> list[Outcome]:
    """Train all runs. One that fails takes none of the others along."""
    torch.set_flush_denormal(True)  # Adam's moments decay into denormals, which made steps 1.5-2 times slower
    return [outcome for runs in stacks for outcome in _train_or_separate(runs, display)]


def _train_or_separate(runs: list[Run], display: Display) -> list[Outcome]:
    try:
        return _train(runs, display)
    except Exception as error:
        if len(runs) > 1:
            return [outcome for run in runs for outcome in _train_or_separate([run], display)]
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        with Journal(runs[0]) as journal:
            outcome = journal.fail(reason, traceback.format_exc())
        display.ended(outcome)
        return [outcome]


def _train(runs: list[Run], display: Display) -> list[Outcome]:
    training, outcomes = set_up([run.config for run in runs]), []
    with ExitStack() as stack:
        threads = stack.enter_context(_threads(1 if training.stack.vmapped else None))
        facts = {"stack_size": len(runs), "threads": threads, "device": str(training.stack.values.device)}
        journals = [stack.enter_context(Journal(run, facts)) for run in runs]
        display.started(runs, training)
        for record in chain.from_iterable(train(training)):
            journal = journals[record.run]
            journal.note(record)
            display.epoch(journal.run, journal.rows[-1])
            if record.ended:
                outcomes.append(journal.end(record, training.stack))
                display.ended(outcomes[-1])
    return outcomes


@contextmanager
def _threads(count: int | None) -> Iterator[int]:
    """Threads for one stack. Where runs are batched, more than one thread makes a run's numbers depend on its stack."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or os.cpu_count() or 1)
    try:
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)
