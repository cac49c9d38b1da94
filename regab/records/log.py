"""A run's files while and after it is trained."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from regab.records.files import PARTIAL, checksum, make_folder, to_json, write_atomically, writing
from regab.records.printable import printable

METRICS, RESULT, ERROR = "metrics.csv", "result.json", "error.txt"
MODEL, ENCODING = "model.pt", "encoding.json"  # what was trained
CONFIG, OVERRIDES = ".hydra/config.yaml", ".hydra/overrides.yaml"
HIDDEN = ".regab"  # in the folder of a sweep, or of a run of none
PLACED = f"{HIDDEN}/runs.json"  # the folders of a sweep's runs by digest, in the order in which they were asked for

Row = dict[str, Any]


class RunLog:
    """Writes ``metrics.csv`` row by row, then ``result.json`` or ``error.txt``, whose presence means: the run ended.

    ``rows`` are those of the epochs done already; whatever else the files hold is replaced. Raises CannotWrite.
    """

    def __init__(self, folder: Path, header: list[str], rows: Sequence[Row] = ()) -> None:
        self.folder, self.path = folder, folder / METRICS
        make_folder(folder)
        with writing(folder):
            for name in os.listdir(folder):
                if name in (RESULT, ERROR) or fnmatchcase(name, PARTIAL):
                    (folder / name).unlink(missing_ok=True)
        text = "".join(map(_line, [header, *map(_cells, rows)]))
        write_atomically(self.path, text)
        self.checksum = checksum(text.encode())

    def row(self, row: Row) -> None:
        """One epoch; numbers are written so that reading them gives back the same bits."""
        # Opened for every row (30 us): a stack of 1,024 runs would exceed the limit of open files, and a file whose
        # folder is gone takes in rows without complaint.
        line = _line(_cells(row)).encode()
        with writing(self.path), self.path.open("r+b") as file:
            file.seek(0, os.SEEK_END)
            file.write(line)
        self.checksum = checksum(line, self.checksum)

    def finish(self, result: dict[str, Any], files: dict[str, str], sync: bool) -> dict[str, Any]:
        """The run is done: its result, with the checksums of ``metrics.csv`` and of other ``files``.

        With ``sync`` both files are on disk after that (see ``write_atomically``).
        """
        if sync:
            with writing(self.path), self.path.open("r+b") as file:
                os.fsync(file.fileno())
        result = result | {"files": {METRICS: self.checksum} | files}
        write_atomically(self.folder / RESULT, to_json(result), sync)
        return result


def write_error(folder: Path, reason: str, details: str = "") -> None:
    """Write ``error.txt``: its first line says why the run failed."""
    make_folder(folder)
    write_atomically(folder / ERROR, f"{printable(reason, but='')}\n{details}")


def _line(cells: Sequence[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _cells(row: Row) -> list[str]:
    return [_cell(value) for value in row.values()]


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return "nan" if isinstance(value, float) and math.isnan(value) else repr(value)
