"""How far the runs of a folder are, and whether somebody trains there; from a look at its files only."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from regab.errors import UsageError
from regab.records.home import busy, go_on, holder, home
from regab.records.load import load_json
from regab.records.log import ERROR, HIDDEN, PLACED, RESULT
from regab.records.results import SOURCE, is_begun, is_run

FINISHED, RUNNING, INTERRUPTED, FAILED = "finished", "running", "interrupted", "failed"


@dataclass(frozen=True)
class State:
    """Of a folder with results: its runs by how they ended, and who trains there (empty: nobody)."""

    root: Path
    finished: list[Path]
    failed: list[Path]
    left: list[Path]
    holder: str

    @property
    def word(self) -> str:
        if self.holder:
            return RUNNING
        empty = not self.runs and not is_imported(self.root)
        return INTERRUPTED if self.left or empty else FAILED if self.failed else FINISHED

    @property
    def runs(self) -> list[Path]:
        return [*self.finished, *self.failed, *self.left]

    @property
    def counted(self) -> str:
        """``running, 3 of 8 runs done, 1 failed``."""
        failed = f", {len(self.failed)} failed" if self.failed else ""
        return f"{self.root}: {self.word}, {len(self.finished)} of {len(self.runs)} runs done{failed}"

    @property
    def sentence(self) -> str:
        """The same, with who trains or how to go on where it has not finished."""
        if self.word == FINISHED:
            return self.counted
        return f"{self.counted}; {busy(self.root, self.holder) if self.holder else go_on(self.root)}"


def unfinished(roots: Iterable[Path]) -> list[str]:
    """The sentences of those of these folders in which runs are left, or have failed."""
    states = (state_of(root) for root in roots if (root / HIDDEN).is_dir())
    return [state.sentence for state in states if state.word != FINISHED]


def is_imported(root: Path) -> bool:
    """Whether this is the folder of a report of results that were made elsewhere."""
    return (root / SOURCE).is_file()


def is_ours(root: Path) -> bool:
    """Whether regab has trained, or put a report, into a folder."""
    return (root / HIDDEN).is_dir() or is_run(root) or is_imported(root)


def state_of(root: Path) -> State:
    """Raises UsageError for a folder that is none of regab's."""
    if not is_ours(root):
        raise UsageError(f"{root}: is no folder of regab's; see: regab ls")
    ended: dict[str, list[Path]] = {RESULT: [], ERROR: [], "": []}
    for folder in _runs(root):
        ended[next((name for name in (RESULT, ERROR) if (folder / name).is_file()), "")].append(folder)
    return State(root, ended[RESULT], ended[ERROR], ended[""], holder(home(root)))


def _runs(root: Path) -> list[Path]:
    if is_run(root):
        return [root]
    placed = load_json(root / PLACED)
    return [root / name for name in placed.values()] if placed else sorted(filter(is_begun, root.iterdir()))


def folders_below(root: Path) -> Iterator[Path]:
    """The folders of sweeps and single runs below one, or itself, in alphabetical order."""
    if is_ours(root):
        yield root
        return
    for place, names, _ in os.walk(root):
        kept = []
        for name in sorted(names):
            if is_ours(Path(place, name)):
                yield Path(place, name)
            elif not name.startswith("."):
                kept.append(name)
        names[:] = kept


def bytes_in(root: Path) -> int:
    """The size of all files in a folder."""
    total = 0
    for place, _, files in os.walk(root):
        for name in files:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except OSError:  # it has just gone
                continue
    return total


def size_words(count: int) -> str:
    """``4.2 MB``."""
    amount, units = float(count), iter(("B", "kB", "MB", "GB"))
    unit = next(units)
    while amount >= 1000 and (larger := next(units, None)):
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
