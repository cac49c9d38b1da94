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
from regab.processes import die_with_parent, leave_signals_to_main
from regab.workers.plan import Chunk


@dataclass
class Worker:
    """A process that trains the chunks that it is given; ``left`` are the runs of the present one without a result."""

    process: Any
    pipe: Connection
    chunk: Chunk | None = None
    left: dict[str, Any] = field(default_factory=dict)

    def give(self, chunk: Chunk, folder: Path) -> None:
        self.chunk, self.left = chunk, {run.digest: run for run in chunk.runs}
        with suppress(OSError):  # one that has just died is found out by its pipe
            self.pipe.send((chunk, folder))


def dismiss(workers: list[Worker]) -> None:
    """End workers; one that is idle cannot see its pipe closed, of which others inherited an end."""
    for worker in workers:
        worker.process.kill()
    for worker in workers:
        worker.process.join()
        worker.pipe.close()


class Hiring:
    """Workers of one kind: forked from this process, or spawned, as a GPU asks for; and whether they are to stop."""

    def __init__(self, method: str) -> None:
        self.context: Any = get_context(method)
        self.stop = self.context.RawValue("b", 0)

    def worker(self, number: int, gpu: str | None, inherited: Connection) -> Worker:
        """One more, for a GPU by its name (None: whatever there is); where it is forked, it closes what it inherits."""
        ours, theirs = self.context.Pipe()
        to_close = [ours, inherited] if self.context.get_start_method() == "fork" else []
        arguments = theirs, to_close, self.stop, gpu
        process = self.context.Process(target=work, args=arguments, name=f"regab worker {number}")
        process.start()
        theirs.close()
        return Worker(process, ours)


def work(pipe: Connection, to_close: list[Connection], stop: Any, gpu: str | None) -> None:
    """A worker: train the chunks that come through the pipe, one thread, until it is closed.

    Spawned for a GPU, it sees no other.
    """
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu  # before torch is imported
    for connection in to_close:
        connection.close()
    leave_signals_to_main()
    die_with_parent()
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
