"""How often runs are right, by how sure they are: what a report draws of calibration, counted once a run has ended."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from regab.data.inputs.examples import gather
from regab.data.split import Split
from regab.metrics.base import measured_kinds
from regab.metrics.ece import BINS
from regab.tasks.base import Task
from regab.tasks.classification import Classification
from regab.training.average import holding
from regab.training.evaluate import chunk_size
from regab.training.loop import Training
from regab.training.stack import Stack

Bins = dict[str, Any]


@torch.no_grad()
def calibration(t: Training, runs: list[int]) -> dict[int, Bins]:
    """Of each of these runs, in its selected epoch, on test data (on validation data where there are none):

    ``count`` examples in each of 15 bins of equal width over the confidence, the largest probability, of which so many
    are ``right``, and their mean ``confidence`` (null in an empty bin). Several labels of an example count as examples.
    Nothing where the task is not one of classes.
    """
    name = "test" if len(t.data.test) else "val"
    split: Split = getattr(t.data, name)
    if not (runs and len(split)) or Classification.name not in measured_kinds(type(t.task)):
        return {}
    rows = runs if t.watch.kept is not None else t.watch.lane[runs].tolist()
    t.stack.set_training(False)
    found: dict[int, Tensor] = {}
    for part in torch.tensor(sorted(set(rows))).split(t.stack.size):
        counts = _of_rows(t, split, part)
        found |= dict(zip(part.tolist(), counts, strict=False))
    t.stack.set_training(True)
    return {run: {"split": name} | _as_lists(found[row]) for run, row in zip(runs, rows, strict=True)}


def _of_rows(t: Training, split: Split, rows: Tensor) -> Tensor:
    """The counts of some rows of the selected states, of as many as there are lanes or fewer."""
    padded = torch.cat([rows, rows[-1:].expand(t.stack.size - len(rows))])
    kept = t.watch.evaluated if t.watch.kept is None else t.watch.kept
    whole = t.watch.kept is None and len(rows) == t.stack.size
    with holding(t.stack, kept if whole else [tensor[padded.to(tensor.device)] for tensor in kept]):
        return counted(t.stack, split, t.task)


def counted(stack: Stack, split: Split, task: Task) -> Tensor:
    """Count, number right and sum of confidences in every bin ``[V, 3, 15]`` (float64)."""
    edges = torch.linspace(0, 1, BINS + 1, dtype=torch.float64)
    lanes = BINS * torch.arange(stack.size)[:, None]
    sums = torch.zeros(3, stack.size * BINS, dtype=torch.float64)
    rows = chunk_size(split, stack)
    chunks = [slice(start, start + rows) for start in range(0, len(split), rows)]
    for x, y in zip(gather(split.x, chunks), split.y.split(rows), strict=True):
        for outputs, classes in task.predictions(stack(x, shared=True), y):
            best, said = outputs.max(-1)
            sure, right = (best - outputs.logsumexp(-1)).exp().cpu().double(), (said == classes).cpu().double()
            place = (torch.bucketize(sure, edges, right=True) - 1).clamp_(0, BINS - 1) + lanes
            for total, values in zip(sums, (torch.ones_like(sure), right, sure), strict=True):
                total.index_add_(0, place.flatten(), values.flatten())
    return sums.view(3, stack.size, BINS).transpose(0, 1)


def _as_lists(counts: Tensor) -> Bins:
    count, right, sure = counts
    means = [mean if n else None for mean, n in zip((sure / count).tolist(), count.tolist(), strict=True)]
    return {"count": count.long().tolist(), "right": right.long().tolist(), "confidence": means}
