"""What the user sees while runs are trained: a progress bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from typing import Any

from regab.config import Run

LINES = 10  # epochs reported for a single run where there is no terminal


class Display:
    """Reports to standard output. ``runs`` is how many there will be, ``epochs`` how many in all of them together."""

    def __init__(self, runs: int, epochs: int) -> None:
        self.single, self.runs, self.done = runs == 1, runs, 0
        self.bar = _bar(epochs, "training" if self.single else f"training {runs} runs")

    def started(self, runs: list[Run], training: Any) -> None:
        """A stack is about to be trained."""
        if self.single:
            self._print(describe(runs[0], training))

    def epoch(self, run: Run, row: dict[str, Any]) -> None:
        """A run has a new row."""
        if self.bar and row["epoch"]:
            self.bar.advance(self.bar.task_ids[0])
        elif self.single and _is_reported(row["epoch"], run.config["epochs"]):
            self._print(epoch_line(row, run.config["epochs"]))

    def ended(self, outcome: Any) -> None:
        """A run has ended."""
        self.done += 1
        if self.single:
            return
        name = outcome.run.folder.name
        if outcome.error:
            self._print(f"{self.done}/{self.runs} {name}: failed: {outcome.error}")
        elif not self.bar:
            self._print(f"{self.done}/{self.runs} {name}: {selected_words(outcome.result)}")

    def close(self) -> None:
        if self.bar:
            self.bar.stop()

    def _print(self, line: str) -> None:
        if self.bar:
            self.bar.console.print(line, markup=False, highlight=False)
        else:
            print(line, flush=True)


def _bar(total: int, words: str) -> Any:
    if not sys.stdout.isatty():
        return None
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("epochs")
    bar = Progress(*columns, TimeRemainingColumn(), transient=True)
    bar.add_task(words, total=total)
    bar.start()
    return bar


def _is_reported(epoch: float, epochs: int) -> bool:
    every = max(1, -(-epochs // LINES))
    return epoch == epochs or (epoch > 0 and epoch % every == 0)


def describe(run: Run, training: Any) -> str:
    """One line: data, model, regularizers."""
    data, config = training.data, run.config
    sizes = f"{len(data.train):,} training, {len(data.val):,} validation, {len(data.test):,} test examples"
    on = "; ".join(f"{name} ({_values(method)})" for name, method in training.chain.methods.items())
    model = config["model"]["_target_"].rpartition(".")[2]
    return f"{model} with {training.stack.values.shape[1]:,} parameters on {sizes}; regularizers: {on or 'none'}"


def _values(method: Any) -> str:
    fields = {k: v for k, v in vars(method).items() if k != "during" or v != "constant"}
    return ", ".join(f"{k} {v.item():g}" if hasattr(v, "item") else f"{k} {v}" for k, v in fields.items())


def epoch_line(row: dict[str, Any], epochs: int) -> str:
    """One epoch in a line."""
    parts = [
        f"{name} {row[f'{name}_loss']:.4f} ({row[f'{name}_accuracy']:.2%})"
        for name in ("train", "val")
        if row[f"{name}_loss"] is not None
    ]
    return f"epoch {int(row['epoch']):>{len(str(epochs))}}/{epochs}  " + "  ".join(parts)


def selected_words(result: dict[str, Any]) -> str:
    """The selected epoch in a few words."""
    row = result["selected"]
    accuracy = {n: row[f"{n}_accuracy"] for n in ("val", "test") if row[f"{n}_accuracy"] is not None}
    return f"epoch {int(row['epoch'])}, " + ", ".join(f"{n} accuracy {a:.2%}" for n, a in accuracy.items())
