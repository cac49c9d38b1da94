"""A run's files while and after it is trained."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

from regab.records.columns import COLUMNS
from regab.records.files import to_json, write_atomically

METRICS, RESULT, ERROR = "metrics.csv", "result.json", "error.txt"


class RunLog:
    """Writes ``metrics.csv`` row by row, then ``result.json`` or ``error.txt``, whose presence means that the run
    ended."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for old in (RESULT, ERROR):
            (folder / old).unlink(missing_ok=True)
        self._file = (folder / METRICS).open("w", newline="")
        self._writer = csv.writer(self._file)
        self._write(COLUMNS)

    def row(self, row: dict[str, float | None]) -> None:
        """One epoch; numbers are written so that reading them gives back the same bits."""
        self._write([_cell(row[name]) for name in COLUMNS])

    def _write(self, cells: list[Any]) -> None:
        self._writer.writerow(cells)
        self._file.flush()

    def finish(self, result: dict[str, Any]) -> None:
        """The run is done."""
        self.close()
        write_atomically(self.folder / RESULT, to_json(result))

    def fail(self, reason: str, details: str = "") -> None:
        """The run failed: the first line of ``error.txt`` says why."""
        self.close()
        write_atomically(self.folder / ERROR, f"{reason}\n{details}")

    def close(self) -> None:
        self._file.close()


def _cell(value: float | None) -> Any:
    if value is None:
        return ""
    if isinstance(value, float) and math.isnan(value):
        return "nan"
    return repr(value)
