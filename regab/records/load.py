"""Reading what a run or a sweep has written."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from regab.records.log import ERROR, METRICS, RESULT


def load_metrics(folder: Path) -> dict[str, np.ndarray]:
    """The columns of a run's ``metrics.csv``; NaN where a cell is empty. A last line cut short is left out."""
    with (folder / METRICS).open(newline="") as file:
        header, *rows = csv.reader(file)
    whole = [row for row in rows if len(row) == len(header)]
    return {name: np.array([float(row[i]) if row[i] else math.nan for row in whole]) for i, name in enumerate(header)}


def load_result(folder: Path) -> dict[str, Any] | None:
    """A run's ``result.json``, or None if the run has not finished."""
    path = folder / RESULT
    return json.loads(path.read_text()) if path.is_file() else None


def load_error(folder: Path) -> str | None:
    """Why a run failed, or None if it did not."""
    path = folder / ERROR
    return path.read_text().splitlines()[0] if path.is_file() else None
