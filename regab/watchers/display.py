"""What is seen while runs are trained: a live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from regab.errors import UsageError
from regab.measured import own_measures
from regab.metrics import Measures
from regab.records.columns import cell, column, score, words
from regab.records.printable import printable
from regab.records.results import outcome
from regab.script import epochs_of
from regab.watchers.base import Planned, Row, Watcher

if TYPE_CHECKING:
    from regab.config import Run

LINES = 10  # epochs reported of a single run where there is no terminal
SHOWN = 15  # variants in the live table
TAKEN = 5  # lines of a terminal that are not theirs: the head of one or two, the bar, what is left out, the prompt
EVERY = 30  # variants of whose runs each has a line as it ends; of more, twenty runs have one, and those that fail


class Display(Watcher):
    """Prints the plan, how each run ended, and what is noted aloud; of a single run also epochs."""

    always = True

    def __init__(self) -> None:
        self.variants, self.epochs, self.total = dict[str, str](), dict[str, int](), dict[str, int]()
        self.ended_runs, self.noted_before = 0, set[str]()
        self.live: _Live | None = None
        self.own: Measures = {}

    def planned(self, planned: Planned) -> None:
        self.single = planned.single
        with suppress(UsageError):  # classes that cannot be imported where a sweep is only followed
            self.own = own_measures(next(iter(planned.runs.values())).config) if planned.runs else {}
        self.variants |= planned.variants
        self.epochs |= dict.fromkeys(planned.todo, 0)
        self.total |= {digest: epochs_of(run.config) for digest, run in planned.todo.items()}
        self.step = math.ceil(len(self.total) / 20) if len(set(self.variants.values())) > EVERY else 1
        if planned.summary:
            self._print(planned.summary)
        if planned.todo and _has_live_terminal() and not self.live:
            self.live = _Live(self)
            self.live.start()

    def started(self, run: Run, first: int) -> None:
        self.epochs[run.digest] = max(first - 1, 0)

    def epoch(self, run: Run, row: Row) -> None:
        epoch = self.epochs[run.digest] = row["epoch"]
        if self.live:
            with suppress(UsageError):
                self.live.note(run.digest, row)
        elif self.single and _is_reported(epoch, self.total[run.digest]):
            print(epoch_line(row, self.total[run.digest], self.own), flush=True)

    def ended(self, run: Run, result: dict[str, Any] | None, error: str, details: str) -> None:
        self.ended_runs += 1
        self.total[run.digest] = self.epochs[run.digest]  # stopping early is progress too
        if not self.single and (error or (not self.live and self._is_told())):
            in_words = outcome(result) if result else f"failed: {error}"
            self._print(f"{self.ended_runs}/{len(self.total)} {run.folder.name}: {in_words}")
        if self.ended_runs == len(self.total):  # nothing moves any more, and what follows is faster without its thread
            self.closed()

    def _is_told(self) -> bool:
        """Whether the run that has ended now has a line. All have one in ``sweep.log``."""
        return self.ended_runs % self.step == 0 or self.ended_runs == len(self.total)

    def noted(self, text: str, aloud: bool) -> None:
        if aloud and text not in self.noted_before:
            self.noted_before.add(text)
            self._print(text)

    def swept(self, planned: Planned) -> None:
        self.closed()

    def closed(self) -> None:
        if self.live:
            self.live.stop()
            self.live = None

    def _print(self, line: str) -> None:
        if self.live:
            self.live.print(printable(line))
        else:
            print(printable(line), flush=True)


class _Live:
    """Progress, rate, time left, and the best epoch of every variant so far by validation accuracy or the like."""

    def __init__(self, display: Display) -> None:
        self.display, self.best = display, dict[str, tuple[float, str]]()

    def start(self) -> None:
        from rich.live import Live

        self.began = time.monotonic()
        self.live = Live(get_renderable=self._render, refresh_per_second=4, transient=True)
        self.live.start()

    def stop(self) -> None:
        self.live.stop()

    def print(self, line: str) -> None:
        self.live.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def note(self, digest: str, row: Row) -> None:
        """Take in an epoch."""
        if row.get("val_loss") is not None and row["epoch"] and "train_loss" in row:
            variant, own = self.display.variants[digest], self.display.own
            known = column(f"val_{score(row, own)}", own)
            if row.get(known) is None:  # of a script
                return
            value = row[known] if known.measure.upwards else -row[known]
            shown = value, epoch_line(row, self.display.total[digest], own)
            self.best[variant] = max(self.best.get(variant, shown), shown)

    def _render(self) -> Any:
        from rich.console import Group
        from rich.padding import Padding
        from rich.progress_bar import ProgressBar

        d, passed = self.display, time.monotonic() - self.began
        share = sum(d.epochs.values()) / max(sum(d.total.values()), 1)
        left = f", {passed / share - passed:.0f} s left" if share > 0 else ""
        rate = f"{60 * d.ended_runs / passed:.1f} runs per minute, " if not d.single and d.ended_runs else ""
        head = f"{d.ended_runs} of {len(d.total)} runs done, {rate}{passed:.0f} s{left}"
        best = sorted(self.best.items(), key=lambda item: item[1], reverse=True)
        bar = Padding(ProgressBar(total=1.0, completed=share, width=60), 0)  # which ends its line; a bar does not
        return Group(head, bar, _Best([("" if d.single else name, line) for name, (_, line) in best]))


class _Best:
    """The best epoch of variants, a line each or, where there is no room for it, two; no more of them than fit into the
    terminal, as what is higher cannot be taken back."""

    def __init__(self, rows: list[tuple[str, str]]) -> None:
        self.rows = rows

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        from rich.text import Text

        width, room = options.max_width, max(options.size.height - TAKEN, 1)
        lines = self._beside() if all(len(line) <= width for line in self._beside()) else self._apart(width)
        kept = [text for text, used in zip(lines, accumulate(map(_height(width), lines)), strict=True) if used <= room]
        shown = kept[:SHOWN] or lines[:1]
        yield from map(Text, shown)  # a name is no markup
        if len(lines) > len(shown):
            yield Text(f"and {len(lines) - len(shown)} more variants")

    def _beside(self) -> list[str]:
        longest = max((len(name) + 2 for name, _ in self.rows if name), default=0)
        return [f"{name:{longest}}{line}" for name, line in self.rows]

    def _apart(self, width: int) -> list[str]:
        return [
            f"{name}\n  {_as_short(line, width - 2)}" if name else _as_short(line, width) for name, line in self.rows
        ]


def _height(width: int) -> Callable[[str], int]:
    """How many lines of a terminal of this width a text takes."""
    return lambda text: sum(max(1, -(-len(line) // width)) for line in text.split("\n"))


def _as_short(line: str, width: int) -> str:
    """An epoch's line or, where it is longer than this, without training data."""
    return line if len(line) <= width else re.sub(r"  train .*(?=  val )", "", line)


def _has_live_terminal() -> bool:
    """Whether lines can be taken back where output goes."""
    return sys.stdout.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


def _is_reported(epoch: int, epochs: int) -> bool:
    every = max(1, -(-epochs // LINES))
    return epoch == epochs or (epoch > 0 and epoch % every == 0)


def epoch_line(row: Row, epochs: int, own: Measures | None = None) -> str:
    """One epoch in a line, with metrics of the user's ``own`` besides."""
    known = column(score(row, own), own)
    label = "" if known.measure.percent else f"{words(known)} "
    parts = [
        f"{name} {row[f'{name}_loss']:.4f} ({label}{cell(known, row[f'{name}_{known}'])})"
        for name in ("train", "val")
        if row.get(f"{name}_loss") is not None and f"{name}_{known}" in row
    ]
    return f"epoch {int(row['epoch']):>{len(str(epochs))}}/{epochs}  " + "  ".join(parts)
