"""Training by another of Hydra's launchers (joblib, submitit, ray): one job per chunk.

A job is a call of Hydra's own with one override, its folder; there it finds the chunk that it is to train. Folders,
identities and checkpoints of the runs are those of any sweep.
"""

from __future__ import annotations

import json
import math
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from hydra.core.utils import JobStatus
from hydra.plugins.launcher import Launcher

from regab.config import Run
from regab.errors import Interrupted, RunsFailed
from regab.records.files import make_folder, write_atomically
from regab.records.load import load_error
from regab.workers.crew import Alone, Config, Crew, Examined, Report, StopRequest
from regab.workers.events import Ended
from regab.workers.plan import Chunk
from regab.workers.store import Store, quoted

CHUNK = "chunk.json"
POLL = 1.0  # seconds between looking for runs that have ended


class Launched:
    """Trains by a launcher of Hydra's; ``examiner`` examines."""

    def __init__(self, launcher: Launcher, examiner: Alone | Crew) -> None:
        self.launcher, self.examiner = launcher, examiner

    def examine(self, configs: list[Config]) -> Examined:
        """As everyone, but for the device: that of the jobs need not be that of this machine."""
        return self.examiner.examine(configs, elsewhere=True)

    def train_chunks(self, chunks: list[Chunk], folder: Path, workers: int, report: Report) -> None:
        root = folder.parents[1].absolute()
        jobs = [[f"hydra.sweep.dir={quoted(str(root))}", f"hydra.sweep.subdir={_place(c, root)}"] for c in chunks]
        with _Watching([run for chunk in chunks for run in chunk.runs], Store(root), report) as watching:
            reasons = self._launch(jobs)
        if watching.left:
            raise RunsFailed(f"{len(watching.left)} runs were left unfinished by their jobs{reasons}")

    def _launch(self, jobs: list[list[str]]) -> str:
        """Wait for jobs; why some failed, if they did."""
        if not jobs:  # submitit's launcher insists on one
            return ""
        try:
            ended = self.launcher.launch(jobs, initial_job_idx=0)
        except KeyboardInterrupt as error:
            raise Interrupted("interrupted") from error
        except Exception as error:
            raise RunsFailed(f"the launcher gave up ({_in_a_line(error)})") from error
        failed = [job._return_value for job in ended if job.status is JobStatus.FAILED]  # return_value would raise it
        return f" ({_in_a_line(failed[0])})" if failed else ""


def _in_a_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _place(chunk: Chunk, root: Path) -> str:
    """Write what a job is to do; its folder in the sweep's."""
    place = Path(".regab") / "jobs" / chunk.key
    make_folder(root / place)
    write_atomically(root / place / CHUNK, json.dumps(asdict(chunk), default=str))
    return quoted(str(place))


class _Watching:
    """While entered, reports runs as their files say that they have ended."""

    def __init__(self, runs: Sequence[Run], store: Store, report: Report) -> None:
        self.left, self.store, self.report, self.over = list(runs), store, report, threading.Event()
        for run in runs:
            (run.folder / "error.txt").unlink(missing_ok=True)
        self.thread = threading.Thread(target=self._poll, daemon=True)

    def __enter__(self) -> _Watching:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()
        self._look()

    def _poll(self) -> None:
        while not self.over.wait(POLL):
            self._look()

    def _look(self) -> None:
        for run in list(self.left):
            if ended := _ended(self.store, run):
                self.left.remove(run)
                self.report([ended])


def _ended(store: Store, run: Run) -> Ended | None:
    if result := store.done(run):
        return Ended(run.digest, result)
    error = load_error(run.folder)
    return Ended(run.digest, error=error) if error else None


def is_job(folder: Path) -> bool:
    """Whether this is the folder of a job of ``Launched``."""
    return (folder / CHUNK).is_file()


def train_job(folder: Path) -> float:
    """Do what the job's file says; what is done already, by an earlier attempt, is left alone."""
    from regab.training.process import tune
    from regab.workers.trainer import train_chunk

    tune()
    chunk, store = _load(folder / CHUNK), Store(folder.parents[2])
    with store.claimed(chunk.runs):
        resumable, parts = store.resumable(), defaultdict[str, list[Run]](list)
        for run in chunk.runs:
            if store.done(run) is None:
                parts[resumable.get(run.digest, "")].append(run)
        with StopRequest() as stop:
            for key, runs in parts.items():
                train_chunk(replace(chunk, runs=runs, resume=key), store.checkpoints, _nobody, stop, threads=1)
    return math.nan


def _load(path: Path) -> Chunk:
    content = json.loads(path.read_text())
    runs = [Run(run["config"], Path(run["folder"]), run["overrides"]) for run in content.pop("runs")]
    return Chunk(runs, **content)


def _nobody(event: Any) -> None:
    """The launching process reads files."""
