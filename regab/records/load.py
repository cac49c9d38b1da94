"""Reading what a run or a sweep has written."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from regab.errors import UsageError
from regab.records.files import checksum, from_json, without_checksum
from regab.records.home import next_step, resume
from regab.records.log import CONFIG, ERROR, METRICS, RESULT


def load_metrics(folder: Path) -> dict[str, np.ndarray]:
    """The columns of a run's ``metrics.csv``; NaN where a cell is empty. A last line cut short is left out."""
    with (folder / METRICS).open(newline="") as file:
        header, *rows = csv.reader(file)
    whole = [[float(cell) if cell else math.nan for cell in row] for row in rows if len(row) == len(header)]
    return dict(zip(header, np.array(whole).reshape(len(whole), len(header)).T.copy(), strict=True))


def load_rows(folder: Path) -> list[dict[str, Any]]:
    """The rows of a run's ``metrics.csv``: numbers, and None where a cell is empty.

    None where there is no such file, or not yet one with a row per epoch: a script writes what it likes until it has
    ended. A last line that is being written is left out.
    """
    try:
        whole, _, _ = (folder / METRICS).read_text("utf-8").rpartition("\n")
        rows = [_numbers(row) for row in csv.DictReader(whole.splitlines())]
        return rows if all(row["epoch"] is not None for row in rows) else []
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _numbers(row: dict[str, str]) -> dict[str, Any]:
    return {name: float(cell) if cell else None for name, cell in row.items()} | {"epoch": int(float(row["epoch"]))}


def load_result(folder: Path) -> dict[str, Any] | None:
    """A run's ``result.json``; None if the run has not finished.

    Nor has it if that file is damaged, or the ``metrics.csv`` of which it speaks.
    """
    result = load_json(folder / RESULT)
    return result if result is not None and _has_its_rows(result, folder / METRICS) else None


def finished(folder: Path) -> dict[str, Any]:
    """The result of a run that has finished. Raises UsageError for another, saying who trains it or how to go on."""
    result = load_result(folder)
    if result is None:
        reason = load_error(folder)
        why = f"failed: {reason}" if reason else "has not finished"
        raise UsageError(f"{folder}: the run {why}; {next_step(folder)}")
    return result


def damage(folder: Path) -> str:
    """Which file of a finished run is damaged, so that it counts as unfinished; empty where none is."""
    if not (folder / RESULT).is_file() or load_result(folder) is not None:
        return ""
    return f"{RESULT if load_json(folder / RESULT) is None else METRICS} is damaged"


def load_json(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file; None if there is none that can be read, or one that is damaged."""
    try:
        return from_json(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def load_config(folder: Path) -> dict[str, Any]:
    """A run's configuration; empty if it is not there. Raises UsageError if it is damaged, saying what to do."""
    path = folder / CONFIG
    return load_yaml(path) if path.is_file() else {}


def load_yaml(path: Path) -> Any:
    """What ``config.yaml`` or ``overrides.yaml`` of a run hold. Raises UsageError if it is missing or damaged."""
    try:
        content = yaml.load(load_text(path), Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(_damaged(path)) from error
    if not isinstance(content, dict if path.match(CONFIG) else list):
        raise UsageError(_damaged(path))
    return content


def load_text(path: Path) -> str:
    """Such a file as text. Raises UsageError if it is missing or damaged."""
    try:
        return without_checksum(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(_damaged(path)) from error


def _damaged(path: Path) -> str:
    return f"{path}: is missing or damaged; {resume(path.parents[1])} makes it again"


def _has_its_rows(result: dict[str, Any], path: Path) -> bool:
    """Whether ``metrics.csv`` is the one that was written with a result."""
    try:
        content = path.read_bytes()
        if "files" in result:
            return checksum(content) == result["files"][METRICS]
        return content.endswith(b"\n") and content.count(b"\n") == result["last"]["epoch"] + 2
    except (OSError, KeyError, TypeError):
        return False


def load_error(folder: Path) -> str | None:
    """Why a run failed, or None if it did not."""
    path = folder / ERROR
    return path.read_text(errors="replace").partition("\n")[0] or "no reason given" if path.is_file() else None
