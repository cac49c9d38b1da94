"""A bar of progress that Jupyter shows, without a widget: HTML that is written anew."""

from __future__ import annotations

import sys
import time
from html import escape
from typing import Any

from regab.config import Run
from regab.script import epochs_of
from regab.watchers.base import Planned, Row, Watcher

EVERY = 0.3  # seconds between two pictures


def in_notebook() -> bool:
    """Whether this is a kernel of Jupyter's."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell is not None and "IPKernelApp" in shell.config


class Bar(Watcher):
    """How many runs and epochs are done, how long it takes, and what was said aloud."""

    def planned(self, planned: Planned) -> None:
        from IPython.display import display

        self.runs, self.done, self.failed = planned.runs, len(planned.done), 0
        self.epochs = {digest: epochs_of(run.config) if digest in planned.done else 0
                       for digest, run in planned.runs.items()}  # fmt: skip
        self.total = {digest: epochs_of(run.config) for digest, run in planned.runs.items()}
        self.began = self.last = time.monotonic()
        self.notes: list[str] = []
        self.shown = display(_Html(self.html()), display_id=True)

    def epoch(self, run: Run, row: Row) -> None:
        self.epochs[run.digest] = int(row.get("epoch") or 0)
        self._show()

    def ended(self, run: Run, result: dict[str, Any] | None, error: str, details: str) -> None:
        self.done += 1
        self.failed += result is None
        self.epochs[run.digest] = self.total[run.digest]
        if error:
            self.notes.append(f"{run.folder.name} failed: {error}")
        self._show()

    def noted(self, text: str, aloud: bool) -> None:
        if aloud and text not in self.notes:
            self.notes.append(text)

    def closed(self) -> None:
        self._show(at_once=True)

    def _show(self, at_once: bool = False) -> None:
        now = time.monotonic()
        if at_once or now - self.last > EVERY:
            self.last = now
            self.shown.update(_Html(self.html()))

    def html(self) -> str:
        """The bar, a line below it, and the notes."""
        share = sum(self.epochs.values()) / max(sum(self.total.values()), 1)
        passed = time.monotonic() - self.began
        left = f", about {passed / share - passed:.0f} s left" if 0 < share < 1 else ""
        failed = f", {self.failed} failed" if self.failed else ""
        line = f"{self.done} of {len(self.runs)} runs done{failed}, {passed:.0f} s{left}"
        notes = "".join(f"<br><small>{escape(note)}</small>" for note in self.notes[-5:])
        return f'<progress value="{share:.3f}" max="1" style="width: 20em"></progress> {escape(line)}{notes}'


class _Html:
    """IPython's own class warns of tags that it does not expect."""

    def __init__(self, html: str) -> None:
        self.html = html

    def _repr_html_(self) -> str:
        return self.html
