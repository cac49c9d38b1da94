"""``regab open``: the report in a browser."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Sequence

from regab.arguments import Arguments
from regab.records.printable import printable
from regab.records.results import PAGE
from regab.records.state import state_of

TEXT = """\
Open the report of a sweep or a single run in a browser; it is made first where there is none. Without a browser, its
path is all that there is.
"""
SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")


def run(words: Sequence[str]) -> int:
    """``regab open``. Raises UsageError, CannotWrite."""
    made = Arguments(prog="regab open", description=TEXT)
    made.add_folder()
    root = made.parse_args([*words]).folder
    state_of(root)  # raises UsageError for a folder of others
    if not (root / PAGE).is_file():
        from regab.report.command import report

        report([str(root)])
    page = (root / PAGE).absolute()
    opened = _has_a_screen() and webbrowser.open(page.as_uri())
    print(printable(f"{page}{'' if opened else ' (no browser was found here)'}"), flush=True)
    return 0


def _has_a_screen() -> bool:
    """A browser within the terminal shows no figures."""
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in SCREENS)
