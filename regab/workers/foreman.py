"""The process that imports torch, examines configurations, and has chunks trained by workers.

Workers are forked after torch is imported and the data are loaded, so they begin at once and share that memory. A
worker that dies costs its chunk one attempt. If the main process dies, so does the foreman, and with it the workers.

Those for GPUs are spawned, which takes seconds: the first is as soon as there is a GPU, before it is known whether it
is asked for, and they are kept for what the main process has trained next.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections import deque
from functools import cached_property
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from regab.errors import CannotWrite, Interrupted, UsageError
from regab.processes import dismiss, serve_parent
from regab.workers import gpus
from regab.workers.events import Ended, Note
from regab.workers.plan import Chunk, split
from regab.workers.store import Store
from regab.workers.worker import Hiring, Worker

ATTEMPTS = 6  # halving finds the culprit among 32 runs; if all die, 63 workers of a chunk do


def foreman(pipe: Connection, to_close: list[Connection], ahead: bool) -> None:
    """Serve the main process at the other end of the pipe until it closes it.

    ``ahead``: a worker for a GPU may begin before there is anything to train.
    """
    serve_parent(to_close)
    spare = Spare()
    if ahead and (gpu := gpus.first()) is not None:
        spare.workers.append(spare.hiring.worker(0, gpu, pipe))
    try:
        _serve(pipe, spare)
    finally:
        spare.dismiss()


def _serve(pipe: Connection, spare: Spare) -> None:
    if "torch" in sys.modules:  # of whoever calls regab from Python
        from regab.workers import trainer

        trainer.forked_from_torch = True
    import torch

    from regab.training.process import tune

    torch.set_num_threads(1)  # more would have started threads, which do not survive a fork
    gc.freeze()  # what has been imported stays, and stays shared with the workers; to search it would take 0.1 s
    tune()
    while True:
        request, *content = _asked(pipe)
        if request == "end":
            return
        try:
            pipe.send(_answer(pipe, spare, request, *content))
        except BrokenPipeError:
            return
        import regab.workers.trainer  # noqa: F401  (while the main process plans, rather than in every worker)


def _asked(pipe: Connection) -> tuple[Any, ...]:
    """What the main process asks for; to end, if it is gone."""
    try:
        request: tuple[Any, ...] = pipe.recv()
        return request
    except (EOFError, ConnectionResetError):
        return ("end",)


def _answer(pipe: Connection, spare: Spare, request: str, *content: Any) -> tuple[str, Any]:
    from regab.workers.examine import examine_all

    try:
        if request == "examine":
            return "examined", examine_all(*content)
        if request == "train":
            WorkerPool(pipe, spare, *content).train_all()
        return "done", None
    except (UsageError, CannotWrite, Interrupted) as error:
        return "error", error


class Spare:
    """Spawned workers that have nothing to train, each at the place of its GPU."""

    def __init__(self) -> None:
        self.workers = list[Worker]()

    @cached_property
    def hiring(self) -> Hiring:
        """How they are begun; made where one is, as it takes a file."""
        return Hiring("spawn")

    def take(self, count: int) -> list[Worker]:
        """Up to so many of them; none where one has died."""
        if not all(worker.process.is_alive() for worker in self.workers):
            self.dismiss()
        taken, self.workers = self.workers[:count], self.workers[count:]
        return taken

    def dismiss(self) -> None:
        dismiss(self.workers)
        self.workers = []


class WorkerPool:
    """All workers, and the chunks that are still to be trained."""

    def __init__(self, pipe: Connection, spare: Spare, chunks: list[Chunk], folder: Path, workers: int) -> None:
        self.main, self.todo, self.folder, self.store = pipe, deque(chunks), folder, Store(folder.parents[1])
        self.spare = spare if on_gpus(chunks) else None
        self.gpus = gpus.of_torch() if self.spare else []
        count, method = min(workers, len(chunks)), "fork" if sys.platform == "linux" else "spawn"
        self.hiring = self.spare.hiring if self.spare else Hiring(method)
        self.workers = self.spare.take(count) if self.spare else []
        spare.dismiss()
        self.workers += [self._hire(number) for number in range(len(self.workers), count)]

    def _hire(self, number: int) -> Worker:
        return self.hiring.worker(number, self.gpus[number % len(self.gpus)] if self.gpus else None, self.main)

    def train_all(self) -> None:
        try:
            for worker in self.workers:
                self._next(worker)
            while busy := [worker for worker in self.workers if worker.chunk]:
                ready = wait([self.main, *(worker.pipe for worker in busy)])
                if self.main in ready:
                    self._hear()
                for worker in busy:
                    if worker.pipe in ready:
                        self._listen(worker)
            if self.spare:
                self.spare.workers, self.workers = self.workers, []
        finally:
            dismiss(self.workers)
        if self.hiring.stop.value:
            raise Interrupted

    def _next(self, worker: Worker) -> None:
        worker.chunk = None
        if self.todo and not self.hiring.stop.value:
            worker.give(self.todo.popleft(), self.folder)

    def _hear(self) -> None:
        """The main process asks to stop, or to end."""
        if _asked(self.main) == ("end",):
            for worker in self.workers:
                worker.process.kill()
            os._exit(1)
        self.hiring.stop.value = 1

    def _listen(self, worker: Worker) -> None:
        try:
            kind, content = worker.pipe.recv()
        except (EOFError, OSError):  # before or in the middle of a message
            self._replace(worker)
            return
        if kind == "error":
            raise content
        if kind == "free":
            self._next(worker)
            return
        for event in content:
            if isinstance(event, Ended):
                worker.left.pop(event.digest, None)
        self.main.send(("events", content))

    def _replace(self, worker: Worker) -> None:
        """A worker died: its chunk is tried again in halves, a single run once, and given up after ATTEMPTS."""
        worker.process.join()
        how, chunk = _how(worker.process.exitcode), worker.chunk
        assert chunk is not None, "only those who train are listened to"
        done = [Ended(run.digest, result) for run in worker.left.values() if (result := self.store.done(run))]
        left = [run for digest, run in worker.left.items() if digest not in {end.digest for end in done}]
        words = f"a worker {how} with {len(left)} runs in training (attempt {chunk.attempt + 1})"
        self.main.send(("events", [*done, Note(words)]))
        if chunk.attempt + 1 >= (2 if len(chunk.runs) == 1 else ATTEMPTS):
            from regab.workers.journal import fail

            often = f"{chunk.attempt + 1} times"
            self.main.send(("events", [fail(run, f"its worker {how}, {often}") for run in left]))
        else:
            self.todo.extendleft(split(chunk, left, self._saved(chunk)))
        place = self.workers.index(worker)
        self.workers[place] = self._hire(place)
        self._next(self.workers[place])

    def _saved(self, chunk: Chunk) -> str:
        """The key of the checkpoint from which what is left of a chunk can go on: its own, if it has got that far."""
        return chunk.key if (self.folder / f"{chunk.key}.pt").is_file() else chunk.resume


def on_gpus(chunks: list[Chunk]) -> bool:
    """Whether chunks are trained by CUDA, which a process that is forked cannot use."""
    return any(chunk.device == "cuda" for chunk in chunks)


def _how(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return f"was killed by {signal.Signals(-exitcode).name}"
    return f"ended with exit code {exitcode}"
