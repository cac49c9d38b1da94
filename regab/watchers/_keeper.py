"""Where trackers do their work: each in a process of its own.

What their libraries do there, be it slow or fatal, is not done to training: imported in a thread beside it, one made
matplotlib fail. Rows wait in a queue until they are taken.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
import subprocess
import sys
import threading
import traceback
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

LONGEST = 200  # characters of what a library says
SERVE = "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); import regab.watchers._keeper as k; k.serve()"
PR_SET_PDEATHSIG = 1


class Keeper:
    """A process that holds an object, whose methods are called there in order. ``answer`` is its attribute ``shown_by``
    at the end."""

    def __init__(self, made: tuple[Any, ...]) -> None:
        self.answer, self.failure = "", None
        self.todo = SimpleQueue[tuple[Any, ...] | None]()
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", SERVE],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.thread = threading.Thread(target=self._feed, args=([*sys.path], os.getpid(), made), daemon=True)
        self.thread.start()

    def call(self, method: str, *arguments: Any) -> None:
        """Have a method called, some time. Raises what an earlier call has raised there."""
        self._raise()
        self.todo.put((method, *arguments))

    def finish(self, seconds: float | None = None) -> bool:
        """Wait until all is done, so long; whether it is. Raises what a call has raised there."""
        self.todo.put(None)
        self.thread.join(seconds)
        self._raise()
        return not self.thread.is_alive()

    def _raise(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _feed(self, *before: Any) -> None:
        pipe, answers = self.process.stdin, self.process.stdout
        assert pipe is not None
        assert answers is not None
        with suppress(OSError), pipe:  # it has ended before; why, it will say
            for message in before:
                pickle.dump(message, pipe)
            while (message := self.todo.get()) is not None:
                pickle.dump(message, pipe)
                pipe.flush()
        with answers:
            content = answers.read()
        code = self.process.wait()
        kind, self.answer, details = pickle.loads(content) if content else ("", f"exit code {code}", "")
        if kind or not content:
            error = type(kind or "RuntimeError", (RuntimeError,), {})(self.answer)
            error.__cause__ = RuntimeError(details)
            self.failure = error


def serve() -> None:
    """The process: call what comes through the pipe; what was raised, or where to see what was kept, is the answer."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # libraries may print
    for number in (signal.SIGINT, signal.SIGTERM):  # which go to all processes, and are the main one's to obey
        signal.signal(number, signal.SIG_IGN)
    _end_with(pickle.load(sys.stdin.buffer))
    answer = ("", "", "")
    try:
        make, *arguments = pickle.load(sys.stdin.buffer)
        kept = make(*arguments)
        while True:
            try:
                method, *arguments = pickle.load(sys.stdin.buffer)
            except EOFError:
                break
            getattr(kept, method)(*arguments)
        answer = ("", kept.shown_by, "")
    except BaseException as error:
        line = f"{error}".partition("\n")[0]
        answer = (type(error).__name__, line if len(line) < LONGEST else f"{line[:LONGEST]}…", traceback.format_exc())
    pickle.dump(answer, answers)
    answers.close()


def _end_with(parent: int) -> None:
    """Have Linux kill this process when that one dies: another may go on where it was, and would be disturbed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
