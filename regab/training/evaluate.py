"""What is measured of a stack on data, its training data among them; what its weights look like."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from regab.data.inputs.examples import gather
from regab.data.split import Data, Split
from regab.errors import UsageError
from regab.fields import per_run
from regab.metrics.base import Mean, Metric, mean_over_examples, wide
from regab.tasks.base import Scale, Task, as_numbers
from regab.training.stack import Stack

# Examples per forward pass. Fixed, so that no run's sums depend on how many runs share its stack; 512 examples of
# 16 networks of width 128 fill 4 MB, about a core's cache, and no other size gains at all widths: 256 and 1,024 take
# 1.01 and 1.03 of the time there (four fifths of it products), 1.03 and 0.96 for two networks of width 512, 0.96 and
# 1.08 for four small CNNs. Of examples larger than 3×32×32 there are fewer: what layers make of 512 images of 128×128,
# and their patches for a convolution, took 2.5 GB.
CHUNK, LARGE = 512, 3 * 32 * 32
PLACES = 2**16  # targets per forward pass, where an example has many
# Numbers that a forward pass of a stack may leave behind on a GPU (4 GB; a plan fills 20), for which a pass of 512
# examples is some hundred launches that take longer than its work. A whole split is one pass where it fits: its sums
# are of single examples' values, in either.
ROOM = 2**30

Each = Callable[[Tensor, Tensor], Tensor]


@torch.no_grad()
def evaluate(stack: Stack, data: Data, task: Task, metrics: Mapping[str, Metric]) -> dict[str, Tensor]:
    """The task's loss and these metrics ``[V]`` (float64) of every split, on clean data and in evaluation mode:
    ``train_loss``, … A split without examples has none. Nothing here waits for a GPU: values stay where they are found.
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
    means = {name: metric for name, metric in metrics.items() if isinstance(metric, Mean)}
    rows = chunk_size(split, stack)
    seen = Seen(scale.each(), -(-len(split) // rows), keeps=len(means) < len(metrics))
    chunks = [slice(start, start + rows) for start in range(0, len(split), rows)]
    for x, y in zip(gather(split.x, chunks), split.y.split(rows), strict=True):
        seen.add(stack(x, shared=True), y, task, means)
    loss = mean_over_examples(seen.losses.all())
    found = {"loss": loss.flatten(1).mean(1) if loss.ndim > 1 else loss}
    for name, metric in metrics.items():
        values = seen.mean_of(metric) if isinstance(metric, Mean) else seen.of(metric)
        each = [per_run(value, stack.size, f"metric {name}") for value in values]
        each = [value.to(wide(value)) for value in each]
        each = each if metric.target is None else [each[metric.target]]
        found[name] = each[0] if len(each) == 1 else torch.stack(each).nanmean(0)
    return found


def chunk_size(split: Split, stack: Stack | None = None) -> int:
    """Examples per forward pass, fewer where each is large or has many targets; on a GPU, as many as there is room for.

    ``stack``: whose passes these are; None: of one run on a CPU.
    """
    inputs, targets = (max(1, math.prod(each.shape[1:])) for each in split)
    rows = max(1, min(CHUNK, CHUNK * LARGE // inputs, PLACES // targets))
    if stack is None or not stack.activations:
        return rows
    return max(rows, min(len(split), ROOM // (stack.size * (inputs + stack.activations + targets))))


class Joined:
    """Tensors that come in about so many parts, one after the other along ``dim``, in memory of one piece.

    Small parts kept as they come lie between the large tensors of forward passes, in whose place the next then find no
    room: an evaluation of 8,000 images of 224×224 took 420 MB more than the largest pass.
    """

    def __init__(self, parts: int, dim: int) -> None:
        self.parts, self.dim, self.used = parts, dim, 0

    def add(self, part: Tensor) -> None:
        count = part.shape[self.dim]
        if not self.used:
            self.storage = self._room(part, self.parts * count)
        elif self.used + count > self.storage.shape[self.dim]:
            before, self.storage = self.all(), self._room(part, 2 * (self.used + count))
            self.storage.narrow(self.dim, 0, self.used).copy_(before)
        self.storage.narrow(self.dim, self.used, count).copy_(part)
        self.used += count

    def _room(self, part: Tensor, count: int) -> Tensor:
        return part.new_empty([*part.shape[: self.dim], count, *part.shape[self.dim + 1 :]])

    def all(self) -> Tensor:
        """All that came, as ``torch.cat`` of it."""
        return self.storage.narrow(self.dim, 0, self.used).contiguous()


class Seen:
    """What metrics need of the outputs and targets of a split that comes in so many ``parts``, for each of its targets
    (``Task.predictions``)."""

    def __init__(self, scales: list[Scale], parts: int, keeps: bool) -> None:
        self.scales, self.parts, self.keeps = scales, parts, keeps
        self.losses = Joined(parts, 1)
        self.values: dict[tuple[Each, bool, int], Joined] = {}
        self.outputs: list[Joined] = []
        self.targets: list[Joined] = []

    def add(self, outputs: Tensor, y: Tensor, task: Task, means: Mapping[str, Mean]) -> None:
        """Outputs and targets of some more examples."""
        views = task.predictions(outputs, y)
        if not self.targets:
            self.scales = self.scales if len(self.scales) == len(views) else self.scales[:1] * len(views)
            self.outputs, self.targets = ([Joined(self.parts, dim) for _ in views] for dim in (1, 0))
        losses = _of_examples(task.losses(outputs, y), outputs, f"losses of task {task.name}", views[0][0])
        self.losses.add(losses)
        for t, (seen, target) in enumerate(views):
            self.targets[t].add(target)
            if self.keeps:
                self.outputs[t].add(seen)
            for (each, raw), name in {self._key(metric, t): name for name, metric in means.items()}.items():
                if raw and each is task.losses and seen is outputs:  # so that it is called once
                    values = losses
                else:
                    values = each(*((seen, target) if raw else map(self.scales[t].back, (seen, target))))
                kept = self.values.setdefault((each, raw, t), Joined(self.parts, 1))
                kept.add(_of_examples(values, seen, f"each of metric {name}"))

    def _key(self, metric: Mean, t: int) -> tuple[Each, bool]:
        """A metric's function of examples, which several may have in common, and whether it takes scaled ones."""
        return metric.each, metric.standardized or self.scales[t] == Scale()

    def mean_of(self, metric: Mean) -> Iterator[Tensor]:
        """The metric of each target, from the means over examples."""
        for t, (targets, scale) in enumerate(zip(self.targets, self.scales, strict=True)):
            mean, y = mean_over_examples(self.values[*self._key(metric, t), t].all()), targets.all()
            standardized = metric.standardized
            yield metric.finish(
                mean, y if standardized else scale.back(y), as_numbers(scale)[1] if standardized else 1.0
            )

    def of(self, metric: Metric) -> Iterator[Tensor]:
        """The metric of each target, from all outputs."""
        for outputs, targets, scale in zip(self.outputs, self.targets, self.scales, strict=True):
            both = outputs.all(), targets.all()
            yield metric.of(*(both if metric.standardized else map(scale.back, both)))


def _of_examples(values: Any, outputs: Tensor, hook: str, otherwise: Tensor | None = None) -> Tensor:
    """Values of every run and example ``[V, n, …]``, or ``otherwise`` of every run and what that has.

    Raises UsageError where they are something else.
    """
    shapes = [seen.shape[:2] for seen in (outputs, otherwise) if seen is not None]
    if isinstance(values, Tensor) and values.shape[:2] in shapes:
        return values
    found = list(values.shape) if isinstance(values, Tensor) else type(values).__name__
    raise UsageError(f"{hook}: must return values of runs and examples, here {list(outputs.shape[:2])}, not {found}")


@torch.no_grad()
def weight_metrics(weights: Tensor) -> dict[str, Tensor]:
    """Norms of the weights ``[V, W]`` of each run (biases and norms left out)."""
    absolute, squares = weights.abs().sum(1), weights.square().sum(1)
    # As numbers: counting truth values takes four times as long, two thirds of all this.
    zeros = torch.eq(weights, 0, out=torch.empty_like(weights)).sum(1) / max(weights.shape[1], 1)
    return {
        "l1_norm": absolute,
        "l2_norm": squares.sqrt(),
        "regularization_effect": squares / absolute,
        "zero_fraction": zeros,
    }


@torch.no_grad()
def weight_histogram(weights: Tensor, bins: int = 80) -> dict[str, list[float]]:
    """Counts of one run's weights ``[W]`` in equal bins over their range."""
    counts, edges = torch.histogram(weights.float().cpu(), bins)
    return {"edges": edges.tolist(), "counts": counts.long().tolist()}
