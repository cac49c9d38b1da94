"""The folder of a sweep: who trains in it, which runs it holds, by which command it was made, what can be resumed."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import yaml

from regab.config import Run, digest
from regab.errors import UsageError
from regab.measured import all_measured
from regab.records.files import PARTIAL, Texts, checksum, make_folder, to_json, with_checksum, write_atomically, writing
from regab.records.home import busy, holder_words, home, resume
from regab.records.load import load_json, load_result, load_yaml
from regab.records.log import CONFIG, HIDDEN, MODEL, OVERRIDES, PLACED
from regab.records.results import run_folders
from regab.script import is_script


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
            file = path.open("a+", encoding="utf-8", errors="replace")
        with file:
            try:
                _lock(file)
            except BlockingIOError as error:
                file.seek(0)
                raise UsageError(f"{self.root}: {busy(self.root, holder_words(file.read()))}") from error
            with writing(path):
                file.truncate(0)
                words = f"process {os.getpid()} on {socket.gethostname()} since {time.strftime('%F %T')}"
                os.write(file.fileno(), words.encode())  # of what a file kept for a full disk, closing would raise
            for partial in (*self.root.glob(PARTIAL), *self.hidden.glob(PARTIAL)):
                partial.unlink(missing_ok=True)
            try:
                yield
            finally:  # for copies of this process as well, which other threads may have made
                fcntl.flock(file, fcntl.LOCK_UN)

    def place(self, runs: list[Run]) -> None:
        """Record the folders of these runs, after those that are here already."""
        known = self.known() | {run.digest: run.folder.name for run in runs}
        write_atomically(self.root / PLACED, to_json(known), sync=True)

    def known(self) -> dict[str, str]:
        """Folders of this sweep's runs, by digest, in the order in which they were first asked for.

        Where that record is lost or damaged, the folders that are there.
        """
        placed = load_json(self.root / PLACED)
        if placed is not None and all(_is_name(name) for name in placed.values()):
            return placed
        names = run_folders(self.root) if self.root.is_dir() else []
        return {found: name for name in names if (found := _digest_in(self.root / name))}

    def done(self, run: Run) -> dict[str, Any] | None:
        """The result of a run that has finished, of which all was measured that is asked for now, and whose files are
        whole, its model's too."""
        result = load_result(run.folder)
        if not result or result.get("digest") != run.digest:
            return None
        if is_script(run.config):
            return result
        same = all_measured(run.config, result)
        return result if same and _has_its_files(result, run.folder) else None

    def resumable(self) -> dict[str, str]:
        """From which checkpoint, by key, each run (its digest) can go on: the one that has come farthest."""
        best: dict[str, tuple[int, str]] = {}
        for file in self.checkpoints.glob("*.json"):
            content = load_json(file)
            if content and file.with_suffix(".pt").is_file():
                for digest in content["ids"]:
                    best[digest] = max(best.get(digest, (-1, "")), (content["epoch"], file.stem))
        return {digest: key for digest, (_, key) in best.items()}

    def keep_checkpoints(self, keys: set[str]) -> None:
        """Remove all others: of earlier attempts, or half written."""
        for file in self.checkpoints.glob("*"):
            if file.stem not in keys:
                file.unlink(missing_ok=True)

    @contextmanager
    def claimed(self, runs: list[Run]) -> Iterator[None]:
        """Hold runs against other jobs of a launcher, which may have outlived the command that sent them.

        Waits until none of them is held by another.
        """
        path = self.hidden / "jobs" / "lock"
        with writing(path):
            file = path.open("ab")
        with file:  # a byte for each run, locked in order, so that two jobs never wait for each other
            for place in sorted(int(run.digest[:15], 16) for run in runs):
                fcntl.lockf(file, fcntl.LOCK_EX, 1, place)
            yield

    def clear_checkpoints(self) -> None:
        shutil.rmtree(self.checkpoints, ignore_errors=True)


def _lock(file: IO[str]) -> None:
    """Lock a file. Raises BlockingIOError where another process has it for more than a moment: whoever only asks
    whether somebody has it (regab ls) does so for some microseconds."""
    for seconds in (0.05, 0.2, 0.0):
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not seconds:
                raise
            time.sleep(seconds)


