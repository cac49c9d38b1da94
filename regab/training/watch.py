"""What becomes of each run: its curves, which epoch is selected, and when and why it ends."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from regab.metrics.base import wide
from regab.training.evaluate import weight_metrics
from regab.training.stack import Stack
from regab.training.stopping import Stopping

ALL_EPOCHS, STOPPED_EARLY, DIVERGED = "all epochs done", "stopped early", "diverged"
TRAINED = ("train_objective", "grad_norm")  # not known of the untrained model
FINITE = ("train_objective", "train_loss", "val_loss", "test_loss", "l2_norm")  # in a run that has not diverged


def divergence(values: Mapping[str, float | None]) -> str:
    """Which of an epoch's values is not finite, and what it is: ``l2_norm is inf``."""
    return next(f"{n} is {v}" for n in FINITE if (v := values.get(n)) is not None and not math.isfinite(v))


class Record(NamedTuple):
    """One epoch of one run: its values, the epoch selected so far, and why this was the last epoch, if it was."""

    run: int
    values: dict[str, float]
    selected: int
    ended: str = ""


class Watch:
    """Follows ``R`` runs, each in one of the ``V`` lanes of a stack, from epoch to epoch.

    ``history`` has the metrics of every epoch so far, ``[V]`` each.
    """

    def __init__(self, stack: Stack, stopping: Stopping, run_to_lane: np.ndarray, epochs: int) -> None:
        self.stack, self.stopping, self.lane, self.epochs = stack, stopping, run_to_lane, epochs
        self.running = np.ones(len(run_to_lane), dtype=bool)
        self.selected = np.zeros(len(run_to_lane), dtype=int)
        self.evaluated: list[Tensor] = []
        self.kept: list[Tensor] | None = None
        self.history: dict[str, list[np.ndarray]] = {}
        self.clock = time.perf_counter()

    def note(self, epoch: int, metrics: dict[str, Any], state: list[Tensor]) -> list[Record]:
        """Take in an epoch's metrics (numbers, or tensors ``[V]``) and the state that they are of; return the records
        of the runs still running."""
        now, self.evaluated = time.perf_counter(), state
        weights = state[0][:, : self.stack.parameters.n_weights]
        metrics = metrics | weight_metrics(weights) | {"seconds": now - self.clock}
        self.clock = now
        for name, value in self._arrays(metrics).items():
            self.history.setdefault(name, []).append(value)
        was_running, ended = self.running.copy(), self._ended(epoch)
        self.running &= ended == ""
        rows = self.rows(epoch)
        return [
            Record(run, rows[self.lane[run]], int(self.selected[run]), str(ended[run]))
            for run in np.flatnonzero(was_running).tolist()
        ]

    def last(self, metric: str) -> Tensor | None:
        """What was measured last ``[V]``, on the CPU; None of what is not measured."""
        return torch.tensor(self.history[metric][-1]) if metric in self.history else None

    def rows(self, epoch: int) -> list[dict[str, float]]:
        """The values of an epoch, for each lane."""
        known = {n: column for n, column in self.history.items() if epoch or n not in TRAINED}
        table = {n: column[epoch - (n in TRAINED)].tolist() for n, column in known.items()}
        return [{"epoch": epoch, **dict(zip(table, row, strict=True))} for row in zip(*table.values(), strict=True)]

    def _ended(self, epoch: int) -> np.ndarray:
        ended = np.full(len(self.lane), ALL_EPOCHS if epoch == self.epochs else "", dtype=object)
        if epoch == 0:
            return ended
        self.selected, stop = self._stopped(epoch)
        ended[stop] = STOPPED_EARLY
        finite = np.all([np.isfinite(self.history[n][-1]) for n in FINITE if n in self.history], axis=0)
        ended[~finite[self.lane]] = DIVERGED
        return ended

    def _stopped(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        if not self.stopping.rules:
            return np.full(len(self.lane), epoch), np.zeros(len(self.lane), dtype=bool)
        curves = {n: np.stack(c)[:, self.lane] for n, c in self.history.items() if len(c) == epoch + 1}
        selected, stop = self.stopping(curves)
        self._keep((selected == epoch) & self.running)
        return selected, stop

    def _keep(self, runs: np.ndarray) -> None:
        """Remember the present state of some runs as that of their selected epoch."""
        lanes = torch.from_numpy(self.lane)
        if self.kept is None:
            self.kept = [t[lanes] for t in self.evaluated]
        chosen = torch.from_numpy(np.flatnonzero(runs))
        for kept, now in zip(self.kept, self.evaluated, strict=True):
            kept[chosen] = now[lanes[chosen]]

    def selected_state(self, runs: list[int]) -> tuple[list[int], list[Tensor]]:
        """The rows of these runs in a state that has their weights and buffers in their selected epochs; that state."""
        return (self.lane[runs].tolist(), self.evaluated) if self.kept is None else (runs, self.kept)

    def _arrays(self, metrics: dict[str, Any]) -> dict[str, np.ndarray]:
        """What was measured, float64: of tensors, all that lie on one device by one copy, as each waits for a GPU."""
        tensors = {name: value for name, value in metrics.items() if isinstance(value, Tensor)}
        arrays = {name: np.asarray(value) for name, value in metrics.items() if name not in tensors}
        for device in {value.device for value in tensors.values()}:
            there = {name: value.to(wide(value)) for name, value in tensors.items() if value.device == device}
            arrays |= zip(there, torch.stack([*there.values()]).cpu().double().numpy(), strict=True)
        return {name: np.broadcast_to(arrays[name], (self.stack.size,)) for name in metrics}
