"""What the user sees while runs are trained: a live table in a terminal, plain lines elsewhere; details in a log."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from typing import Any

from regab.config import Run
from regab.records.columns import cell, headline, score, words
from regab.records.files import writing
from regab.records.results import variant_name, varying
from regab.workers.events import Ended, Epoch, Event, Note
from regab.workers.plan import Plan

LINES = 10  # epochs reported of a single run where there is no terminal
SHOWN = 15  # variants in the live table


class Display:
    """Reports on the runs of a folder, by digest; ``ended`` collects how they ended."""

    def __init__(self, root: Path, runs: dict[str, Run]) -> None:
        self.root, self.runs, self.ended = root, runs, dict[str, Ended]()
        self.single = len(runs) == 1 and next(iter(runs.values())).folder == root
        self.epochs = dict.fromkeys(runs, 0)
        self.total = {digest: run.config["epochs"] for digest, run in runs.items()}
        self.shown = set[str]()
        self.live = _Live(self) if sys.stdout.isatty() else None

    def __enter__(self) -> Display:
        self.log = _log(None if self.single else self.root / "sweep.log")
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.live.stop()
        for handler in self.log.handlers:
            handler.close()

    def report(self, events: list[Event]) -> None:
        """Take note of events."""
        for event in events:
            self._note(event)

    def _note(self, event: Event) -> None:
        if isinstance(event, Note):
            self._say(event)
        elif isinstance(event, Epoch):
            self._epoch(event)
        else:
            self._ended(event)
        if self.live:
            self.live.update(event)

    def _say(self, note: Note) -> None:
        if not note.aloud:
            self.log.info(note.text)
        elif note.text not in self.shown:
            self.shown.add(note.text)
            self.log.info(note.text)
            self._print(note.text)

    def _epoch(self, event: Epoch) -> None:
        epoch = self.epochs[event.digest] = event.row["epoch"]
        if self.single and not self.live and _is_reported(epoch, self.total[event.digest]):
            print(epoch_line(event.row, self.total[event.digest]), flush=True)

    def _ended(self, event: Ended) -> None:
        self.ended[event.digest] = event
        self.total[event.digest] = self.epochs[event.digest]  # stopping early is progress too
        words = f"failed: {event.error}" if event.error else selected_words(event.result)
        line = f"{len(self.ended)}/{len(self.runs)} {self.runs[event.digest].folder.name}: {words}"
        self.log.info("%s%s", line, f"\n{event.details}" if event.details else "")
        if not self.single and (event.error or not self.live):
            self._print(line)

    def _print(self, line: str) -> None:
        if self.live:
            self.live.print(line)
        else:
            print(line, flush=True)


class _Live:
    """Progress, rate, time left, and the best validation accuracy or R² of every variant so far."""

    def __init__(self, display: Display) -> None:
        self.display, self.best = display, dict[str, tuple[float, str]]()
        factors = varying([run.overrides for run in display.runs.values()])
        self.variant = {
            digest: variant_name({key: run.overrides.get(key, "") for key in factors})
            for digest, run in display.runs.items()
        }

    def start(self) -> None:
        from rich.live import Live

        self.began = time.monotonic()
        self.live = Live(get_renderable=self._render, refresh_per_second=4, transient=True)
        self.live.start()

    def stop(self) -> None:
        self.live.stop()

    def print(self, line: str) -> None:
        self.live.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def update(self, event: Event) -> None:
        if isinstance(event, Epoch) and event.row["val_loss"] is not None and event.row["epoch"]:
            variant = self.variant[event.digest]
            shown = event.row[f"val_{score(event.row)}"], epoch_line(event.row, self.display.total[event.digest])
            self.best[variant] = max(self.best.get(variant, shown), shown)

    def _render(self) -> Any:
        from rich.console import Group
        from rich.padding import Padding
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        d, passed = self.display, time.monotonic() - self.began
        share = sum(d.epochs.values()) / max(sum(d.total.values()), 1)
        left = f", {passed / share - passed:.0f} s left" if share > 0 else ""
        rate = f"{60 * len(d.ended) / passed:.1f} runs per minute, " if not d.single and d.ended else ""
        head = f"{len(d.ended)} of {len(d.runs)} runs done, {rate}{passed:.0f} s{left}"
        table = Table(box=None, show_header=False, pad_edge=False)
        best = sorted(self.best.items(), key=lambda item: item[1], reverse=True)
        for name, (_, line) in best[:SHOWN]:
            table.add_row("" if d.single else name, line)
        if len(best) > SHOWN:
            table.add_row(f"and {len(best) - SHOWN} more variants", "")
        bar = Padding(ProgressBar(total=1.0, completed=share, width=60), 0)  # which ends its line; a bar does not
        return Group(head, bar, table)


class _Unfailing(logging.FileHandler):
    """On a full disk, other writers say what is to be said."""

    def handleError(self, record: logging.LogRecord) -> None:
        pass


def _log(path: Path | None) -> logging.Logger:
    """The sweep's log, which only its file hears."""
    logger = logging.Logger("regab.sweep", logging.INFO)
    with writing(path or Path()):
        handler = _Unfailing(path) if path else logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger.addHandler(handler)
    return logger


def _is_reported(epoch: int, epochs: int) -> bool:
    every = max(1, -(-epochs // LINES))
    return epoch == epochs or (epoch > 0 and epoch % every == 0)


def plan_words(plan: Plan, asked: int, distinct: int, done: int) -> str:
    """What is going to be trained, and about what it will take."""
    todo = sum(len(chunk.runs) for chunk in plan.chunks)
    lines = [f"{asked} runs" + (f", of which {asked - distinct} repeat others" if asked > distinct else "")]
    if done:
        lines.append(f"{done} done already")
    if resumed := sum(len(chunk.runs) for chunk in plan.chunks if chunk.resume):
        lines.append(f"{resumed} to go on with")
    lanes = sum(chunk.lanes for chunk in plan.chunks)
    shared = f" as {lanes} trainings" if lanes < todo else ""
    if todo:
        where = f"{plan.workers} worker{'s' * (plan.workers != 1)}" if plan.workers else "this process"
        lines.append(
            f"{todo} to train{shared}, in {len(plan.chunks)} stack{'s' * (len(plan.chunks) != 1)} of {plan.structures} "
            f"structure{'s' * (plan.structures != 1)} on {where}: about {duration(plan.seconds)}, "
            f"{plan.bytes / 1e6:.0f} MB beside {plan.workers * 0.3 + 0.4:.1f} GB of programs"
        )
    return "; ".join(lines)


def duration(seconds: float) -> str:
    """Seconds in words of fitting precision."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def epoch_line(row: dict[str, Any], epochs: int) -> str:
    """One epoch in a line."""
    known = score(row)
    label = "" if known == "accuracy" else f"{words(known)} "
    parts = [
        f"{name} {row[f'{name}_loss']:.4f} ({label}{cell(known, row[f'{name}_{known}'])})"
        for name in ("train", "val")
        if row[f"{name}_loss"] is not None
    ]
    return f"epoch {int(row['epoch']):>{len(str(epochs))}}/{epochs}  " + "  ".join(parts)


def selected_words(result: dict[str, Any]) -> str:
    """The selected epoch in a few words."""
    row = result["selected"]
    shown = [f"{split}_{headline(row)}" for split in ("val", "test")]
    parts = [f"{words(name)} {cell(name, row[name])}" for name in shown if row[name] is not None]
    return ", ".join([f"epoch {int(row['epoch'])}", *parts])
