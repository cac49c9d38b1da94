"""Runs of Weights & Biases, offline unless WANDB_MODE says otherwise."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

from regab.records.columns import measured
from regab.records.files import make_folder
from regab.watchers._tracker import Tracked, Tracker, numbers, seen_from_here
from regab.watchers.base import Row

FORBIDDEN = re.compile(r"[/\\#?%:]")  # in the name of a project
DONE = "regab.done"  # a file in the folder of an offline run that has finished
SECONDS = 60  # for the beginning of a run on the server


class WandB(Tracker):
    """Keeps runs in Weights & Biases, grouped by variant: offline in ``<sweep>/wandb`` (or WANDB_DIR), for ``wandb
    sync``, or on its server where WANDB_MODE=online.

    ``store``: a folder in place of the sweep's. ``project``: its name there; None: WANDB_PROJECT, or the sweep's.
    """

    library = "wandb"

    def open(self, root: Path, name: str) -> None:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        import wandb

        self.mode = os.environ.get("WANDB_MODE", "offline")
        if self.mode == "online" and not wandb.login(prompt=False):
            raise RuntimeError("WANDB_MODE=online, but nobody is logged in: wandb login")
        self.place, self.sweep = Path(self.store or os.environ.get("WANDB_DIR") or root).absolute(), name
        make_folder(self.place)
        self.named = FORBIDDEN.sub("-", self.project or os.environ.get("WANDB_PROJECT") or name)
        self.open_runs = dict[Path, Any]()
        self.shown_by = f"wandb sync {seen_from_here(self.place / 'wandb')}/offline-run-*"

    def holds(self, run: Tracked) -> bool:
        return any((folder / DONE).is_file() for folder in self._offline(run))

    def start(self, run: Tracked, rows: list[Row]) -> None:
        import wandb

        self._leave(run)
        for folder in self._offline(run):  # its rows are written again
            shutil.rmtree(folder)
        quiet = wandb.Settings(
            silent=True, console="off", disable_git=True, disable_code=True, x_disable_stats=True, init_timeout=SECONDS
        )
        self.open_runs[run.folder] = wandb.init(
            mode=self.mode, dir=str(self.place), project=self.named, id=run.identity, name=run.name, group=run.variant,
            job_type=self.sweep, config=run.parameters, settings=quiet, reinit="create_new", resume="allow",
        )  # fmt: skip
        for row in rows:
            self.log(run, row)

    def log(self, run: Tracked, row: Row) -> None:
        theirs = self.open_runs[run.folder]
        if numbers(row) and row["epoch"] >= theirs.starting_step:  # a server has what came before
            theirs.log(numbers(row), step=int(row["epoch"]))

    def end(self, run: Tracked, result: dict[str, Any] | None, error: str, files: list[Path]) -> None:
        theirs = self.open_runs.pop(run.folder)
        selected = result["selected"] if result else {}
        theirs.summary.update({f"selected_{name}": selected[name] for name in ["epoch", *measured(selected)] if result})
        theirs.summary.update({"error": error} if error else {})
        for file in files:
            copy = shutil.copy(file, theirs.dir)
            theirs.save(copy, base_path=theirs.dir, policy="now")
        folder = Path(theirs.dir).parent
        theirs.finish(exit_code=0 if result else 1)
        if result and self.mode == "offline":
            (folder / DONE).touch()

    def add(self, run: Tracked, files: list[Path]) -> None:
        self.again(run, files)

    def _leave(self, run: Tracked) -> None:
        """Of an attempt that is followed by another."""
        if theirs := self.open_runs.pop(run.folder, None):
            theirs.finish(exit_code=1)

    def _offline(self, run: Tracked) -> list[Path]:
        return [*self.place.glob(f"wandb/offline-run-*-{run.identity}")]
