"""``regab watch``: a sweep that is trained elsewhere, followed by its files."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from regab.arguments import Arguments
from regab.errors import UsageError
from regab.folders.reading import Reading
from regab.folders.show import show
from regab.records.home import holder, home
from regab.records.printable import printable
from regab.records.state import FINISHED, state_of
from regab.watchers.display import Display

TEXT = """\
Follow a sweep or a single run that another process trains, here or on another machine, until that ends; then show what
came of it. Exit code: 0 if all runs have finished, 1 if not. It changes nothing, and may be ended at any time.
"""
POLL = 1.0  # seconds between two looks at the files


def run(words: Sequence[str]) -> int:
    """``regab watch``. Raises UsageError."""
    made = Arguments(prog="regab watch", description=TEXT)
    made.add_folder()
    root = made.parse_args([*words]).folder
    if (state := state_of(root)).holder:
        print(printable(state.counted), flush=True)
        follow(root)
    return 0 if show(root).word == FINISHED else 1


def follow(root: Path) -> None:
    """Tell what happens in a folder, until nobody trains there any more. Raises UsageError."""
    display = Display()
    reading = Reading(root, display, past=False)
    try:
        while holder(home(root)):
            with suppress(UsageError):  # it has not begun to write
                reading.look()
            time.sleep(POLL)
        reading.look()
    finally:
        display.closed()
