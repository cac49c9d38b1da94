"""How a model's forward pass is taken for all runs of a stack."""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from regab.errors import UsageError, in_a_line
from regab.models.foreign.places import is_foreign
from regab.models.parts.attention import SelfAttention
from regab.models.places import pass_once
from regab.seeding import drawn_since, global_states, seeded
from regab.training.assembly.answer import check_answer, check_forward, trial_of
from regab.training.stack import Stack

SLOW_ON_A_CPU = (nn.modules.conv._ConvNd, nn.MultiheadAttention, SelfAttention)
ATTENTION = re.compile("attention|attn", re.IGNORECASE)  # what other people's classes of it are called
AGREE = {"rtol": 1e-3, "atol": 1e-4}  # batched and single kernels sum in another order
TRIED = 16  # examples, as sums of a few numbers do not show in which order they were added
REASON = 160  # characters shown of an error


@dataclass(frozen=True)
class ForwardMode:
    """``vmapped``: one batched pass for all runs, else run by run, where they convolve in ``channels_last`` layout.

    ``draws``: the model draws random numbers of its own, which must be made the run's. ``notes``: why not otherwise,
    and what else there is to say.
    """

    vmapped: bool
    channels_last: bool = True
    draws: bool = False
    notes: list[str] = field(default_factory=list)


def stacks_well(model: nn.Module, device: torch.device) -> bool:
    """Whether one batched forward pass for all runs beats one pass after the other.

    On a CPU, a batched convolution is a grouped one, 1.4-2.5 times slower than dense ones in channels_last, and
    attention keeps a core busy as it is. On a GPU a pass costs its kernel launches, so batching wins. Recurrent layers
    are batched nowhere.
    """
    slow = (*SLOW_ON_A_CPU, nn.RNNBase) if device.type == "cpu" else (nn.RNNBase,)
    attends = device.type == "cpu" and any(ATTENTION.search(type(module).__name__) for module in model.modules())
    return not attends and not any(isinstance(module, slow) for module in model.modules())


def choose_forward_mode(
    model: nn.Module, examples: Tensor, answers: list[tuple[int, ...]], device: torch.device, data: str = "data"
) -> ForwardMode:
    """The mode for a model, which is left as it is. A foreign one's is found by trying, on ``examples [B, …]``.

    ``answers`` are the shapes that what it returns for an example may have; ``data`` is what they come from. The mode
    follows from the model and the device alone. Raises UsageError where a foreign model can be trained in none.
    """
    batched, example = stacks_well(model, device), examples[:2]
    if not is_foreign(model):
        check_answer(pass_once(model, example, []), example, answers, type(model).__name__, data)
        return ForwardMode(batched)
    notes = check_forward(model, example, answers, data)
    mode = ForwardMode(batched, channels_last=example.ndim == 4, notes=notes)
    if _draws(model, example):
        note = "its forward draws random numbers (F.dropout?): seeded for each run, but nothing under reg acts on them"
        mode = replace(mode, vmapped=False, draws=True, notes=[*notes, note])
    while reason := obstacle(model, example, mode):
        mode = _next(mode, reason)
    if mode.vmapped and device.type == "cpu" and not _alone_is_stacked(model, examples):
        mode = _next(mode, "a run's numbers would depend on how many are trained together")
    return mode


def origin(node: dict[str, Any]) -> str:
    """What data come from, as a command says it."""
    key = "path" if node.get("path") else "_target_"
    return f"data.{key}={node[key]}"


def _next(mode: ForwardMode, reason: str) -> ForwardMode:
    if mode.vmapped:
        return replace(mode, vmapped=False, notes=[*mode.notes, f"trained run by run, not in one batch: {reason}"])
    if mode.channels_last:
        return replace(
            mode, channels_last=False, notes=[*mode.notes, f"trained without channels_last layout: {reason}"]
        )
    raise UsageError(f"model: regab cannot give it its parameters: {reason}")


