"""sweep.log: when what happened, with the tracebacks of runs that failed."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from regab.records.results import outcome
from regab.watchers.base import Planned, Watcher

if TYPE_CHECKING:
    from pathlib import Path

    from regab.config import Run


class Log(Watcher):
    """A line for whatever takes place once per run or less, in ``sweep.log`` of a sweep's folder."""

    always = True

    def __init__(self) -> None:
        self.path: Path | None = None
        self.noted_before = set[str]()

    def planned(self, planned: Planned) -> None:
        self.path = None if planned.single else planned.root / "sweep.log"
        self._write(planned.summary)

    def ended(self, run: Run, result: dict[str, Any] | None, error: str, details: str) -> None:
        line = f"{run.folder.name}: " + (outcome(result) if result else f"failed: {error}")
        self._write(f"{line}\n{details.rstrip()}" if details else line)

    def noted(self, text: str, aloud: bool) -> None:
        if not aloud or text not in self.noted_before:
            self.noted_before.add(text)
            self._write(text)

    def swept(self, planned: Planned) -> None:
        self._write("done")

    def _write(self, text: str) -> None:
        # Opened for every line, of which there are few: so a disk that was full for a while loses no more than it
        # must. Others say that it is full.
        if self.path:
            with suppress(OSError), self.path.open("a", encoding="utf-8") as file:
                file.write(f"{time.strftime('%F %T')} {text}\n")
