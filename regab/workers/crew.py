"""Who trains: this process itself (Alone), or a foreman process with workers (Crew).

Both have the same methods. ``examine`` says what configurations are like; ``train_chunks`` reports events until all
chunks are done. A main process with a crew never imports torch: the foreman does so while the main process composes
configurations.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regab.errors import Interrupted, RunsFailed
from regab.processes import begun, wait_for_imports
from regab.workers.events import Event

if TYPE_CHECKING:  # the foreman is sent for before anything else is imported
    from multiprocessing.connection import Connection

    from regab.workers.plan import Chunk

Config = dict[str, Any]
Examined = tuple[list[Config], list[str], dict[str, Any]]
Report = Callable[[list[Event]], None]

# A small process that has imported little is forked in milliseconds; elsewhere than on Linux, forking is unsafe.
METHOD = "fork" if sys.platform == "linux" else "spawn"


class Alone:
    """Training in this process, chunk after chunk."""

    def examine(self, configs: list[Config], elsewhere: bool = False) -> Examined:
        from regab.workers.examine import examine_all

        return examine_all(configs, elsewhere)

    def train_chunks(self, chunks: list[Chunk], folder: Path, workers: int, report: Report) -> None:
        from regab.training.process import tune
        from regab.workers.trainer import train_chunk

        tune()
        with StopRequest() as stop:
            for chunk in chunks:
                train_chunk(chunk, folder, report, stop, threads=None)

    def close(self) -> None:
        """Nothing is left behind."""


class Crew:
    """A foreman process and its workers. ``reports``: whether what a report needs is imported while others work.

    ``ahead``: the first worker of a GPU may begin while it is still composed what to train. Being spawned it imports
    the module that is run, which must be one that expects this.
    """

    def __init__(self, ahead: bool = False) -> None:
        self.reports = True
        wait_for_imports()
        child = begun(get_context(METHOD), _foreman, "regab foreman", ahead)
        self.process, self.pipe = child.process, child.pipe

    def examine(self, configs: list[Config], elsewhere: bool = False) -> Examined:
        self._send(("examine", configs, elsewhere))
        self._get_ready(self.pipe.poll)  # the foreman still imports torch
        return self._receive()[1]

    def train_chunks(self, chunks: list[Chunk], folder: Path, workers: int, report: Report) -> None:
        self._send(("train", chunks, folder, workers))  # whole, before a signal may have something else sent
        with StopRequest(first=partial(self._say, "stop"), second=self.process.kill):
            self._get_ready()
            while (message := self._receive())[0] == "events":
                report(message[1])

    def _get_ready(self, enough: Callable[[], bool] = lambda: False) -> None:
        if self.reports:
            from regab.report.ready import get_ready

            get_ready(enough)

    def _send(self, message: tuple[Any, ...]) -> None:
        try:
            self.pipe.send(message)
        except OSError as error:
            raise self._dead() from error

    def _receive(self) -> tuple[str, Any]:
        try:
            kind, content = self.pipe.recv()
        except (EOFError, OSError) as error:
            raise self._dead() from error
        if kind == "error":
            raise content
        return kind, content

    def _dead(self) -> RunsFailed:
        self.process.join()
        return RunsFailed(f"the training process died (exit code {self.process.exitcode})")

    def _say(self, request: str) -> None:
        with suppress(OSError):  # where the foreman is dead already, its pipe will say so
            self.pipe.send((request,))

    def close(self) -> None:
        """Let the foreman end; it takes its workers along."""
        self._say("end")  # where another thread has copied this process, its copy keeps the pipe open
        self.pipe.close()
        self.process.join(timeout=5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _foreman(pipe: Connection, to_close: list[Connection], ahead: bool) -> None:
    from regab.workers.foreman import foreman

    foreman(pipe, to_close, ahead)


class StopRequest:
    """While entered, catches Ctrl-C and SIGTERM. True once asked to stop; leaving then raises Interrupted.

    The first request lets the epoch be finished and saved (``first`` passes it on), the second ends at once
    (``second``).
    """

    def __init__(
        self,
        first: Callable[[], None] = lambda: None,
        second: Callable[[], None] = lambda: None,
        words: str = "finishing and saving this epoch; interrupt again to stop at once",
    ) -> None:
        self.first, self.second, self.signal, self.words = first, second, 0, words
        self.before: dict[int, Any] = {}

    def __call__(self) -> bool:
        return bool(self.signal)

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            self.before = {s: signal.signal(s, self._asked) for s in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
        if self.signal and (error is None or isinstance(error, Interrupted | RunsFailed | KeyboardInterrupt)):
            raise Interrupted("interrupted", self.signal) from error

    def _asked(self, number: int, frame: Any) -> None:
        if self.signal:
            self.second()
            raise KeyboardInterrupt
        self.signal = number
        with suppress(OSError, RuntimeError):  # a terminal that is gone, or in the middle of being written to
            print(f"regab: {self.words}", file=sys.stderr, flush=True)
        self.first()
