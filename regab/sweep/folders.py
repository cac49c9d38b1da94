"""Names of the folders that runs and sweeps are written to."""

from __future__ import annotations

import itertools
import re
from contextlib import suppress
from pathlib import Path

from regab.records.files import writing

LONGEST = 120  # bytes; file systems allow 255, and a name before - for the digest


def fresh_folder(path: str, claim: bool) -> str:
    """The path, or the path with ``-2``, ``-3``, … if something is there already. With ``claim`` the folder is made,
    which two processes that start in the same second cannot both succeed in."""
    for candidate in itertools.chain([path], (f"{path}-{i}" for i in itertools.count(2))):
        folder = Path(candidate)
        if not claim:
            return candidate
        with writing(folder), suppress(FileExistsError):
            folder.mkdir(parents=True)
            return candidate
    raise AssertionError("count() does not end")


def run_folder_name(differences: dict[str, str], digest: str) -> str:
    """What distinguishes a run in its sweep, to be read, and its digest, to be sure:

    ``dropout.rate=0.5,seed=3-9f7241``.
    """
    short = {key.removeprefix("reg."): value for key, value in differences.items()}
    words = ",".join(f"{'fold' if key == 'data.fold' else key}={value}" for key, value in short.items())
    plain = re.sub(r"[^\w.,=+-]+", "_", words).encode()[:LONGEST].decode(errors="ignore")
    return "-".join(filter(None, [plain, digest[:6]]))
