"""The training loop. There is one, and it always trains a stack.

A step depends on nothing that changes from step to step but its tensors (see ``regab.training.graphs``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from regab.data.inputs.examples import gather, take
from regab.data.split import Data
from regab.fields import of_kind, per_run
from regab.metrics.base import Metric
from regab.regularizers.base import Chain
from regab.seeding import seeded
from regab.tasks.base import Task
from regab.training.average import Average, holding
from regab.training.evaluate import evaluate
from regab.training.graphs import Graphs
from regab.training.noise import Noise
from regab.training.optimizer import Optimizer
from regab.training.stack import Stack
from regab.training.watch import Record, Watch


@dataclass
class Training:
    """Everything that ``train`` needs: ``R`` runs of one structure in ``V`` lanes, what they are trained on and with,
    and what is measured.

    ``ids`` name the runs; ``epoch`` is how many are done; ``notes`` are what the user should know of how it was set up,
    ``code`` fingerprints of the user's own modules that it uses; ``graphs``, if any, repeat steps on a GPU.
    """

    ids: list[str]
    stack: Stack
    data: Data
    task: Task
    metrics: dict[str, Metric]
    chain: Chain
    optimizer: Optimizer
    schedule: Any
    noise: Noise
    watch: Watch
    lr: Tensor
    epochs: int
    batch_size: int
    notes: list[str] = field(default_factory=list)
    code: dict[str, str] = field(default_factory=dict)
    graphs: Graphs | None = None
    epoch: int = 0

    def __post_init__(self) -> None:
        self.steps = batches(len(self.data.train), self.batch_size)
        self.schedule.start(self.lr, len(self.steps), self.epochs)
        self.optimizer_state = self.optimizer.start(self.stack)
        self.notes = [*self.notes, *filter(None, [self.optimizer.acts()])]
        self.average = Average(self.stack, self.chain)


def train(t: Training) -> Iterator[list[Record]]:
    """Train a stack; before the first and after every epoch, yield a record of each run that has not yet ended."""
    if not t.watch.history:
        with _seeded(t):
            measured = evaluate(t.stack, t.data, t.task, t.metrics)
        yield t.watch.note(0, {"step": 0, "lr": t.schedule.lr(0)} | measured, t.stack.state)
    while t.epoch < t.epochs and t.watch.running.any():
        with _seeded(t):
            metrics = train_epoch(t, t.epoch + 1)
            t.epoch += 1
            state = t.average.after_epoch(t.chain, t.epoch, t.epochs, t.data.train.x, t.steps)
            with holding(t.stack, state):
                metrics |= evaluate(t.stack, t.data, t.task, t.metrics)
        records = t.watch.note(t.epoch, metrics, state)
        t.schedule.epoch_ended(metrics["step"], t.watch.last(getattr(t.schedule, "monitor", "val_loss")))
        yield records


def _seeded(t: Training) -> AbstractContextManager[None]:
    """Whatever of the user's own draws from a global generator does so alike in two trainings of the same runs."""
    return seeded(t.noise.seeds[0], "epoch", t.epoch)


def train_epoch(t: Training, epoch: int) -> dict[str, Any]:
    """One pass over the training data."""
    stack, noise, steps, n = t.stack, t.noise, t.steps, len(t.data.train)
    y_train = of_kind(t.task.targets(t.data.train.y, t.data.classes), Tensor, "task, targets")
    noise.begin(epoch, [part.stop - part.start for part in steps])
    order = noise.order(n)
    parts = [order[:, part] for part in steps]
    objective = torch.zeros(stack.size, device=y_train.device)
    inputs = gather(t.data.train.x, parts, noise)
    for done, (rows, x) in enumerate(zip(parts, inputs, strict=True), start=(epoch - 1) * len(steps)):
        chain, lr = t.chain.at(done, len(steps) * t.epochs), t.schedule.lr(done)
        y = t.task.spread(take(y_train, rows), t.data.classes)
        noise.ahead.advance()
        take_step = partial(step, t, last=rows is parts[-1])
        loss, *grad_norm = t.graphs.take(take_step, chain, lr, x, y) if t.graphs else take_step(chain, lr, x, y)
        with torch.no_grad():
            objective += loss * (rows.shape[1] / n)
            t.average.after_step(chain, done + 1)
    with torch.no_grad():
        objective += chain.value(stack.parameters)
    return {"step": done + 1, "lr": lr, "train_objective": objective, "grad_norm": grad_norm[0]}


def step(t: Training, chain: Chain, lr: Tensor, x: Tensor, y: Tensor, *, last: bool) -> tuple[Tensor, ...]:
    """A step on a batch: its loss ``[V]``, and in the ``last`` of an epoch the norm of the gradient ``[V]``.

    Read downwards, it names every place at which a regularizer may act.
    """
    stack, noise, state = t.stack, t.noise, t.optimizer_state
    x, y = chain.mix(chain.augment(x, noise), y, noise)
    factors = chain.perturb(stack.places, x.shape[1], noise)
    with chain.disturbed(stack.parameters, noise), closing(chain.passes(stack, noise)) as passes:
        for _ in passes:
            loss = pass_through(t, chain, x, y, factors)
    with torch.no_grad():
        chain.add_gradient(stack.parameters)
        grad_norm = [torch.linalg.vector_norm(stack.gradients, dim=1)] if last else []
        chain.gradients(stack.parameters, noise)
        chain.decay(stack.parameters, lr)
        t.optimizer.step(state, stack.parameters, lr, partial(objective_again, t, chain, x, y, factors))
        chain.weights(stack.parameters, partial(t.optimizer.step_size, state, stack.parameters.rates(lr)))
    return loss.detach(), *grad_norm


def pass_through(t: Training, chain: Chain, x: Tensor, y: Tensor, factors: dict[str, Tensor]) -> Tensor:
    """A pass forward and backward: the loss and the penalties ``[V]``; their gradients are the stack's."""
    outputs = t.stack(x, factors)
    if t.stack.explicit and not chain.having("penalty") and (both := t.task.loss_and_slope(outputs.detach(), y)):
        t.stack.explicit.backward(both[1])
        return both[0]
    penalty = chain.penalty(t.task.logits(outputs))
    loss = per_run(t.task.loss(outputs, y), t.stack.size, "task, loss") + penalty
    t.stack.backward(loss)
    return loss


@torch.enable_grad()
def objective_again(t: Training, chain: Chain, x: Tensor, y: Tensor, factors: dict[str, Tensor]) -> Tensor:
    """The objective ``[V]`` of a step and its gradient where the parameters are now, with all that the step drew."""
    with t.stack.repeating():
        loss = pass_through(t, chain, x, y, factors)
    with torch.no_grad():
        chain.add_gradient(t.stack.parameters)
        return loss.detach() + chain.value(t.stack.parameters)


def batches(n: int, batch_size: int) -> list[slice]:
    """Slices of at most ``batch_size``; a single example left over joins the batch before it.

    Batch norm cannot take the variance of one example, and its gradient would weigh as much as a full batch's.
    """
    starts = list(range(0, n, batch_size))
    if len(starts) > 1 and batch_size > 1 and n - starts[-1] == 1:
        starts.pop()
    return [slice(a, b) for a, b in zip(starts, [*starts[1:], n], strict=True)]
