"""What is written of runs: their rows, and at the end their results and their models, or why they failed."""

from __future__ import annotations

import io
import pickle
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch

from regab.config import Run
from regab.records.columns import columns, to_row
from regab.records.files import checksum, write_atomically
from regab.records.log import ENCODING, MODEL, Row, RunLog, write_error
from regab.records.results import fold_of
from regab.training.evaluate import weight_histogram
from regab.training.slots import Layout
from regab.training.watch import DIVERGED, Record, divergence
from regab.workers.events import Ended, Epoch, Event
from regab.workers.surroundings import surroundings

# Seconds of training of its own from which a run's files are synced, so that a power cut does not cost it. Syncs take
# 1 to 100 ms of a disk that others use too, four of them a run; and a file that a power cut leaves empty or half
# written has a wrong checksum, so that its run is trained again.
WORTH_SYNCING = 1.0


class Pickles:
    """In place of the module ``pickle``, for ``torch.save`` of dictionaries of tensors that differ in numbers alone.

    Of the second and later ones only the numbers are looked at; the rest, half of the time, is as it was in the first.
    """

    __name__ = "pickle"

    def __init__(self) -> None:
        first: list[bytes] = []

        class Pickler(pickle.Pickler):
            def __init__(self, file: io.BytesIO, protocol: int) -> None:
                super().__init__(file, protocol)
                self.file = file

            def dump(self, state: dict[str, torch.Tensor]) -> None:
                if not first:
                    super().dump(state)
                    first.append(self.file.getvalue())
                    return
                for tensor in state.values():
                    self.persistent_id(tensor.untyped_storage())  # by this torch learns of the numbers
                self.file.write(first[0])

        self.Pickler = Pickler


class Journal:
    """``facts`` are what the result says of the run beside its numbers, ``encoding`` what its model needs beside
    weights (as text), ``weights`` the names of these, ``rows`` those of the epochs done already; ``pickles`` are shared
    by runs of one stack."""

    def __init__(
        self,
        run: Run,
        facts: dict[str, Any],
        encoding: str,
        weights: list[str],
        rows: Sequence[Row] = (),
        pickles: Pickles | None = None,
    ) -> None:
        self.run, self.facts, self.encoding, self.weights, self.rows = run, facts, encoding, weights, list(rows)
        self.pickles = pickles or Pickles()
        self.log = RunLog(run.folder, columns(facts["metrics"]), rows)

    def note(self, record: Record) -> Row:
        """Another epoch."""
        self.rows.append(to_row(record.values))
        self.log.row(self.rows[-1])
        return self.rows[-1]

    def end(self, record: Record, state: dict[str, torch.Tensor], calibration: dict[str, Any] | None = None) -> Ended:
        """The run's last epoch is noted; ``state`` and ``calibration`` are its selected epoch's."""
        last = self.rows[-1]
        if record.ended == DIVERGED:
            return fail(self.run, f"diverged in epoch {last['epoch']}: {divergence(last)}")
        seconds = sum(row["seconds"] for row in self.rows)
        sync = seconds / self.facts["stack_size"] >= WORTH_SYNCING
        files = {ENCODING: self._save(ENCODING, self.encoding.encode(), sync), MODEL: self._save_model(state, sync)}
        weights = torch.cat([state[name].flatten() for name in self.weights])
        result = {
            "digest": self.run.digest,
            "seed": self.run.config["seed"],
            "fold": fold_of(self.run.config),
            "status": "finished",
            "ended": record.ended,
            "selected": self.rows[record.selected],
            "last": last,
            "seconds": seconds,
            **self.facts,
            **surroundings(),
            "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "overrides": self.run.overrides,
            "weights": weight_histogram(weights),
            "calibration": calibration,
        }
        return Ended(self.run.digest, self.log.finish(result, files, sync))

    def _save_model(self, state: dict[str, torch.Tensor], sync: bool) -> str:
        buffer = io.BytesIO()
        torch.save(state, buffer, self.pickles)
        return self._save(MODEL, buffer.getvalue(), sync)

    def _save(self, name: str, content: bytes, sync: bool) -> str:
        write_atomically(self.run.folder / name, content, sync)
        return checksum(content)


class Begun(NamedTuple):
    """A run, and the rows of the epochs done already."""

    run: Run
    rows: Sequence[Row] = ()


class Entry(NamedTuple):
    """Another epoch of the run with this digest; of one that has ended, its calibration too."""

    digest: str
    record: Record
    calibration: dict[str, Any] | None = None


class Journals:
    """Those of a stack's runs, written by this process: what is taken in is in the files at once.

    ``facts`` and ``encoding`` as for each, ``layout`` is that of the stack's states.
    """

    def __init__(self, begun: Sequence[Begun], facts: dict[str, Any], encoding: str, layout: Layout) -> None:
        self.layout, pickles = layout, Pickles()
        self.each = {
            run.digest: Journal(
                run, facts | {"headline": run.config["headline"]}, encoding, layout.weights, rows, pickles
            )
            for run, rows in begun
        }

    def note(self, entries: list[Entry], rows: list[int], state: list[torch.Tensor]) -> list[Event]:
        """Take in an epoch, of those runs that have ended with their rows in a state; what is to be reported."""
        states = self.layout.state_dicts(rows, state)
        return [event for entry in entries for event in self._noted(entry, states)]

    def _noted(self, entry: Entry, states: Iterator[dict[str, torch.Tensor]]) -> Iterator[Event]:
        journal = self.each[entry.digest]
        yield Epoch(entry.digest, journal.note(entry.record))
        if entry.record.ended:
            yield journal.end(entry.record, next(states), entry.calibration)

    def written(self) -> list[Event]:
        """Wait until all is in the files; what of it has not been reported yet."""
        return []


def fail(run: Run, reason: str, details: str = "", aloud: bool = True) -> Ended:
    """The run failed. ``details`` go to its folder, and ``aloud`` to the screen of a single run."""
    write_error(run.folder, reason, details)
    return Ended(run.digest, error=reason, details=details if aloud else "")
