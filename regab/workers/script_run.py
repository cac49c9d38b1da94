"""One run of a script: its process, how long it may take, and its files when it is over."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from regab.config import Run
from regab.errors import UsageError
from regab.records.files import make_folder, write_atomically, writing
from regab.records.log import ERROR, METRICS, RESULT, RunLog, write_error
from regab.script import code_of, command_of, measures_of
from regab.workers.crew import Report
from regab.workers.events import Ended, Epoch, Note, Started
from regab.workers.left_behind import OUTPUT, Rows, rows_of, table_rows
from regab.workers.surroundings import surroundings

PROCESS = ".process"  # names the process of an attempt, so that one that outlived regab is ended before the next
GRACE = 10.0  # seconds between asking a script to end and ending it
FOLLOW = 0.5  # seconds between two looks at a table that is being written
LAST_LINES = 30
SIGNALS = {int(number) for number in signal.Signals}

_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class Attempt:
    """A script that runs; ``looked_at`` is to be called again and again."""

    def __init__(self, run: Run, environment: dict[str, str], report: Report, number: int = 1) -> None:
        self.run, self.environment, self.report, self.number = run, environment, report, number
        self.folder, self.script, self.here = run.folder.absolute(), run.config["script"], Path.cwd()
        self.began = self.looked = time.monotonic()
        self.seen, self.late = 0, False
        _prepare(self.folder, keep=self.script["resume"])
        self.process = self._started()
        report([Started(run.digest, 0)])

    def _started(self) -> subprocess.Popen[bytes]:
        command = command_of(self.run.config, self.folder, self.here)
        place = self.folder if self.script["folder"] == "run" else self.here
        own = self.environment | {"REGAB_RUN_DIR": str(self.folder)}
        with writing(self.folder / OUTPUT), (self.folder / OUTPUT).open("ab") as log, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads, from Python 3.12 on
            process = subprocess.Popen(
                ["/bin/sh", "-c", command], cwd=place, env=own, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=_die_with_parent if _LIBC else None,
            )  # fmt: skip
        write_atomically(self.folder / PROCESS, str(process.pid))
        return process

    def looked_at(self) -> Attempt | None:
        """Itself while it runs, the next attempt after a failed one, None when the run has ended."""
        code, now = self.process.poll(), time.monotonic()
        if code is None:
            limit = self.script["timeout"]
            if limit is not None and now - self.began > limit and not self.late:
                self.late = True
                self._kill()
            elif now - self.looked > FOLLOW:
                self.looked = now
                self._follow()
            return self
        self._kill()  # what it may have left running
        reason, rows = self._outcome(code)
        if not reason:
            self.report([*self._epochs(rows), Ended(self.run.digest, self._finish(rows))])
            return None
        if self.number <= self.script["retries"]:
            self.report([Note(f"{self.run.folder.name}: attempt {self.number} failed ({reason})")])
            return Attempt(self.run, self.environment, self.report, self.number + 1)
        details = "\n".join(_tail(self.folder / OUTPUT)) + "\n"
        write_error(self.folder, reason, details)
        self.report([Ended(self.run.digest, error=reason, details=details)])
        return None

    def _outcome(self, code: int) -> tuple[str, Rows]:
        """Why it failed, if it did, and what it reported."""
        if self.late:
            return f"took longer than script.timeout={self.script['timeout']:g} s", []
        if code:
            killed = -code if code < 0 else code - 128  # a shell tells of a signal so
            how = f"was killed by {signal.Signals(killed).name}" if killed in SIGNALS else f"exit code {code}"
            last = next((line for line in reversed(_tail(self.folder / OUTPUT)) if line.strip()), "")
            return f"{how}{f': {last.strip()[:200]}' if last else ''}", []
        try:
            rows = rows_of(self.folder, self.script["pattern"])
        except (ValueError, UsageError) as error:
            return f"what it reported cannot be read ({error})", []
        cure = "write metrics.csv or result.json to its folder (REGAB_RUN_DIR), or say script.pattern"
        return ("" if any(rows) else f"it reported nothing; {cure}"), rows

    def _finish(self, rows: Rows) -> dict[str, Any]:
        """Write the run's files as regab writes them."""
        names = list(dict.fromkeys(name for row in rows for name in row))
        table = [{"epoch": float(i), **{name: row.get(name) for name in names}} for i, row in enumerate([{}, *rows])]
        log = RunLog(self.folder, ["epoch", *names], [row | {"epoch": int(row["epoch"] or 0)} for row in table])
        # A value that was reported before the last epoch, as of a validation every other one, is the last there is.
        last = {"epoch": len(rows)} | {name: next(r[name] for r in reversed(rows) if name in r) for name in names}
        result = {
            "digest": self.run.digest, "seed": self.run.config["seed"], "fold": None, "status": "finished",
            "ended": "all epochs done", "selected": last, "last": last, "seconds": time.monotonic() - self.began,
            "attempts": self.number, "code": code_of(self.run.config, self.here),
            "metrics": measures_of(self.run.config), **surroundings(),
            "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "overrides": self.run.overrides,
        }  # fmt: skip
        (self.folder / PROCESS).unlink(missing_ok=True)
        return log.finish(result, {}, sync=True)

    def _follow(self) -> None:
        """Report the epochs that are in ``metrics.csv`` so far."""
        with suppress(OSError, ValueError):
            if (self.folder / METRICS).is_file():
                self.report([*self._epochs(table_rows(self.folder)[:-1])])

    def _epochs(self, rows: Rows) -> list[Epoch]:
        new = [Epoch(self.run.digest, {"epoch": i + 1, **row}) for i, row in enumerate(rows)][self.seen :]
        self.seen += len(new)
        return new

    def _kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def ask_to_end(self) -> None:
        """Let it save what it likes."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGTERM)

    def end(self) -> None:
        """Wait for a while, then end it."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(max(GRACE, 0))
        self._kill()
        self.process.wait()


def _prepare(folder: Path, keep: bool) -> None:
    """An empty folder for an attempt, or with ``keep`` one that has not ended, and no process of an earlier one."""
    make_folder(folder)
    _end_orphan(folder)
    with writing(folder):
        for path in folder.iterdir():
            if path.name == ".hydra" or (keep and path.name not in (RESULT, ERROR, PROCESS)):
                continue
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _end_orphan(folder: Path) -> None:
    """End the process of an earlier attempt, if it is still there and indeed that of this folder."""
    try:
        pid = int((folder / PROCESS).read_text("utf-8"))
        surroundings = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return
    if f"REGAB_RUN_DIR={folder}".encode() in surroundings:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def _die_with_parent() -> None:
    assert _LIBC is not None
    _LIBC.prctl(1, signal.SIGKILL)


def _tail(path: Path) -> list[str]:
    with suppress(OSError), path.open("rb") as file:
        file.seek(max(path.stat().st_size - 20_000, 0))
        return file.read().decode(errors="replace").splitlines()[-LAST_LINES:]
    return []
