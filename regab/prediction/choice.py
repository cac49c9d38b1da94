"""Which run a folder stands for: itself, or the best of a sweep."""

from __future__ import annotations

from pathlib import Path

from regab.analysis.pick import best
from regab.analysis.table import read
from regab.errors import UsageError
from regab.records.home import next_step
from regab.records.log import HIDDEN
from regab.records.results import RESULTS, is_run
from regab.records.state import unfinished


def the_run(command: str, folder: Path) -> Path:
    """Raises UsageError for what is no run's folder."""
    if not is_run(folder):
        if (folder / RESULTS).is_file() or (folder / HIDDEN).is_dir():
            raise UsageError(f"{command} {folder}: is a sweep; add --best, or give the folder of one of its runs")
        there = "is no folder of a run" if folder.is_dir() else "there is no such folder"
        raise UsageError(f"{command} {folder}: {there}; give one, as outputs/run/<date_time>")
    return folder


def the_best(command: str, folder: Path, metric: str | None = None) -> tuple[Path, str]:
    """A run of the best variant, and why it. Raises UsageError where there is none."""
    try:
        return best(read([folder]), metric)
    except UsageError as error:
        cure = f"; {next_step(folder)}" if unfinished([folder]) else ""
        raise UsageError(f"{command} {folder} --best: {error}{cure}") from error
