"""Processes of our own: how they end with the one that made them, and work that is done beside another."""

from __future__ import annotations

import ctypes
import gc
import importlib
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

PR_SET_PDEATHSIG = 1

QUOTAS = ("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")  # of cgroups of version 2 and 1

NEW_OBJECTS = 10_000  # after which garbage is looked for; Python's own number is 700

T = TypeVar("T")
R = TypeVar("R")


def collect_rarely() -> None:
    """Collect garbage again (see ``regab.cli.main``), but less often than Python does.

    What a sweep is composed of, and what a report reads, lives until the end. The search for garbage in it, again and
    again, took 0.5 to 0.7 of the 9 CPU seconds of 1,024 tiny runs in the main process, and takes 0.15.
    """
    gc.set_threshold(NEW_OBJECTS)
    gc.enable()


@dataclass
class Child:
    """A process of ours that is spoken to through a pipe."""

    process: Any
    pipe: Connection


def begun(context: Any, work: Callable[..., None], name: str, *arguments: Any, inherited: Sequence[Any] = ()) -> Child:
    """A process that calls ``work(pipe, to_close, *arguments)``, which begins with ``serve_parent(to_close)``: our end
    of its pipe and what else it has ``inherited``, if it was forked."""
    ours, theirs = context.Pipe()
    to_close = [ours, *inherited] if context.get_start_method() == "fork" else []
    process = context.Process(target=work, args=(theirs, to_close, *arguments), name=name)
    process.start()
    theirs.close()
    return Child(process, ours)


def serve_parent(to_close: Sequence[Connection]) -> None:
    """Become a process that ends with the one that made it, and before that only as it is told through its pipe."""
    for connection in to_close:
        connection.close()
    leave_signals_to_main()
    die_with_parent()


def dismiss(children: Sequence[Child]) -> None:
    """End processes; one that is idle cannot see its pipe closed, of which others inherited an end."""
    for child in children:
        child.process.kill()
    for child in children:
        child.process.join()
        child.pipe.close()


def leave_signals_to_main() -> None:
    """Ctrl-C, and the SIGTERM of a cluster, go to all processes; the main process hears them and says what to do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def die_with_parent() -> None:
    """Have Linux kill this process when the one that made it dies, however it does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        parent = parent_process()
        if parent is None or os.getppid() != parent.pid:  # it has died already
            os._exit(1)


def cores() -> int:
    """The cores that this process may use: those it is bound to, but no more than it takes to use its quota up."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(bound, math.ceil(min(quota(), bound)))


def quota(root: Path = Path("/")) -> float:
    """Of how many cores Linux grants this process the time (``docker --cpus``, systemd's ``CPUQuota``); else inf."""
    granted = [math.inf]
    with suppress(OSError, ValueError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers or "cpu" in controllers.split(","):
                place = root / "sys/fs/cgroup" / controllers / path.lstrip("/")
                granted += map(_granted, (place, *place.parents))  # a container's own stands at the top
    return min(granted)


def _granted(cgroup: Path) -> float:
    for names in QUOTAS:
        with suppress(OSError, ValueError):
            time, period = " ".join((cgroup / name).read_text() for name in names).split()
            if int(time) > 0:  # else -1, or "max"
                return int(time) / int(period)
    return math.inf


def wait_for_imports(most: float = 30.0) -> None:
    """Until no other thread imports a module, or for so many seconds, before this process is forked.

    The copy would have the locks of these modules, but nobody who opens them: it would wait forever to import them.
    """
    held: dict[str, Any] = getattr(getattr(importlib, "_bootstrap", None), "_module_locks", {})  # Python's own
    end, mine = time.monotonic() + most, (None, threading.get_ident())
    while time.monotonic() < end and any(getattr(ref(), "owner", None) not in mine for ref in [*held.values()]):
        time.sleep(0.01)


def beside(work: Callable[[], R]) -> Callable[[], R]:
    """Begin some work in a copy of this process, to be called for its result: what can be pickled, or files.

    The call does the work itself where a copy would not be safe (other threads may hold locks, and are not copied; so
    it is only on Linux), and where the copy has failed or was killed, so that errors are raised as ever.
    """
    if sys.platform != "linux" or threading.active_count() > 1:
        return work
    context = get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_copy, args=(work, ours, theirs), daemon=True)
    process.start()
    theirs.close()
    return partial(_result, work, ours, process)


def _copy(work: Callable[[], R], ours: Connection, theirs: Connection) -> None:
    ours.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    die_with_parent()
    with suppress(Exception):
        theirs.send(work())


def _result(work: Callable[[], R], ours: Connection, process: Any) -> R:
    try:
        found: R = ours.recv()
    except EOFError:
        process.join()
        return work()
    finally:
        ours.close()
    process.join()
    return found


def shared_out(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """The result of each item, which processes share, one for each core."""
    count = max(1, min(len(items), cores() if sys.platform == "linux" else 1))
    shares = [beside(partial(_each, work, items[i::count])) for i in range(1, count)]
    found = [_each(work, items[::count]), *(share() for share in shares)]
    return [found[i % count][i // count] for i in range(len(items))]


def _each(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    return [*map(work, items)]