def describe(run: Run) -> None:
    """What Hydra writes of a job before it begins, in a tenth of its time; with checksums, and again if damaged."""
    overrides = [f"{key}={value}" for key, value in run.overrides.items()]
    texts = {run.folder / CONFIG: with_checksum(_as_yaml(run.config))}
    texts[run.folder / OVERRIDES] = with_checksum(_as_yaml(overrides))  # the last says that both are
    missing = {path: text for path, text in texts.items() if not _holds(path, text)}
    if missing:
        make_folder(run.folder / ".hydra")
    for path, text in missing.items():
        write_atomically(path, text)


def _as_yaml(content: dict[str, Any] | list[str]) -> str:
    """A configuration or a list of overrides, put together of parts, of which most runs of a sweep have the same."""
    parts = [[item] for item in content] if isinstance(content, list) else [{k: v} for k, v in content.items()]
    return "".join(map(_node, parts)) or _dumped(content)


def _node(part: Any) -> str:
    """A part as YAML; regularizers each by itself."""
    methods = part.get("reg") if isinstance(part, dict) else None
    return _together(methods) if isinstance(methods, dict) and methods else _dumped(part)


@Texts
def _together(methods: dict[str, Any]) -> str:
    each = (_dumped({"reg": {name: values}}) for name, values in methods.items())
    return "reg:\n" + "".join(text.removeprefix("reg:\n") for text in each)


# 2.3 ms for all of a configuration, 0.1 ms where all but a few numbers were written before.
_dumped = Texts(lambda part: str(yaml.dump(part, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True)))


def _digest_in(folder: Path) -> str | None:
    """Which run a folder is of; None if that is lost."""
    if result := load_result(folder):
        return result["digest"]
    try:
        return digest(load_yaml(folder / CONFIG))
    except (UsageError, KeyError, TypeError):
        return None


def _is_name(name: Any) -> bool:
    """Whether this is a folder's name, not a path that may lead elsewhere."""
    return isinstance(name, str) and name not in ("", ".", "..") and "/" not in name and "\0" not in name


def _has_its_files(result: dict[str, Any], folder: Path) -> bool:
    """Whether the model, and what else was written with the result, is there and whole.

    Not what ``regab clean`` has removed, which the result notes by None.
    """
    files = {MODEL: ""} | result["files"] if "files" in result else {}
    try:
        return all(its is None or checksum((folder / name).read_bytes()) == its for name, its in files.items())
    except OSError:
        return False


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode()
    except OSError:
        return False


def save_command(root: Path, words: list[str]) -> None:
    """Remember the command line that a run or a sweep was made by, for ``--resume``."""
    make_folder(root / HIDDEN)
    write_atomically(root / HIDDEN / "command.json", to_json({"words": words, "folder": os.getcwd()}), sync=True)


class Command(NamedTuple):
    """The words that made a folder, and the folder that they were given in, if that is another than this one."""

    words: list[str]
    folder: str | None


def load_command(root: Path) -> Command:
    """The command line that made a folder. Raises UsageError where there is none."""
    path = root / HIDDEN / "command.json"
    command = load_json(path) or {}
    if not command and not path.is_file():
        if home(root) != root:
            raise UsageError(f"--resume {root}: is a run of a sweep, which goes on as a whole: {resume(root)}")
        raise UsageError(f"--resume {root}: not a folder that regab train has written to")
    words, folder = command.get("words"), str(command.get("folder", ""))
    if not (isinstance(words, list) and all(isinstance(word, str) for word in words)):
        raise UsageError(f"--resume {root}: {path} is damaged; give the whole command and hydra.sweep.dir={root}")
    elsewhere = os.path.isdir(folder) and not os.path.samefile(folder, os.curdir)
    return Command(words, folder if elsewhere else None)


def quoted(value: str) -> str:
    """A value that Hydra's grammar takes as it is, and that refers to no other."""
    value = re.sub(r"(\\*)\$\{", lambda found: rf"{2 * found[1]}\${{", value)
    return "'" + re.sub(r"(\\*)('|$)", lambda found: 2 * found[1] + found[2].replace("'", r"\'"), value) + "'"
