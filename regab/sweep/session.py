"""What one command line has started: a crew, and the words it was called with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from regab.sweep.crew import Alone, Crew


@dataclass
class Session:
    """``words`` are the command line with its shorthands written out."""

    words: list[str] = field(default_factory=list)
    crew: Crew | None = None
    dry_run: bool = False

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
def session(words: list[str], dry_run: bool = False) -> Iterator[Session]:
    """A session for one command line; at the end its crew is dismissed."""
    global _current
    before, _current = _current, Session(words, dry_run=dry_run)
    try:
        yield _current
    finally:
        if _current.crew:
            _current.crew.close()
        _current = before
