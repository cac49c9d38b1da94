"""The state of a training between two epochs, by which it can be taken up again, whole or for some of its runs.

Streams of random numbers begin anew with every epoch, so they need no state; a run's numbers do not depend on the
others of its stack, so any of its runs can go on in another.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from regab.metrics import LOSS, SPLITS, measured_by
from regab.training.loop import Training

Snapshot = dict[str, Any]


def take_snapshot(t: Training) -> Snapshot:
    """Everything that the rest of the training depends on:

    tensors, numbers and words only. Shares memory with ``t``.
    """
    watch = t.watch
    return {
        "ids": t.ids,
        "trained_with": _trained_with(t),
        "epoch": t.epoch,
        "lane": torch.from_numpy(watch.lane),
        "state": t.stack.state,
        "average": t.average.kept,
        "kept": watch.kept,
        "optimizer": t.optimizer.saved(t.optimizer_state),
        "schedule": t.schedule.state(),
        "running": torch.from_numpy(watch.running),
        "history": {name: torch.from_numpy(np.stack(column)) for name, column in watch.history.items()},
    }


def restore(t: Training, snapshot: Snapshot) -> None:
    """Take up a training, whose runs must be among those of the snapshot, where the snapshot was taken.

    Raises ValueError where the data or the user's own code have changed since, or some metric was not measured then.
    """
    if snapshot["trained_with"] != _trained_with(t):
        raise ValueError("the data or the code have changed since")
    rows = torch.tensor([snapshot["ids"].index(i) for i in t.ids])
    used = np.minimum(np.arange(t.stack.size), t.watch.lane.max())  # the last lanes may be copies (``lanes_for``)
    first = [int(np.flatnonzero(t.watch.lane == lane)[0]) for lane in used]
    lanes = snapshot["lane"][rows[first]]
    t.epoch = snapshot["epoch"]
    averages = [(average, snapshot["average"][name]) for name, average in t.average.kept.items()]
    for state, saved in [(t.stack.state, snapshot["state"]), *averages]:
        for now, then in zip(state, saved, strict=True):
            now.copy_(then[lanes.to(then.device)])
    t.optimizer.take_up(t.optimizer_state, snapshot["optimizer"], lanes)
    t.schedule.load({name: _rows(then, lanes, t) for name, then in snapshot["schedule"].items()})
    kept = snapshot["kept"]
    t.watch.kept = None if kept is None else [_rows(then, rows, t) for then in kept]
    t.watch.running = snapshot["running"][rows].numpy().copy()
    history = _measured(snapshot["history"], t)
    t.watch.history = {name: list(c[:, lanes].numpy()) for name, c in history.items()}


def _measured(history: dict[str, Tensor], t: Training) -> dict[str, Tensor]:
    """The curves of what the training measures, without other metrics."""
    asked = [LOSS, *t.metrics]
    if missing := [name for name in asked if f"{SPLITS[0]}_{name}" not in history]:
        raise ValueError(f"{missing[0]} was not measured then")
    return {n: c for n, c in history.items() if not measured_by(n)[0] or measured_by(n)[1] in asked}


def _trained_with(t: Training) -> dict[str, str]:
    return {"data": t.data.fingerprint} | t.code


def _rows(tensor: Tensor, rows: Tensor, t: Training) -> Tensor:
    return tensor[rows.to(tensor.device)].to(t.stack.values.device)
