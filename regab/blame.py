"""Mistakes in the user's own code, told in one line that names their file and the line in it."""

from __future__ import annotations

import os
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from regab.errors import UsageError

WHOLE = os.environ.get("HYDRA_FULL_ERROR", "0") not in ("", "0")  # before Hydra's application sets it for itself
OURS = Path(__file__).resolve().parent
_INSTALLED = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


@contextmanager
def users_code(key: str) -> Iterator[None]:
    """What is called here may be the user's: an exception from it becomes a UsageError that names its file and line.

    ``key`` is the option that names the code. A crash of ours or of a library that they did not call keeps its
    traceback, and so does theirs where HYDRA_FULL_ERROR is set; what would end the program is an error.
    """
    try:
        yield
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, SystemExit) and WHOLE:
            raise RuntimeError(_in_a_line(error)) from error
        told = users_line(error)
        if told is None or WHOLE:
            raise
        raise UsageError(f"{key}: {told} (HYDRA_FULL_ERROR=1 shows all)") from error


def users_line(error: BaseException) -> str | None:
    """What went wrong in the user's own code, with their file and line; None where the error is none of theirs."""
    place = _place(error)
    return None if place is None else f"{place}: {_in_a_line(error)}"


def _in_a_line(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return "SystemExit: it ends the program"
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return ": ".join(filter(None, [type(error).__name__, " ".join(text.split())]))


def _place(error: BaseException) -> str | None:
    """The last line of the user's that was reached."""
    if isinstance(error, SyntaxError) and error.filename and _is_theirs(error.filename):
        return f"{from_here(error.filename)}, line {error.lineno}"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if _is_theirs(f.filename)]
    return f"{from_here(frames[-1].filename)}, line {frames[-1].lineno}" if frames else None


def _is_theirs(file: str) -> bool:
    path = Path(file)
    return path.is_absolute() and not path.is_relative_to(OURS) and not any(map(path.is_relative_to, _INSTALLED))


def from_here(file: str | Path) -> str:
    """A path as seen from the working folder, if it lies there."""
    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
