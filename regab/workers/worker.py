"""A process that trains one chunk at a time, and how such are begun."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from regab.errors import CannotWrite, Interrupted
from regab.processes import Child, begun, serve_parent
from regab.workers.plan import Chunk


@dataclass
class Worker(Child):
    """A process that trains the chunks that it is given; ``left`` are the runs of the present one without a result."""

    chunk: Chunk | None = None
    left: dict[str, Any] = field(default_factory=dict)

    def give(self, chunk: Chunk, folder: Path) -> None:
        self.chunk, self.left = chunk, {run.digest: run for run in chunk.runs}
        with suppress(OSError):  # one that has just died is found out by its pipe
            self.pipe.send((chunk, folder))


class Hiring:
    """Workers of one kind: forked from this process, or spawned, as a GPU asks for; and whether they are to stop."""

    def __init__(self, method: str) -> None:
        self.context: Any = get_context(method)
        self.stop = self.context.RawValue("b", 0)

    def worker(self, number: int, gpu: str | None, inherited: Connection) -> Worker:
        """One more, for a GPU by its name (None: whatever there is)."""
        child = begun(self.context, work, f"regab worker {number}", self.stop, gpu, inherited=[inherited])
        return Worker(child.process, child.pipe)


def work(pipe: Connection, to_close: list[Connection], stop: Any, gpu: str | None) -> None:
    """A worker: train the chunks that come through the pipe, one thread, until it is closed.

    Spawned for a GPU, it sees no other.
    """
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu  # before torch is imported
    serve_parent(to_close)
    import torch

    from regab.training.process import tune
    from regab.workers.writers import Writers

    torch.set_num_threads(1)
    tune()
    if gpu is None or sys.platform != "linux":
        return _train(pipe, stop)
    writers = Writers([pipe])
    try:
        if torch.cuda.is_available():
            with suppress(RuntimeError):  # where something is wrong with it, training will say what
                torch.cuda.synchronize()  # CUDA sets itself up, for up to a second
        _train(pipe, stop, journals=writers.open)
    finally:
        writers.close()


def _train(pipe: Connection, stop: Any, **how: Any) -> None:
    from regab.workers.trainer import train_chunk

    while True:
        try:
            chunk, folder = pipe.recv()
        except (EOFError, ConnectionResetError):
            return
        try:
            train_chunk(chunk, folder, lambda e: pipe.send(("events", e)), lambda: bool(stop.value), threads=1, **how)
        except Interrupted:
            pass
        except CannotWrite as error:
            pipe.send(("error", error))
            return
        pipe.send(("free", None))
