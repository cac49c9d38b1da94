"""What becomes of each run of a stack: its curves, which epoch is selected, and when and why it ends."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np
import torch

from regab.regularizers.base import Chain
from regab.training.evaluate import weight_metrics
from regab.training.stack import Stack

ALL_EPOCHS, STOPPED_EARLY, DIVERGED = "all epochs done", "stopped early", "diverged"


class Record(NamedTuple):
    """One epoch of one run: its values, the epoch selected so far, and why this was the last epoch, if it was."""

    run: int
    values: dict[str, float]
    selected: int
    ended: str = ""


class Watch:
    """Follows the runs of a stack from epoch to epoch."""

    def __init__(self, stack: Stack, chain: Chain, epochs: int) -> None:
        self.stack, self.chain, self.epochs = stack, chain, epochs
        self.running = np.ones(stack.size, dtype=bool)
        self.selected = np.zeros(stack.size, dtype=int)
        self.history: dict[str, list[np.ndarray]] = {}
        self.clock = time.perf_counter()

    def note(self, epoch: int, metrics: dict[str, Any]) -> list[Record]:
        """Take in an epoch's metrics (numbers, or tensors ``[V]``); return the records of the runs still running."""
        metrics = metrics | weight_metrics(self.stack.parameters.weights)
        values = {name: self._array(value) for name, value in metrics.items()}
        for name, value in values.items():
            self.history.setdefault(name, []).append(value)
        was_running, ended = self.running.copy(), self._ended(epoch, values)
        self.running = self.running & (ended == "")
        now = time.perf_counter()
        seconds, self.clock = now - self.clock, now
        table = {name: value.tolist() for name, value in values.items()}
        return [
            Record(
                run,
                {"epoch": epoch, **{name: column[run] for name, column in table.items()}, "seconds": seconds},
                int(self.selected[run]),
                str(ended[run]),
            )
            for run in np.flatnonzero(was_running)
        ]

    def _ended(self, epoch: int, values: dict[str, np.ndarray]) -> np.ndarray:
        ended = np.full(self.stack.size, ALL_EPOCHS if epoch == self.epochs else "", dtype=object)
        if epoch == 0:
            return ended
        selected, stop = self._stopped(epoch)
        self.selected = np.where(self.running, selected, self.selected)
        ended[stop] = STOPPED_EARLY
        measured = [v for n, v in values.items() if n in ("train_objective", "train_loss", "l2_norm")]
        ended[~np.isfinite(sum(measured))] = DIVERGED
        return ended

    def _stopped(self, epoch: int) -> tuple[Any, Any]:
        if not self.chain.having("stopped"):
            return epoch, np.zeros(self.stack.size, dtype=bool)
        curves = {name: np.stack(column) for name, column in self.history.items() if len(column) == epoch + 1}
        selected, stop = self.chain.stopped(curves)
        self.stack.keep(torch.from_numpy((selected == epoch) & self.running))
        return selected, stop

    def _array(self, value: Any) -> np.ndarray:
        if isinstance(value, torch.Tensor):
            value = value.detach().double().cpu().numpy()
        return np.broadcast_to(np.asarray(value), (self.stack.size,))