def _draws(model: nn.Module, example: Tensor) -> bool:
    """Whether a forward pass uses torch's, numpy's or Python's global generator.

    Raises UsageError where the same seed does not give the same numbers again.
    """
    trial = trial_of(model, example)
    (first, drew), (again, _) = _seeded_pass(trial, example), _seeded_pass(trial, example)
    if not torch.allclose(first, again, equal_nan=True, **AGREE):
        why = "it draws from a generator of its own, or keeps what is no buffer"
        cure = "let it draw from torch, numpy.random or random, which regab seeds"
        raise UsageError(f"model: the same seed gives {type(model).__name__} other numbers again; {why}: {cure}")
    return drew


@torch.no_grad()
def _seeded_pass(trial: nn.Module, example: Tensor) -> tuple[Tensor, bool]:
    """What a model gives in training by a seed, and whether it draws; its tensors are then as they were."""
    tensors = [*trial.parameters(), *trial.buffers()]  # a mean of weights is kept in some that are not trained
    kept = [tensor.clone() for tensor in tensors]
    with seeded(0, "trial"):
        before = global_states()
        out = trial.train()(example)
        trial.eval()(example)
        drew = drawn_since(before)
    for tensor, was in zip(tensors, kept, strict=True):
        tensor.copy_(was)
    return out, drew


def obstacle(model: nn.Module, example: Tensor, mode: ForwardMode) -> str:
    """Why a stack of two cannot be trained in this mode, in a line; empty if it can.

    What fails in every mode is no matter of the mode, and raises.
    """
    try:
        with warnings.catch_warnings(), _all_warnings():
            warnings.filterwarnings("error", message=".*batching rule")  # torch would loop over runs in one operation
            return "" if _agrees(model, example, mode) else "its numbers differ then"
    except Exception as error:
        if not (mode.vmapped or mode.channels_last):
            raise
        return in_a_line(error, REASON)


@contextmanager
def _all_warnings() -> Iterator[None]:
    """torch gives most warnings once per process, but a model's mode must be the same every time."""
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        yield
    finally:
        torch.set_warn_always(before)


def _alone_is_stacked(model: nn.Module, example: Tensor) -> bool:
    """Whether a run has the same gradient, to the bit, by itself and as the first and the last of a stack of three, on
    a CPU in one batch."""
    alone, several = (_gradients(model, example, scales) for scales in ([1.0], [1.0, 1.1, 1.0]))
    return torch.equal(alone[0], several[0]) and torch.equal(alone[0], several[-1])


def _gradients(model: nn.Module, x: Tensor, scales: list[float]) -> Tensor:
    """Of runs that differ in the scale of their parameters: ``[V, P]``."""
    skeletons, runs = [copy.deepcopy(model)], len(scales)
    stack = Stack(skeletons, torch.zeros(runs, dtype=torch.long), x[:2], vmapped=True, device=torch.device("cpu"))
    stack.values *= torch.tensor(scales)[:, None]
    stack.set_training(True)
    outputs = stack(x.expand(runs, *x.shape), _neutral(stack, runs, len(x)))
    stack.backward(outputs.square().flatten(1).sum(1))
    return stack.gradients


def _neutral(stack: Stack, runs: int, batch: int) -> dict[str, Tensor]:
    """Factors at the perturbed places that change nothing."""
    return {name: torch.full((runs, *place.size(batch)), place.neutral) for name, place in stack.places.items()}


def _agrees(model: nn.Module, example: Tensor, mode: ForwardMode) -> bool:
    """Whether a stack trains, and in evaluation computes with its own parameters what the model does with them."""
    skeleton, plain = copy.deepcopy(model), copy.deepcopy(model).eval()
    run_to_model, cpu = torch.tensor([0, 0]), torch.device("cpu")
    stack = Stack([skeleton], run_to_model, example, vmapped=mode.vmapped, channels_last=mode.channels_last, device=cpu)
    stack.values[1] *= 1.1
    stack.set_training(True)
    with torch.random.fork_rng(devices=[]):
        factors = _neutral(stack, 2, len(example))
        stack.backward(stack(example.expand(2, *example.shape), factors).flatten(1).sum(1))
        stack.set_training(False)
        plain.load_state_dict(stack.state_dict(1), strict=False)
        if mode.draws:
            return True
        with torch.no_grad():
            return torch.allclose(stack(example, shared=True)[1], plain(example), equal_nan=True, **AGREE)
