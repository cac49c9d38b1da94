"""What trackers have in common: a run of theirs for each of regab's, written in a process of its own."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, ClassVar

from regab import fields as declared
from regab.blame import from_here
from regab.records.load import load_error, load_result, load_rows
from regab.records.printable import printable
from regab.regularizers import methods
from regab.script import own_part
from regab.targets import flat
from regab.watchers._keeper import Keeper
from regab.watchers.base import Planned, Row, Watcher

if TYPE_CHECKING:
    from regab.config import Run

PASSIVE = ("name", "stack", "curves", "watch")  # keys of a configuration that are no parameters of a run
OF_A_RUN = ("result.json", "metrics.csv", ".hydra/config.yaml", "curves.png")
OF_A_SWEEP = ("report.html", "results.csv", "effects.csv", "factors.csv", "table.md", "comparison.png", "figures/*.png")
PATIENCE = 2.0  # seconds after which it is said what is waited for


@dataclass(frozen=True)
class Tracked:
    """A run as trackers take it; ``variant`` is what it has in common with its repetitions."""

    folder: Path
    variant: str
    parameters: dict[str, Any]

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def identity(self) -> str:
        """The same whenever this folder is tracked, and for no other."""
        return sha256(str(self.folder.absolute()).encode()).hexdigest()[:16]


@dataclass
class Tracker(Watcher):
    """Keeps runs by another library, each as a run there with its parameters, its curves and its files.

    ``store``: where to, a folder or the address of a server; None: what the library's own environment variables say, or
    the sweep's folder. ``project``: under which name; None: the same, or that of the sweep.

    What a subclass adds is called in a process of its own, in order; training never waits for it. It may raise: a
    watcher that does is left out.
    """

    store: str | None = None
    project: str | None = None
    library: ClassVar[str]  # what is imported, and installed by pip

    def __post_init__(self) -> None:
        self.runs, self.going = dict[Path, Tracked](), set[Path]()
        self.keeper: Keeper | None = None
        self.shown_by = ""  # the command that shows what is kept, once it is known where

    def open(self, root: Path, name: str) -> None:
        """Begin to keep runs of the sweep, or the single run, in a folder; once. It may go by this name."""
        raise NotImplementedError

    def holds(self, run: Tracked) -> bool:
        """Whether a run that has finished is there as a whole."""
        raise NotImplementedError

    def start(self, run: Tracked, rows: list[Row]) -> None:
        """A run begins, with these rows and no others, whatever was there of it before."""
        raise NotImplementedError

    def log(self, run: Tracked, row: Row) -> None:
        """A run that has begun has one more row."""
        raise NotImplementedError

    def end(self, run: Tracked, result: dict[str, Any] | None, error: str, files: list[Path]) -> None:
        """A run that has begun has ended: with a result, with an error, or (neither) before it was done."""
        raise NotImplementedError

    def add(self, run: Tracked, files: list[Path]) -> None:
        """Files, of what can be shown of them, belong to a run that has ended."""
        raise NotImplementedError

    def complete(self, run: Tracked) -> None:
        """A run that has finished before is there."""
        if not self.holds(run):
            self.again(run, [])

    def again(self, run: Tracked, more: list[Path]) -> None:
        """Keep what a run's files say of it, and ``more`` files."""
        self.start(run, load_rows(run.folder))
        files = [*existing(run.folder, OF_A_RUN), *more]
        self.end(run, load_result(run.folder), load_error(run.folder) or "", list(dict.fromkeys(files)))

    def planned(self, planned: Planned) -> None:
        if self.keeper is None:
            self.keeper = Keeper((type(self), self.store, self.project))
            self.keeper.call("open", planned.root, "/".join(planned.root.absolute().parts[-2:]))
        self.runs |= {run.folder: run for run in _tracked(planned)}
        for digest in planned.done:
            self.keeper.call("complete", self.runs[planned.runs[digest].folder])

    def started(self, run: Run, first: int) -> None:
        rows = [row for row in load_rows(run.folder) if row["epoch"] < first] if first else []
        self.going.add(run.folder)
        self._have("start", run, rows)

    def epoch(self, run: Run, row: Row) -> None:
        self._have("log", run, row)

    def ended(self, run: Run, result: dict[str, Any] | None, error: str, details: str) -> None:
        if run.folder not in self.going:  # it failed before it began
            self._have("start", run, [])
        self.going.discard(run.folder)
        self._have("end", run, result, error, existing(run.folder, OF_A_RUN))

    def swept(self, planned: Planned) -> None:
        runs = planned.runs.values()
        for number, run in enumerate(runs):
            more = existing(planned.root, OF_A_SWEEP) if number == 0 and not planned.single else []
            if files := [*existing(run.folder, ("curves.png",)), *more]:  # which are drawn at last
                self._have("add", run, files)

    def closed(self) -> None:
        if self.keeper is None:
            return
        for folder in sorted(self.going):
            self.keeper.call("end", self.runs[folder], None, "", [])
        if not self.keeper.finish(PATIENCE):
            print(f"Waiting for {self.library} …", flush=True)
            self.keeper.finish()
        print(printable(f"To see it: {self.keeper.answer}"), flush=True)

    def _have(self, method: str, run: Run, *content: Any) -> None:
        assert self.keeper is not None, "planned comes first"
        self.keeper.call(method, self.runs[run.folder], *content)


def numbers(row: Row) -> dict[str, float]:
    """What a row has to report, without the epoch."""
    return {name: float(value) for name, value in row.items() if name != "epoch" and value is not None}


def seen_from_here(path: Path) -> str:
    """A path for a command line."""
    return quote(from_here(path))


def existing(folder: Path, patterns: tuple[str, ...]) -> list[Path]:
    """The files of these names that are there."""
    return [path for pattern in patterns for path in sorted(folder.glob(pattern))]


def _tracked(planned: Planned) -> Iterator[Tracked]:
    asked = {key for run in planned.runs.values() for key in run.overrides}
    for digest, run in planned.runs.items():
        yield Tracked(run.folder, planned.variants[digest], parameters(run.config, asked))


def parameters(config: dict[str, Any], asked: set[str]) -> dict[str, Any]:
    """A configuration by dotted keys, without what cannot change a run, and without methods that are absent, unless
    they are ``asked`` for."""
    told = {key: value for key, value in config.items() if key not in PASSIVE}
    known = {key: _shown(value) for key, value in flat(told) if value is not None}
    said = own_part(config).get("reg", {})
    absent = {f"reg.{name}." for name, cls in methods().items() if _is_absent(cls, said.get(name))}
    return {key: value for key, value in known.items() if key in asked or not key.startswith(tuple(absent))}


def _is_absent(cls: type, values: dict[str, Any] | None) -> bool:
    return values is not None and declared.is_neutral(cls, values)


def _shown(value: Any) -> Any:
    return value if isinstance(value, int | float) and math.isfinite(value) else str(value)
