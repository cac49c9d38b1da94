"""Standard output that may be closed, gone or full: what is printed is lost then, and nothing else."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO


class Output:
    """Standard output; after the first failure it goes nowhere. ``lost`` is why, unless the reader just left."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.lost = stream, ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        try:
            return self.stream.write(text)
        except UnicodeEncodeError:  # ± and the like in an ASCII locale
            encoding = self.stream.encoding or "ascii"
            return self.write(text.encode(encoding, "backslashreplace").decode(encoding))
        except OSError as error:
            self._silence(error)
            return len(text)

    def flush(self) -> None:
        try:
            self.stream.flush()
        except OSError as error:
            self._silence(error)

    def _silence(self, error: OSError) -> None:
        if error.errno not in (errno.EPIPE, errno.EBADF):
            self.lost = f"standard output: cannot be written ({error.strerror})"
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.stream.fileno())  # in its place, so that what is still buffered goes there too
        os.close(nowhere)


@contextmanager
def guarded_output() -> Iterator[Output]:
    """Standard streams that are closed go nowhere within, and a failing one does not end what prints to it.

    Files opened later would otherwise get the numbers of closed streams, and what is printed to these.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    before = sys.stdout, sys.stderr
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
    output = Output(sys.stdout)
    sys.stdout = output
    try:
        yield output
    finally:
        output.flush()
        if before[0] is not None:
            sys.stdout = before[0]
