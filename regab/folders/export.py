"""``regab export``: a folder of results for another tool."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from regab.arguments import Arguments
from regab.errors import CannotWrite, UsageError, first_line
from regab.exports import exports
from regab.folders.reading import Reading
from regab.records.printable import printable
from regab.records.state import unfinished
from regab.targets import unknown
from regab.watchers import check_watch, trackers
from regab.watchers._tracker import Tracker

TEXT = """\
Write the runs of a sweep, or a single run, for another tool, from their files. For trackers that is what
regab train tracker=… keeps while it trains; what is there already is not there twice.
"""


def parser(name: str | None) -> Arguments:
    """What ``regab export`` understands, with the options of what it exports to."""
    kinds = known()
    made = Arguments(prog="regab export", description=TEXT)
    made.add_folder()
    made.add_argument("--to", required=True, metavar="|".join(kinds), help="which tool; with --help, its options")
    kind = kinds.get(name or "")
    for option in dataclasses.fields(kind) if kind is not None and dataclasses.is_dataclass(kind) else ():
        how: dict[str, Any] = {"action": "store_true"} if option.type == "bool" else {"default": option.default}
        made.add_argument(f"--{option.name.replace('_', '-')}", **how)
    return made


def known() -> dict[str, Any]:
    """What can be exported to, by name."""
    return {**trackers(), **exports()}


def run(words: Sequence[str]) -> int:
    """``regab export``. Raises UsageError, CannotWrite."""
    first = Arguments(add_help=False, allow_abbrev=False)
    first.add_argument("--to")
    name = first.parse_known_args(words)[0].to
    if name is not None and name not in known():
        raise UsageError(unknown("export", "--to ", name, known()))
    asked = vars(parser(name).parse_args([*words]))
    folder, _, kind = asked.pop("folder"), asked.pop("to"), known()[name]
    if not issubclass(kind, Tracker):
        print(kind(**asked).export(folder), flush=True)
        return 0
    check_watch({"trackers": [name]})
    return replay(kind(**asked), folder, name)


def replay(tracker: Tracker, folder: Path, name: str) -> int:
    """Have a tracker hear of a folder what it would have heard. Raises UsageError, CannotWrite."""
    reading = Reading(folder, tracker)
    try:
        reading.look()
        tracker.swept(reading.planned)
        tracker.closed()
    except (UsageError, CannotWrite):
        raise
    except Exception as error:
        raise CannotWrite(f"export --to {name}: {first_line(error)}") from error
    print(f"{len(reading.over)} of {len(reading.runs)} runs have ended, and are there with their files.")
    for sentence in unfinished([folder]):
        print(printable(sentence))
    return 0
