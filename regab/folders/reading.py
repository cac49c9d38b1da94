"""A folder of results, told to a watcher from its files as if it were trained."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from regab.config import Run
from regab.errors import UsageError
from regab.records.load import load_config, load_error, load_result, load_rows, load_yaml
from regab.records.log import ERROR, METRICS, OVERRIDES, RESULT
from regab.records.results import is_run
from regab.records.state import is_imported
from regab.sweep.listeners import planned
from regab.watchers.base import Watcher
from regab.workers.events import Ended
from regab.workers.store import Store


def runs_in(root: Path) -> list[Run]:
    """The runs that a folder holds, in the order in which they were asked for, as far as they are described yet.

    Raises UsageError where it holds none of regab's.
    """
    if is_run(root):
        return [_run(root, (load_result(root) or {}).get("digest", root.name))]
    if is_imported(root):
        raise UsageError(f"{root}: are results made elsewhere; only regab's own runs can be read again")
    known = Store(root).known() if root.is_dir() else {}
    if not known:
        raise UsageError(f"{root}: is no folder of regab's; see: regab ls")
    folders = [(root / name, digest) for digest, name in known.items()]
    return [_run(folder, digest) for folder, digest in folders if (folder / OVERRIDES).is_file()]


def _run(folder: Path, digest: str) -> Run:
    overrides = dict(word.partition("=")[::2] for word in load_yaml(folder / OVERRIDES))
    run = Run(load_config(folder), folder, overrides)
    vars(run)["digest"] = digest  # which another version of regab may have given it
    return run


class Reading:
    """What was told of a folder; at the first look, with ``past``, also what was done before."""

    def __init__(self, root: Path, listener: Watcher, past: bool = True) -> None:
        self.root, self.listener, self.past = root, listener, past
        self.runs, self.over, self.told = dict[str, Run](), set[str](), dict[str, tuple[int, int]]()

    def look(self) -> None:
        """Tell what is new."""
        if not set(runs := {run.digest: run for run in runs_in(self.root)}) <= set(self.runs):
            self._plan(runs)
        for run in self.runs.values():
            self._look_at(run)

    def _plan(self, runs: dict[str, Run]) -> None:
        first, self.runs = not self.runs, self.runs | runs
        if first and not self.past:
            self.over = {digest for digest, run in runs.items() if load_result(run.folder)}
        done = {digest: Ended(digest, load_result(runs[digest].folder)) for digest in self.over}
        self.planned = planned(self.root, [*self.runs.values()], done, single=is_run(self.root))
        self.listener.planned(self.planned)

    def _look_at(self, run: Run) -> None:
        ended = (run.folder / RESULT).is_file() or (run.folder / ERROR).is_file()
        if not ended:
            self.over.discard(run.digest)  # it is trained again
        if run.digest not in self.over:
            self._tell_rows(run)
            if ended and (told := _end(run)):
                self.over.add(run.digest)
                self.listener.ended(run, *told)

    def _tell_rows(self, run: Run) -> None:
        try:
            file = os.stat(run.folder / METRICS).st_ino
        except OSError:
            return
        rows, (known, seen) = load_rows(run.folder), self.told.get(run.digest, (0, 0))
        if file != known or len(rows) < seen:  # it begins, or begins anew; what it has is no news
            seen = len(rows)
            self.listener.started(run, rows[-1]["epoch"] + 1 if rows else 0)
        for row in rows[seen:]:
            self.listener.epoch(run, row)
        self.told[run.digest] = file, len(rows)


def _end(run: Run) -> tuple[dict[str, Any] | None, str, str] | None:
    if result := load_result(run.folder):
        return result, "", ""
    if error := load_error(run.folder):
        details = (run.folder / ERROR).read_text(errors="replace").partition("\n")[2]
        return None, error, details
    return None
