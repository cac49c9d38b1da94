"""The folder of a sweep: who trains in it, which runs it holds, by which command it was made, what can be resumed."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from regab.config import Run
from regab.errors import UsageError
from regab.records.files import make_folder, to_json, write_atomically, writing
from regab.records.load import load_result

HIDDEN = ".regab"


class Store:
    """What regab keeps in ``<root>/.regab/``: a lock, the runs by digest, the command, and checkpoints."""

    def __init__(self, root: Path) -> None:
        self.root, self.hidden = root, root / HIDDEN

    @property
    def checkpoints(self) -> Path:
        return self.hidden / "checkpoints"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder against other processes. Raises UsageError, saying who holds it; CannotWrite."""
        make_folder(self.hidden)
        path = self.hidden / "lock"
        with writing(path):
            file = path.open("a+")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                file.seek(0)
                raise UsageError(
                    f"{self.root}: {file.read().strip()} is training here; wait until it is done"
                ) from error
            with writing(path):
                file.truncate(0)
                file.write(f"process {os.getpid()} on {socket.gethostname()} since {time.strftime('%F %T')}")
                file.flush()
            yield

    def place(self, runs: list[Run]) -> None:
        """Record the folders of these runs, after those that are here already."""
        known = self.known() | {run.digest: run.folder.name for run in runs}
        write_atomically(self.hidden / "runs.json", to_json(known))

    def known(self) -> dict[str, str]:
        """Folders of this sweep's runs, by digest, in the order in which they were first asked for."""
        return _read(self.hidden / "runs.json") or {}

    def done(self, run: Run) -> dict[str, Any] | None:
        """The result of a run that has finished."""
        result = load_result(run.folder)
        return result if result and result.get("digest") == run.digest else None

    def resumable(self) -> dict[str, str]:
        """From which checkpoint, by key, each run (its digest) can go on: the one that has come farthest."""
        best: dict[str, tuple[int, str]] = {}
        for file in self.checkpoints.glob("*.json"):
            content = _read(file)
            if content and file.with_suffix(".pt").is_file():
                for digest in content["ids"]:
                    best[digest] = max(best.get(digest, (-1, "")), (content["epoch"], file.stem))
        return {digest: key for digest, (_, key) in best.items()}

    def clear_checkpoints(self) -> None:
        shutil.rmtree(self.checkpoints, ignore_errors=True)


def describe(run: Run) -> None:
    """What Hydra writes of a job before it begins, in a tenth of Hydra's time."""
    folder = run.folder / ".hydra"
    make_folder(folder)
    overrides = [f"{key}={value}" for key, value in run.overrides.items()]
    for name, content in (("config", run.config), ("overrides", overrides)):
        text = yaml.dump(content, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True)
        write_atomically(folder / f"{name}.yaml", text)


def save_command(root: Path, words: list[str]) -> None:
    """Remember the command line that a run or a sweep was made by, for ``--resume``."""
    make_folder(root / HIDDEN)
    write_atomically(root / HIDDEN / "command.json", to_json({"words": words, "folder": os.getcwd()}))


def load_command(root: Path) -> list[str]:
    """The command line that made a folder. Raises UsageError where there is none."""
    command = _read(root / HIDDEN / "command.json")
    if command is None:
        raise UsageError(f"--resume {root}: not a folder that regab train has written to")
    return command["words"]


def _read(path: Path) -> Any:
    """A JSON file's content; None if there is none that can be read."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None
