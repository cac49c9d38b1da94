"""The watchers of one command, to which all that happens is said once."""

from __future__ import annotations

import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from regab.config import Run
from regab.errors import first_line
from regab.records.results import variant_name, varying
from regab.targets import locate
from regab.watchers import watchers
from regab.watchers.base import Planned, Watcher
from regab.workers.events import Ended, Epoch, Event, Note, Started


class Listeners:
    """``ended`` collects how runs ended, by digest, whoever listens."""

    def __init__(self, listening: dict[str, Watcher]) -> None:
        self.listening, self.ended = dict(listening), dict[str, Ended]()
        self.runs: dict[str, Run] = {}

    def planned(self, planned: Planned) -> None:
        """Training begins."""
        self.last, self.runs = planned, self.runs | planned.runs
        self._say("planned", planned)

    def report(self, events: list[Event]) -> None:
        """Take note of events."""
        for event in events:
            self._note(event)

    def swept(self) -> None:
        """What was planned last is done, and its files are written."""
        self._say("swept", self.last)

    def close(self) -> None:
        """The end, whatever it was."""
        self._say("closed")
        self.listening.clear()

    def _note(self, event: Event) -> None:
        if isinstance(event, Note):
            self._say("noted", event.text, event.aloud)
        elif isinstance(event, Started):
            self._say("started", self.runs[event.digest], event.first)
        elif isinstance(event, Epoch):
            self._say("epoch", self.runs[event.digest], dict(event.row))
        else:
            self.ended[event.digest] = event
            self._say("ended", self.runs[event.digest], event.result, event.error or "", event.details)

    def _say(self, what: str, *content: Any) -> None:
        for name, watcher in list(self.listening.items()):
            try:
                getattr(watcher, what)(*content)
            except Exception as error:
                del self.listening[name]
                self._leave_out(f"watcher {name} failed at {what} ({first_line(error)})", traceback.format_exc())

    def _leave_out(self, reason: str, details: str) -> None:
        line = f"{reason}; it is left out from now on, and the runs are not affected"
        with suppress(OSError, ValueError):
            print(f"regab: {line}", file=sys.stderr, flush=True)
        self._say("noted", f"{line}\n{details.rstrip()}", False)


def listeners(node: dict[str, Any], more: dict[str, Watcher]) -> Listeners:
    """Those that always listen, those that a checked ``watch`` node names, and ``more``.

    Raises UsageError where one does.
    """
    named = {*node["names"], *node["trackers"]}
    own = {n: (cls, node.get(n, {})) for n, cls in watchers().items() if cls.always or n in named}
    for name, options in node["extra"].items():
        cls = locate(options, f"watch.extra.{name}")
        own[name] = cls, {key: value for key, value in options.items() if key != "_target_"}
    return Listeners({name: cls(**options) for name, (cls, options) in own.items()} | more)


def planned(root: Path, runs: list[Run], done: dict[str, Ended], summary: str = "", single: bool = False) -> Planned:
    """What watchers are told of runs of which some are done."""
    factors = varying([run.overrides for run in runs])
    variants = {run.digest: variant_name({key: run.overrides.get(key, "") for key in factors}) for run in runs}
    results = {digest: end.result for digest, end in done.items() if end.result is not None}
    return Planned(root, {run.digest: run for run in runs}, results, variants, summary, single)
