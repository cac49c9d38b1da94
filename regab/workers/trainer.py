"""Training one chunk of runs in this process: their files, checkpoints, and what is reported of them."""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from regab.blame import WHOLE, users_line
from regab.data.unseen.kept import described
from regab.errors import CannotWrite, Interrupted, UsageError, first_line
from regab.measured import undefined_words
from regab.metrics.base import kept_measures
from regab.processes import cores
from regab.records.columns import to_row
from regab.records.files import to_json
from regab.stacking import lanes_for
from regab.training.assembly.setup import set_up
from regab.training.calibration import calibration
from regab.training.loop import Training, train
from regab.training.slots import Layout
from regab.training.snapshot import restore, take_snapshot
from regab.training.watch import DIVERGED
from regab.workers.checkpoints import Checkpoint, load
from regab.workers.events import Ended, Event, Note, Started
from regab.workers.journal import Begun, Entry, Journals, fail
from regab.workers.plan import Chunk, split
from regab.workers.writers import Writers

# Share of a stack's lanes that must have ended before the rest goes on in a smaller stack: setting that up costs about
# as much as an epoch of a few small networks.
WORTHWHILE = 0.25
# Whether this worker descends from a process that had imported torch: if that has started threads, a second thread here
# waits for them forever.
forked_from_torch = False

Report = Callable[[list[Event]], None]
Open = Callable[[list[Begun], dict[str, Any], str, Layout], Journals | Writers]


def train_chunk(
    chunk: Chunk,
    folder: Path,
    report: Report,
    stopping: Callable[[], bool],
    threads: int | None,
    journals: Open = Journals,
) -> None:
    """Train all runs of a chunk; ``folder`` holds checkpoints. One that fails takes none of the others along.

    Raises Interrupted as soon as ``stopping()`` is true after an epoch, with a checkpoint written; CannotWrite.
    """
    attempt = _Attempt(chunk, folder, report, stopping, threads, journals)
    failure = _failure(attempt)  # outside of the except clause, which would keep the stack in memory
    left = [run for run in chunk.runs if run.digest not in attempt.ended]
    if failure and len(chunk.runs) > 1:
        report([Note(f"a stack of {len(chunk.runs)} runs failed ({failure[0]}); they are trained in smaller ones")])
        for part in split(chunk, left, attempt.saved()):
            train_chunk(part, folder, report, stopping, threads, journals)
    elif failure and left:
        report([fail(chunk.runs[0], *failure)])


def _failure(attempt: _Attempt) -> tuple[str, str, bool] | None:
    """Why an attempt failed, in a line and in detail, and whether the detail is for the screen: of a crash of ours."""
    try:
        attempt.finish()
    except (Interrupted, CannotWrite):
        raise
    except (Exception, SystemExit) as error:  # the user's own code may end the program
        theirs = str(error) if isinstance(error, UsageError) else _memory(error) or users_line(error)
        return theirs or first_line(error), traceback.format_exc(), theirs is None or WHOLE
    return None


def _memory(error: BaseException) -> str | None:
    """What to do where there was not enough memory; None for any other error."""
    text = str(error)
    refused = isinstance(error, RuntimeError) and re.search("(can't|cannot) allocate|not enough memory", text, re.I)
    if not (isinstance(error, MemoryError | torch.OutOfMemoryError) or refused):
        return None
    asked = re.search(r"allocate (\d+) bytes", text)
    wanted = f" ({int(asked[1]) / 1e9:,.1f} GB were asked for at once)" if asked else ""
    return f"out of memory{wanted}: take a smaller model, batch_size or stack.size"


