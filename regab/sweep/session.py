"""What one command line has started: a crew, and what it was called with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from regab.workers.crew import Alone, Crew


class Line(NamedTuple):
    """A command line with its shorthands written out."""

    words: list[str]
    dry_run: bool = False


@dataclass
class Session:
    """``line`` is the command line with its shorthands written out."""

    line: Line = field(default_factory=lambda: Line([]))
    crew: Crew | None = None

    def hire(self) -> None:
        """Have a foreman begin to import torch, long before it is needed."""
        self.crew = Crew()

    def trainer(self, workers: int) -> Alone | Crew:
        """Who trains with so many workers."""
        if workers == 0:
            return Alone()
        if self.crew is None:
            self.hire()
        return self.crew


_current = Session()


def current() -> Session:
    """The session of this process."""
    return _current


@contextmanager
def session() -> Iterator[Session]:
    """A session for one command line; at the end its crew is dismissed."""
    global _current
    before, _current = _current, Session()
    try:
        yield _current
    finally:
        if _current.crew:
            _current.crew.close()
        _current = before
