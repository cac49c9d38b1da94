"""Writing files so that a reader never sees half of one."""

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from regab.errors import CannotWrite

PARTIAL = ".*.partial"  # files that were being written when their process was killed


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals to write into CannotWrite."""
    try:
        yield
    except OSError as error:
        raise CannotWrite(f"{path}: cannot be written ({error.strerror or error})") from error


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write under another name, then rename: whoever is interrupted leaves the old file or the new one, never a part.

    Raises CannotWrite.
    """
    partial = path.with_name(PARTIAL.replace("*", f"{path.name}.{os.getpid()}"))
    with writing(path):
        try:
            partial.write_bytes(content.encode() if isinstance(content, str) else content)
            os.replace(partial, path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise


def make_folder(path: Path) -> None:
    """Make a folder and those above it. Raises CannotWrite."""
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)


def to_json(value: Any) -> str:
    """JSON as every reader takes it: infinities and NaN, which JSON lacks, become null."""
    return json.dumps(_finite(value), indent=2) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