class _Attempt:
    """One attempt at a chunk."""

    def __init__(
        self, chunk: Chunk, folder: Path, report: Report, stopping: Callable, threads: int | None, journals: Open
    ) -> None:
        self.runs, self.stopping, self.threads, self.open = chunk.runs, stopping, threads, journals
        self.to_main = report
        self.checkpoint = Checkpoint(folder / f"{chunk.key}.pt", chunk.runs[0].config["stack"]["checkpoint"])
        self.chunk, self.folder, self.ended = chunk, folder, set[str]()

    def saved(self) -> str:
        """The key of the checkpoint from which the runs that are left can go on."""
        return self.chunk.key if self.checkpoint.path.is_file() else self.chunk.resume

    def finish(self) -> None:
        """Train until all runs have ended."""
        training = self._set_up()
        notes = [f"data: {note}" for note in training.data.said] + [f"model: {note}" for note in training.notes]
        notes += [f"metrics: {words}" for words in undefined_words(training.metrics, training.data)]
        self.report([Note(note, aloud=True) for note in notes])
        with _threads(self._wanted(training)) as threads:
            begun, facts = self._begun(training), _facts(training, self.runs[0].config["precision"], threads)
            journals = self.open(begun, facts, _encoding(training), training.stack.layout)
            self.report([Started(run.digest, len(rows)) for run, rows in begun])
            try:
                left: Training | None = training
                while left is not None:
                    left = self._until_smaller(left, journals)
            finally:
                self.report(journals.written())
        self.checkpoint.remove()

    def report(self, events: list[Event]) -> None:
        self.ended |= {event.digest for event in events if isinstance(event, Ended)}
        self.to_main(events)

    def _wanted(self, training: Training) -> int:
        """How many threads: one where runs are batched, whose numbers would depend on their stack with more."""
        asked = self.runs[0].config["stack"]["threads"]
        if training.stack.vmapped:
            return 1
        if forked_from_torch and asked not in ("auto", 1):
            why = "as threads of torch do not survive the fork from a process that uses it; set stack.workers=0"
            self.report([Note(f"stack.threads={asked}: workers have one here, {why}", aloud=True)])
            return 1
        return asked if asked != "auto" else self.threads or own_threads()

    def _set_up(self) -> Training:
        """The runs at their beginning, or where their checkpoint has them."""
        configs, ids, key = [run.config for run in self.runs], [run.digest for run in self.runs], self.chunk.resume
        training = set_up(configs, ids)
        if not key:
            return training
        try:
            restore(training, load(self.folder / f"{key}.pt", training.ids))
        except Exception as error:  # it is damaged, or of another version of the model
            words = f"checkpoint {key} cannot be used ({first_line(error)}); {len(self.runs)} runs begin anew"
            self.report([Note(words)])
            return set_up(configs, ids)
        self.report([Note(f"{len(self.runs)} runs go on after epoch {training.epoch}")])
        return training

    def _begun(self, training: Training) -> list[Begun]:
        done = range(training.epoch + 1 if training.watch.history else 0)
        lanes = [*zip(*([to_row(values) for values in training.watch.rows(epoch)] for epoch in done), strict=True)]
        runs = zip(self.runs, training.watch.lane, strict=True)
        return [Begun(run, lanes[lane] if lanes else ()) for run, lane in runs]

    def _until_smaller(self, training: Training, journals: Journals | Writers) -> Training | None:
        """Train on until all runs have ended (None), or so many that the rest should go on by itself."""
        told = len(training.notes)
        for records in train(training):
            found = [Note(f"model: {note}", aloud=True) for note in training.notes[told:]]
            told += len(found)
            sure = calibration(training, [r.run for r in records if r.ended not in ("", DIVERGED)])
            entries = [Entry(training.ids[r.run], r, sure.get(r.run)) for r in records]
            selected = training.watch.selected_state([r.run for r in records if r.ended])
            self.report([*found, *journals.note(entries, *selected)])
            if not training.watch.running.any():
                return None
            if (stop := self.stopping()) or self.checkpoint.due():
                self.report(journals.written())  # first, as a checkpoint leaves out the runs that have ended
                self.checkpoint.save(training)
            if stop:
                raise Interrupted
            if (smaller := self._compacted(training)) is not None:
                return smaller
        return None

    def _compacted(self, training: Training) -> Training | None:
        watch = training.watch
        lanes = lanes_for(len(np.unique(watch.lane[watch.running])), training.stack.values.device.type)
        if lanes > (1 - WORTHWHILE) * training.stack.size:
            return None
        ids = [i for i, running in zip(training.ids, watch.running, strict=True) if running]
        configs = {run.digest: run.config for run in self.runs}
        smaller = set_up([configs[i] for i in ids], ids)
        restore(smaller, take_snapshot(training))
        return smaller


def _facts(training: Training, precision: str, threads: int) -> dict[str, Any]:
    """What the results of a stack's runs say beside their numbers, but for the headline, which is each run's own."""
    data, stack = training.data, training.stack
    return {
        "task": data.task.name,
        "headline": None,
        "metrics": kept_measures(training.metrics, data.names),
        "loss": training.task.minimizes,
        "stack_size": len(np.unique(training.watch.lane)),
        "threads": threads,
        "device": str(stack.values.device),
        "precision": precision,
        "parameters": stack.values.shape[1],
        "notes": training.notes,
        "data_fingerprint": data.fingerprint,
        "data_notes": list(data.said),
        "columns": data.columns,
        "code": training.code,
        "wrong_labels": data.wrong,
        "imbalance": data.imbalance,
        **data.task.facts(data.scale),
    }


def _encoding(training: Training) -> str:
    """What ``regab predict`` needs beside weights and configuration, the same for all runs of a stack."""
    built = [name for name, _ in training.chain.having("build")]
    return to_json(described(training.data) | {"built": built})


def own_threads() -> int:
    """How many threads a process has for itself: as the environment says, else one for every core that it may use.

    With two for one core (a container's, a cluster's) a step of a small ResNet takes 1.8 times as long.
    """
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    return int(asked) if asked.isdigit() and int(asked) else cores()


@contextmanager
def _threads(count: int) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)
