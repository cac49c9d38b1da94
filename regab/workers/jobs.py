"""Training by another of Hydra's launchers (joblib, submitit, ray): one job per chunk.

A job is a call of Hydra's own with one override, its folder; there it finds the chunk that it is to train. Folders,
identities and checkpoints of the runs are those of any sweep.
"""

from __future__ import annotations

import json
import math
import threading
from collections import defaultdict
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from hydra.core.utils import JobStatus
from hydra.plugins.launcher import Launcher

from regab.config import Run
from regab.errors import Interrupted, RunsFailed, first_line
from regab.records.files import make_folder, write_atomically, writing
from regab.records.load import load_error
from regab.records.log import ERROR, HIDDEN
from regab.script import is_script
from regab.workers.crew import Alone, Config, Crew, Examined, Report, StopRequest
from regab.workers.events import Ended, Epoch, Event, Note, Started
from regab.workers.plan import Chunk
from regab.workers.scripts import Scripts, run_all
from regab.workers.store import Store, quoted

CHUNK, EVENTS = "chunk.json", "events.jsonl"
POLL = 1.0  # seconds between looking for events
KINDS = {kind.__name__: kind for kind in (Started, Epoch, Note)}


class Launched:
    """Trains by a launcher of Hydra's; ``examiner`` examines."""

    def __init__(self, launcher: Launcher, examiner: Alone | Crew | Scripts) -> None:
        self.launcher, self.examiner = launcher, examiner

    def examine(self, configs: list[Config]) -> Examined:
        """As everyone, but for the device: that of the jobs need not be that of this machine."""
        return self.examiner.examine(configs, elsewhere=True)

    def train_chunks(self, chunks: list[Chunk], folder: Path, workers: int, report: Report) -> None:
        root = folder.parents[1].absolute()
        jobs = [[f"hydra.sweep.dir={quoted(str(root))}", f"hydra.sweep.subdir={_place(c, root)}"] for c in chunks]
        with _Following(chunks, Store(root), report) as following:
            reasons = self._launch(jobs)
        if following.left:
            raise RunsFailed(f"{len(following.left)} runs were left unfinished by their jobs{reasons}")

    def _launch(self, jobs: list[list[str]]) -> str:
        """Wait for jobs; why some failed, if they did."""
        if not jobs:  # submitit's launcher insists on one
            return ""
        try:
            ended = self.launcher.launch(jobs, initial_job_idx=0)
        except KeyboardInterrupt as error:
            raise Interrupted("interrupted") from error
        except Exception as error:
            raise RunsFailed(f"the launcher gave up ({first_line(error)})") from error
        failed = [job._return_value for job in ended if job.status is JobStatus.FAILED]  # return_value would raise it
        return f" ({first_line(failed[0])})" if failed else ""


def _place(chunk: Chunk, root: Path) -> str:
    """Write what a job is to do; its folder in the sweep's."""
    place = _folder(chunk)
    make_folder(root / place)
    (root / place / EVENTS).unlink(missing_ok=True)  # of an earlier attempt
    write_atomically(root / place / CHUNK, json.dumps(asdict(chunk), default=str))
    return quoted(str(place))


def _folder(chunk: Chunk) -> Path:
    return Path(HIDDEN) / "jobs" / chunk.key


class _Following:
    """While entered, reports what jobs write down in their folders; at the end, how all runs ended.

    A job may lose what it would have written, or be one that another command has sent: the runs' files count.
    """

    def __init__(self, chunks: list[Chunk], store: Store, report: Report) -> None:
        self.left = {run.digest: run for chunk in chunks for run in chunk.runs}
        self.store, self.report, self.over = store, report, threading.Event()
        self.read = {store.root / _folder(chunk) / EVENTS: 0 for chunk in chunks}  # bytes of each
        for run in self.left.values():
            (run.folder / "error.txt").unlink(missing_ok=True)
        self.thread = threading.Thread(target=self._poll, daemon=True)

    def __enter__(self) -> _Following:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()
        self._look()
        self.report([ended for run in [*self.left.values()] if (ended := self._ended(run.digest))])

    def _poll(self) -> None:
        while not self.over.wait(POLL):
            self._look()

    def _look(self) -> None:
        for path in self.read:
            self.report(list(filter(None, map(self._event, self._lines(path)))))

    def _lines(self, path: Path) -> list[bytes]:
        """What was added to a file since the last time, in whole lines."""
        try:
            with path.open("rb") as file:
                file.seek(self.read[path])
                lines = file.readlines()
        except OSError:  # the job has not begun
            return []
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()
        self.read[path] += sum(map(len, lines))
        return lines

    def _event(self, line: bytes) -> Event | None:
        kind, content = json.loads(line)
        return self._ended(*content) if kind == "Ended" else KINDS[kind](*content)

    def _ended(self, digest: str) -> Ended | None:
        """How a run ended by its files, once."""
        run = self.left.get(digest)
        ended = _ended(self.store, run) if run else None
        if ended:
            del self.left[digest]
        return ended


def _ended(store: Store, run: Run) -> Ended | None:
    if result := store.done(run):
        return Ended(run.digest, result)
    error = load_error(run.folder)
    if error is None:
        return None
    return Ended(run.digest, error=error, details=(run.folder / ERROR).read_text(errors="replace").partition("\n")[2])


def is_job(folder: Path) -> bool:
    """Whether this is the folder of a job of ``Launched``."""
    return (folder / CHUNK).is_file()


def train_job(folder: Path) -> float:
    """Do what the job's file says; what is done already, by an earlier attempt, is left alone."""
    chunk, store, write = _load(folder / CHUNK), Store(folder.parents[2]), partial(_write, folder / EVENTS)
    with store.claimed(chunk.runs):
        if is_script(chunk.runs[0].config):
            with StopRequest() as stop:
                run_all([run for run in chunk.runs if store.done(run) is None], 1, write, stop)
            return math.nan
        resumable, parts = store.resumable(), defaultdict[str, list[Run]](list)
        for run in chunk.runs:
            if store.done(run) is None:
                parts[resumable.get(run.digest, "")].append(run)
        from regab.training.process import tune
        from regab.workers.trainer import train_chunk

        tune()
        with StopRequest() as stop:
            for key, runs in parts.items():
                train_chunk(replace(chunk, runs=runs, resume=key), store.checkpoints, write, stop, threads=1)
    return math.nan


def _load(path: Path) -> Chunk:
    content = json.loads(path.read_text("utf-8"))
    runs = [Run(run["config"], Path(run["folder"]), run["overrides"]) for run in content.pop("runs")]
    return Chunk(runs, **content)


def _write(path: Path, events: list[Event]) -> None:
    """For the launching process to read. How a run ended stands in its own files."""
    content = [[type(e).__name__, [e.digest] if isinstance(e, Ended) else e] for e in events]
    with writing(path), path.open("a", encoding="utf-8") as file:
        file.write("".join(f"{json.dumps(each)}\n" for each in content))
