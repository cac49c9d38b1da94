"""The folder in which runs are trained: who trains there, and how to go on."""

from __future__ import annotations

import fcntl
from pathlib import Path
from shlex import quote

from regab.records.log import HIDDEN


def home(folder: Path) -> Path:
    """The folder that is locked while a run is trained, and that ``--resume`` takes: that of its sweep, or its own."""
    if (folder / HIDDEN).is_dir() or not (folder.absolute().parent / HIDDEN).is_dir():
        return folder
    return folder.parent if folder.name not in ("", "..") else folder.absolute().parent


def folder_words(folder: Path) -> str:
    """A folder as seen from where the user stands."""
    try:
        return str(folder.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(folder)


def resume(folder: Path) -> str:
    """The command that goes on with a sweep, or with what a run is of."""
    return f"regab train --resume {quote(folder_words(home(folder)))}"


def go_on(folder: Path) -> str:
    """How to go on where nobody trains any more."""
    return f"go on with: {resume(folder)}"


def next_step(folder: Path) -> str:
    """What to do about a run or a sweep that has not finished: to wait, where somebody trains it, or to go on."""
    who = holder(home(folder))
    return busy(folder, who) if who else go_on(folder)


def busy(folder: Path, who: str) -> str:
    """That somebody trains in a folder, and how to wait for that."""
    return f"{who} is training here; regab watch {quote(folder_words(folder))} waits until it is done"


def holder(root: Path) -> str:
    """Who trains in this folder, as ``process 7 on desk since 2026-11-27 06:01:44``; empty where nobody does."""
    if _is_locked(lock := root / HIDDEN / "lock", _shared):
        return holder_words(lock.read_text("utf-8", "replace"))
    return "a job of a launcher" if _is_locked(root / HIDDEN / "jobs" / "lock", _of_bytes) else ""


def holder_words(text: str) -> str:
    """What the lock says of who holds it."""
    return text.strip() or "another process"


def _is_locked(path: Path, lock: object) -> bool:
    try:
        with path.open("r+b" if lock is _of_bytes else "rb") as file:
            lock(file.fileno())  # type: ignore[operator]
    except BlockingIOError:
        return True
    except OSError:  # none is there, or this file system knows no locks
        return False
    return False


def _shared(file: int) -> None:
    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)


def _of_bytes(file: int) -> None:
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
