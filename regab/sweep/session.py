"""What one command line has started: a crew, and what it was called with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from regab.sweep.listeners import Listeners, listeners
from regab.watchers.base import Watcher
from regab.workers.crew import Alone, Crew


class Line(NamedTuple):
    """A command line with its shorthands written out; ``folder`` is where it was given first, if not here;
    ``config`` names the file of the configuration."""

    words: list[str]
    dry_run: bool = False
    folder: str | None = None
    config: str = "config"


@dataclass
class Session:
    """``line`` is the command line with its shorthands written out; ``own`` watchers are named by no configuration."""

    line: Line = field(default_factory=lambda: Line([]))
    crew: Crew | None = None
    listeners: Listeners | None = None
    own: dict[str, Watcher] = field(default_factory=dict)

    def hire(self, ahead: bool = False) -> None:
        """Have a foreman begin to import torch, long before it is needed; ``ahead``: and a worker of a GPU, if any."""
        self.crew = Crew(ahead)

    def trainer(self, workers: int) -> Alone | Crew:
        """Who trains with so many workers."""
        if workers == 0:
            return Alone()
        if self.crew is None:
            self.hire()
        assert self.crew is not None
        self.crew.reports = not self.line.dry_run
        return self.crew

    def listen(self, node: dict[str, Any]) -> None:
        """Have those listen that a ``watch`` node names, unless some do already. Raises UsageError."""
        self.listeners = self.listeners or listeners(node, self.own)

    @contextmanager
    def listening(self, more: bool) -> Iterator[Listeners]:
        """Those who listen; unless there is ``more`` to come, for the last time."""
        assert self.listeners is not None, "listen() comes first"
        try:
            yield self.listeners
        finally:
            if not more:
                self.dismiss()

    def dismiss(self) -> None:
        """Nobody listens any more."""
        if self.listeners:
            self.listeners.close()
        self.listeners = None


_current = Session()


def current() -> Session:
    """The session of this process."""
    return _current


@contextmanager
def session(own: dict[str, Watcher] | None = None) -> Iterator[Session]:
    """A session for one command line, to which ``own`` watchers listen; at the end its crew and its listeners are
    dismissed."""
    global _current
    before, _current = _current, Session(own=own or {})
    try:
        yield _current
    finally:
        _current.dismiss()
        if _current.crew:
            _current.crew.close()
        _current = before
