"""What is measured of a stack on data, its training data among them; what its weights look like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from regab.data.examples import gather
from regab.data.split import Data, Split
from regab.errors import UsageError
from regab.fields import per_run
from regab.metrics.base import Mean, Metric, mean_over_examples
from regab.tasks.base import Scale, Task
from regab.training.stack import Stack

# Examples per forward pass. Fixed, so that no run's sums depend on how many runs share its stack; 512 examples of
# 16 networks of width 128 fill 4 MB, about a core's cache.
CHUNK = 512

Each = Callable[[Tensor, Tensor], Tensor]


@torch.no_grad()
def evaluate(stack: Stack, data: Data, task: Task, metrics: Mapping[str, Metric]) -> dict[str, Tensor]:
    """The task's loss and these metrics ``[V]`` (float64, on the CPU) of every split, on clean data and in evaluation
    mode: ``train_loss``, … A split without examples has none.
    """
    stack.set_training(False)
    found: dict[str, Tensor] = {}
    for name in ("train", "val", "test"):
        if len(split := getattr(data, name)):
            measured = _measured(stack, split, data.scale, task, metrics)
            found |= {f"{name}_{measure}": value for measure, value in measured.items()}
    stack.set_training(True)
    return found


def _measured(stack: Stack, split: Split, scale: Scale, task: Task, metrics: Mapping[str, Metric]) -> dict[str, Tensor]:
    """One pass over a split. Outputs are kept only for metrics that take those of all examples at once."""
    each = {name: _each(metric, scale) for name, metric in metrics.items() if isinstance(metric, Mean)}
    plain = type(task).scored is Task.scored
    losses = task.losses if plain else partial(task.losses)  # which a metric may share, if it is given the same
    kept, parts = [], dict[Each, list[Tensor]]((function, []) for function in (losses, *each.values()))
    targets = []
    chunks = [slice(start, start + CHUNK) for start in range(0, len(split), CHUNK)]
    for x, y in zip(gather(split.x, chunks), split.y.split(CHUNK), strict=True):
        outputs = stack(x, shared=True)
        seen = (outputs, y) if plain else task.scored(outputs, y)
        for function, values in parts.items():
            given = (outputs, y) if function is losses else seen
            values.append(_of_examples(function(*given), given[0], task, metrics))
        targets.append(seen[1])
        if len(each) < len(metrics):
            kept.append(seen[0])
    y = split.y if plain else torch.cat(targets)
    means = {function: mean_over_examples(values) for function, values in parts.items()}
    found = {"loss": means[losses].flatten(1).mean(1) if means[losses].ndim > 1 else means[losses]}
    outputs = torch.cat(kept, 1) if kept else torch.empty(0)
    for name, metric in metrics.items():
        back = _as_is if metric.standardized else scale.back
        if isinstance(metric, Mean):
            deviation = scale.deviation if metric.standardized else 1.0
            found[name] = metric.finish(means[each[name]], back(y), deviation)
        else:
            found[name] = metric.of(back(outputs), back(y))
        found[name] = per_run(found[name], stack.size, f"metric {name}").cpu().double()
    return found


def _of_examples(values: Any, outputs: Tensor, task: Task, metrics: Mapping[str, Metric]) -> Tensor:
    """Values of every run and example ``[V, n, …]``. Raises UsageError where they are something else."""
    if isinstance(values, Tensor) and values.shape[:2] == outputs.shape[:2]:
        return values
    found = list(values.shape) if isinstance(values, Tensor) else type(values).__name__
    hooks = f"losses of task {task.name} or each of metric {', '.join(metrics)}"
    raise UsageError(f"{hooks}: must return values of runs and examples, here {list(outputs.shape[:2])}, not {found}")


def _each(metric: Mean, scale: Scale) -> Each:
    """A metric's function of examples; the same one for metrics that have it in common, so that it is called once."""
    if metric.standardized or scale == Scale():
        return metric.each
    return lambda outputs, y: metric.each(scale.back(outputs), scale.back(y))


def _as_is(values: Tensor) -> Tensor:
    return values


@torch.no_grad()
def weight_metrics(weights: Tensor) -> dict[str, Tensor]:
    """Norms of the weights ``[V, W]`` of each run (biases and norms left out), float64 on the CPU."""
    absolute, squares = weights.abs().sum(1), weights.square().sum(1)
    zeros = (weights == 0).sum(1) / max(weights.shape[1], 1)
    metrics = {
        "l1_norm": absolute,
        "l2_norm": squares.sqrt(),
        "regularization_effect": squares / absolute,
        "zero_fraction": zeros,
    }
    return {name: value.cpu().double() for name, value in metrics.items()}


@torch.no_grad()
def weight_histogram(weights: Tensor, bins: int = 80) -> dict[str, list[float]]:
    """Counts of one run's weights ``[W]`` in equal bins over their range."""
    counts, edges = torch.histogram(weights.float().cpu(), bins)
    return {"edges": edges.tolist(), "counts": [int(c) for c in counts]}
