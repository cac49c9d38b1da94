"""``regab show``: what was said at the end of a sweep, again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from regab.arguments import Arguments
from regab.errors import UsageError
from regab.records.printable import printable
from regab.records.results import RESULTS, is_run
from regab.records.state import FAILED, FINISHED, State, state_of

TEXT = """\
Print the summary of a sweep or a single run again, as at its end. It writes nothing and is no further look: of a sweep
that has more runs since it was last concluded, it shows what was found then.
"""


def run(words: Sequence[str]) -> int:
    """``regab show``. Raises UsageError."""
    made = Arguments(prog="regab show", description=TEXT)
    made.add_folder()
    show(made.parse_args([*words]).folder)
    return 0


def show(root: Path) -> State:
    """Print how a folder's runs are, and what was concluded of them. Raises UsageError."""
    state = state_of(root)
    if state.word != FINISHED:
        print(printable(state.sentence), flush=True)
    if is_run(root):
        from regab.report.summary import run_summary

        if state.finished:
            print(printable(run_summary(root)), flush=True)
    elif (root / RESULTS).is_file() and (state.finished or state.word in (FINISHED, FAILED)):
        from regab.report.report import concluded

        print(printable(concluded(root, whole=state.word in (FINISHED, FAILED))), flush=True)
    elif state.word == FINISHED:
        raise UsageError(f"{root}: its {RESULTS} is lost; make it again by: regab report {quote(str(root))}")
    return state
