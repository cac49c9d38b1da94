"""What a watcher hears: all that happens while a sweep or a single run is trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regab.config import Run

Row = dict[str, Any]  # of metrics.csv, by column: numbers, and None where nothing was measured


@dataclass(frozen=True)
class Planned:
    """What is going to be trained in a folder.

    ``runs`` are all that were asked for, by digest; ``done`` has the results of those that have finished before, and
    ``variants`` what distinguishes each run but for its seed and fold. ``single``: one run by itself, whose folder is
    ``root``. ``summary`` is the plan in a line.
    """

    root: Path
    runs: dict[str, Run]
    done: dict[str, dict[str, Any]]
    variants: dict[str, str]
    summary: str = ""
    single: bool = False

    @property
    def todo(self) -> dict[str, Run]:
        """The runs that will be started."""
        return {digest: run for digest, run in self.runs.items() if digest not in self.done}


class Watcher:
    """One listens to a whole sweep, in the process that the user started; by default it does nothing.

    A ``Run`` has a ``digest`` (its identity), a ``config``, ``overrides``, and a ``folder`` with its files. What one
    run does is heard in its order; calls come one at a time, but not always in the same thread. A watcher that raises
    is left out from then on, which is said in a line and costs no run.

    A subclass may be a dataclass, whose fields are then keys under ``watch.<name>``.
    """

    always = False  # listens unasked

    def planned(self, planned: Planned) -> None:
        """Training begins. Another sweeper of Hydra's (optuna) plans again and again."""

    def started(self, run: Run, first: int) -> None:
        """A run's next row is that of epoch ``first``: 0 (the untrained model), unless it goes on where it was.

        Said again, perhaps with an earlier ``first``, when a run is tried again.
        """

    def epoch(self, run: Run, row: Row) -> None:
        """A run has a new row in its ``metrics.csv``, after which None stands where there is nothing to report."""

    def ended(self, run: Run, result: dict[str, Any] | None, error: str, details: str) -> None:
        """A run has ended: ``result`` is its ``result.json``; or it is None, and ``error`` says why in a line.

        ``details`` is the traceback, if there is one.
        """

    def noted(self, text: str, aloud: bool) -> None:
        """Something worth keeping; ``aloud``: worth the user's attention. Some are said by several workers."""

    def swept(self, planned: Planned) -> None:
        """All runs have ended, and the tables, figures and report that belong to them are written."""

    def closed(self) -> None:
        """The last call, however training ended."""
