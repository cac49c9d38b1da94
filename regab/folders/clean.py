"""``regab clean``: weights and checkpoints away."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from regab.arguments import Arguments
from regab.errors import UsageError
from regab.records.files import checksum, to_json, write_atomically, writing
from regab.records.home import home
from regab.records.load import load_result
from regab.records.log import MODEL, RESULT
from regab.records.printable import printable
from regab.records.state import is_imported, size_words, state_of
from regab.workers.store import Store

TEXT = """\
Remove the weights (model.pt) of finished runs and the checkpoints of those that were interrupted; all tables, curves
and reports stay. A sweep without weights can be shown and added to as before; one without checkpoints begins the runs
anew that it had not finished.
"""


class Found(NamedTuple):
    """Files of one kind, in words, and their size."""

    files: list[Path]
    words: str

    @property
    def size(self) -> int:
        return sum(file.stat().st_size for file in self.files)


def run(words: Sequence[str]) -> int:
    """``regab clean``. Raises UsageError, CannotWrite."""
    made = Arguments(prog="regab clean", description=TEXT)
    made.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="folders of sweeps or of single runs")
    made.add_argument("--weights", action="store_true", help="only the weights")
    made.add_argument("--checkpoints", action="store_true", help="only the checkpoints")
    made.add_argument("--yes", action="store_true", help="do not ask")
    asked = made.parse_args([*words])
    both = asked.weights == asked.checkpoints
    for folder in asked.folders:
        state_of(folder)  # raises UsageError for a folder of others, before another one is cleaned
    for folder in asked.folders:
        clean(folder, both or asked.weights, both or asked.checkpoints, asked.yes)
    return 0


def clean(root: Path, weights: bool, checkpoints: bool, yes: bool) -> None:
    """Remove these, once it is agreed. Raises UsageError where somebody trains, CannotWrite."""
    if is_imported(root):
        print(printable(f"{root}: nothing to remove"))
        return
    store = Store(home(root))
    with store.locked():
        found = [_weights(root) if weights else None, _checkpoints(store, root) if checkpoints else None]
        there = [each for each in found if each and each.files]
        if not there:
            print(printable(f"{root}: nothing to remove"))
            return
        size = size_words(sum(each.size for each in there))
        what = f"{root}: {' and '.join(each.words for each in there)}, {size}"
        if not yes and not _agreed(what):
            print("Nothing was removed.")
            return
        for each in there:
            for file in each.files:
                _remove(file)
    print(printable(f"{what}: removed"))


def _weights(root: Path) -> Found:
    """The weights that runs have written: not what others have put in their place, or made elsewhere."""
    files = [folder / MODEL for folder in state_of(root).finished if _is_of_its_run(folder)]
    return Found(files, f"weights of {_counted(len(files), 'run')}")


def _is_of_its_run(folder: Path) -> bool:
    written = ((load_result(folder) or {}).get("files") or {}).get(MODEL)
    path = folder / MODEL
    return written is not None and path.is_file() and not path.is_symlink() and checksum(path.read_bytes()) == written


def _checkpoints(store: Store, root: Path) -> Found:
    """Those of a whole sweep: some are of several runs."""
    files = [] if home(root) != root else [f for f in store.checkpoints.glob("*") if f.suffix in (".pt", ".json")]
    return Found(files, _counted(sum(file.suffix == ".pt" for file in files), "checkpoint"))


def _counted(count: int, name: str) -> str:
    return f"{count} {name}{'s' if count != 1 else ''}"


def _agreed(what: str) -> bool:
    if not sys.stdin.isatty():
        raise UsageError(f"clean: nobody can be asked here; with --yes, this is removed: {what}")
    return input(printable(f"Remove {what}? [y/N] ")).strip().lower() in ("y", "yes")


def _remove(file: Path) -> None:
    """And remember of weights that they are not missed."""
    with writing(file):
        if file.name == MODEL:
            result = load_result(file.parent)
            assert result is not None, "weights of others are not removed"
            cleaned = result | {"files": result["files"] | {MODEL: None}}
            write_atomically(file.parent / RESULT, to_json(cleaned), sync=True)
        file.unlink(missing_ok=True)
