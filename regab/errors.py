"""The exceptions that are shown as one line, without a traceback, and lines for those of others."""


class UsageError(Exception):
    """A mistake that the user can mend: the line names the key, the value and the cure; exit code 2."""


class RunsFailed(Exception):
    """Some runs failed; the reasons have been reported and written. Exit code 1."""


class CannotWrite(Exception):
    """A file could not be written: the disk is full, or the folder is read-only or gone. Exit code 1."""


class Interrupted(Exception):
    """Training was asked to stop, and has saved what it needs to go on. Exit code 128 + ``signal``."""

    def __init__(self, line: str = "", signal: int = 2) -> None:
        super().__init__(line)
        self.signal = signal


def first_line(error: BaseException) -> str:
    """``KeyError: 'a'``, of what is said in several lines the first."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


def in_a_line(error: BaseException, most: int | None = None) -> str:
    """Likewise, but all lines in one, cut after so many characters."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:most]
