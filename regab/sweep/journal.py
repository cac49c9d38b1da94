"""What is written of one run: its rows, and at the end its result and its model, or why it failed."""

from __future__ import annotations

import io
import platform
import subprocess
import time
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from regab import __version__
from regab.config import Run
from regab.records.columns import to_row
from regab.records.files import write_atomically
from regab.records.log import RunLog
from regab.training.evaluate import weight_histogram
from regab.training.stack import Stack
from regab.training.watch import DIVERGED, Record

Row = dict[str, float | None]


@dataclass
class Outcome:
    """How a run ended: with a result, or with an error."""

    run: Run
    result: dict[str, Any] | None = None
    error: str | None = None
    details: str = ""


class Journal:
    """``facts`` are what the result says of how the run was trained."""

    def __init__(self, run: Run, facts: dict[str, Any] | None = None) -> None:
        self.run, self.facts, self.rows = run, facts or {}, list[Row]()
        self.log = RunLog(run.folder)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.log.close()

    def note(self, record: Record) -> None:
        """Another epoch."""
        self.rows.append(to_row(record.values))
        self.log.row(self.rows[-1])

    def end(self, record: Record, stack: Stack) -> Outcome:
        """The run's last epoch is noted; ``stack`` holds its selected state."""
        if record.ended == DIVERGED:
            last = self.rows[-1]
            return self.fail(f"diverged in epoch {last['epoch']}: train_objective is {last['train_objective']}")
        state = stack.state_dict(record.run)
        self._save_model(state)
        weights = torch.cat([t.flatten() for t in state.values() if t.ndim >= 2])
        result = {
            "digest": self.run.digest,
            "status": "finished",
            "ended": record.ended,
            "selected": self.rows[record.selected],
            "last": self.rows[-1],
            "parameters": stack.values.shape[1],
            "seconds": sum(row["seconds"] for row in self.rows),
            **self.facts,
            **surroundings(),
            "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "overrides": self.run.overrides,
            "weights": weight_histogram(weights),
        }
        self.log.finish(result)
        return Outcome(self.run, result=result)

    def fail(self, reason: str, details: str = "") -> Outcome:
        """The run failed."""
        self.log.fail(reason, details)
        return Outcome(self.run, error=reason, details=details)

    def _save_model(self, state: dict[str, torch.Tensor]) -> None:
        buffer = io.BytesIO()
        torch.save(state, buffer)
        write_atomically(self.run.folder / "model.pt", buffer.getvalue())


@cache
def surroundings() -> dict[str, Any]:
    """Versions, and the git commit of the folder that the user stands in."""
    git = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "versions": {"regab": __version__, "torch": torch.__version__, "python": platform.python_version()},
        "git_commit": git.stdout.strip() or None,
    }
