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
    """A run's ``result.json``; None if the run has not finished.

    Nor has it if that file is damaged, or ``metrics.csv`` lacks rows of which it speaks.
    """
    result = load_json(folder / RESULT)
    try:
        whole = result is not None and _lines(folder / METRICS) == result["last"]["epoch"] + 2
    except (KeyError, TypeError):
        return None
    return result if whole else None


def load_json(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file; None if there is none that can be read."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _lines(path: Path) -> int:
    """How many lines a file has, or 0 if there is none or the last is cut short."""
    try:
        content = path.read_bytes()
    except OSError:
        return 0
    return content.count(b"\n") if content.endswith(b"\n") else 0


def load_error(folder: Path) -> str | None:
    """Why a run failed, or None if it did not."""
    path = folder / ERROR
    return path.read_text(errors="replace").partition("\n")[0] or "no reason given" if path.is_file() else None
