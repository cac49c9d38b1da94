"""What a training process reports. Plain data, so that it passes between processes."""

from __future__ import annotations

from typing import Any, NamedTuple


class Started(NamedTuple):
    """A run's next row will be that of epoch ``first``: 0, unless it goes on where it was."""

    digest: str
    first: int


class Epoch(NamedTuple):
    """A run, named by its digest, has a new row."""

    digest: str
    row: dict[str, Any]


class Ended(NamedTuple):
    """A run has ended: with a result, or with an error and perhaps its traceback."""

    digest: str
    result: dict[str, Any] | None = None
    error: str | None = None
    details: str = ""


class Note(NamedTuple):
    """Something for the sweep's log; ``aloud`` also for the screen, once for many runs."""

    text: str
    aloud: bool = False


Event = Started | Epoch | Ended | Note
