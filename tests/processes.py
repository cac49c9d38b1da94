"""Commands in processes of their own, to be killed."""

from __future__ import annotations

import csv
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

import pytest

from regab.cli import main
from regab.training.loop import Training
from regab.workers.checkpoints import Checkpoint
from tests.conftest import last_said, report_briefly

PATIENCE = 300.0  # seconds until a test gives up waiting


class Command:
    """``regab WORDS`` in a fork of this process, which has imported everything, in the present folder.

    Of a sweep, only the ``whole`` report has a picture and is about every metric.
    """

    def __init__(self, *words: str, before: Callable[[], object] = lambda: None, whole: bool = False) -> None:
        self.files = [Path(f"{time.monotonic_ns()}.{name}") for name in ("out", "err")]
        self.process = get_context("fork").Process(target=_main, args=(words, self.files, before, whole))
        self.process.start()
        self.pid = self.process.pid

    def until(self, condition: Callable[[], object]) -> Command:
        """Wait until something is so, or the command has ended."""
        end = time.monotonic() + PATIENCE
        while self.process.is_alive() and not condition():
            assert time.monotonic() < end, f"{condition} did not come true"
            time.sleep(0.002)
        return self

    def end(self) -> tuple[int, str, str]:
        """Wait for the exit code (``-n`` if signal n killed it) and what was printed."""
        self.process.join(PATIENCE)
        assert self.process.exitcode is not None, "the command hangs"
        out, err = (file.read_text() for file in self.files)
        return self.process.exitcode, out, err

    @property
    def foreman(self) -> int:
        return children(self.pid)[0]

    @property
    def workers(self) -> list[int]:
        return [pid for foreman in children(self.pid) for pid in children(foreman)]


def _main(words: tuple[str, ...], files: list[Path], before: Callable[[], object], whole: bool) -> None:
    for number, file in enumerate(files, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
    sys.stdout, sys.stderr = open(1, "w"), open(2, "w")  # noqa: SIM115  (pytest's lead elsewhere)
    if words[:1] == ("train",) and not whole:
        report_briefly(pytest.MonkeyPatch())
    before()
    main(last_said(words))


def run(*words: str, before: Callable[[], object] = lambda: None, whole: bool = False) -> tuple[int, str, str]:
    """A command from its beginning to its end."""
    return Command(*words, before=before, whole=whole).end()


def held(there: str = "*") -> None:
    """For ``before``: once a file is ``there`` (a pattern), whoever has saved a checkpoint waits until ``go_on``.

    So a command is in the midst of its work however late a test looks.
    """
    save, here = Checkpoint.save, Path.cwd()

    def and_wait(self: Checkpoint, training: Training) -> None:
        save(self, training)
        while not (here / "go").exists() and [*here.glob(there)]:
            time.sleep(0.005)

    Checkpoint.save = and_wait  # type: ignore[method-assign]


def go_on() -> None:
    """Let those go on who wait in the present folder."""
    Path("go").touch()


def kill(pid: int) -> None:
    """Kill a process, if it has not ended in the meantime."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def children(pid: int) -> list[int]:
    """The processes that a process has started, zombies left out."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it has just ended
            continue
        if int(parent) == pid and state != "Z":
            found.append(int(stat.parent.name))
    return sorted(found)


def alive(pid: int) -> bool:
    """Whether a process is still there a while later."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return False
        except OSError:
            return False
        time.sleep(0.01)
    return True


def table(root: Path, without: tuple[str, ...] = ()) -> list[dict[str, str]]:
    """A sweep's results.csv without its times."""
    return [{k: v for k, v in row.items() if k not in ("seconds", *without)} for row in rows(root / "results.csv")]


def numbers(root: Path) -> dict[str, list[dict[str, str]]]:
    """Every metrics.csv of a sweep without its times."""
    return {
        file.parent.name: [{k: v for k, v in row.items() if k != "seconds"} for row in rows(file)]
        for file in sorted(root.glob("*/metrics.csv"))
    }


def rows(path: Path) -> list[dict[str, str]]:
    """A CSV file as text."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
