"""What is written of one run: its rows, and at the end its result and its model, or why it failed."""

from __future__ import annotations

import io
import pickle
import time
from collections.abc import Sequence
from typing import Any

import torch

from regab.config import Run
from regab.records.columns import columns, to_row
from regab.records.files import checksum, write_atomically
from regab.records.log import ENCODING, MODEL, Row, RunLog, write_error
from regab.records.results import fold_of
from regab.training.evaluate import weight_histogram
from regab.training.watch import DIVERGED, Record, divergence
from regab.workers.events import Ended
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
            "fold": fold_of(self.run.config["data"]),
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


def fail(run: Run, reason: str, details: str = "", aloud: bool = True) -> Ended:
    """The run failed. ``details`` go to its folder, and ``aloud`` to the screen of a single run."""
    write_error(run.folder, reason, details)
    return Ended(run.digest, error=reason, details=details if aloud else "")
