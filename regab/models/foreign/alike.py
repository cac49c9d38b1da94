"""Whether models of one configuration and several seeds differ in no more than what a stack keeps of each."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from regab.errors import UsageError
from regab.seeding import seeded

CLOSE = {"rtol": 1e-4, "atol": 1e-6}
CURE = "keep it by register_buffer, or as a parameter"


def check_alike(models: Sequence[nn.Module], example: Tensor) -> None:
    """Raises UsageError where a model draws, as it is made, what is neither a parameter nor a buffer.

    Runs of a stack pass through the first of its models, each with its own parameters and buffers. So with those of the
    first, every one must give what the first gives, in training and in evaluation.
    """
    first, *others = models
    if not others:
        return
    name, shapes = type(first).__name__, [(n, t.shape) for n, t in _tensors(first).items()]
    expected = _outputs(first, first, example)
    for other in others:
        if [(n, t.shape) for n, t in _tensors(other).items()] != shapes:
            raise UsageError(f"model: {name} has other parameters with another seed, so its runs cannot be compared")
        found = _outputs(other, first, example)
        if not all(torch.allclose(a, b, equal_nan=True, **CLOSE) for a, b in zip(expected, found, strict=True)):
            why = f"{name} draws, as it is made, what is neither a parameter nor a buffer, and runs would share it"
            raise UsageError(f"model: {why}; {CURE}")


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    return dict(model.named_parameters()) | dict(model.named_buffers())


@torch.no_grad()
def _outputs(model: nn.Module, owner: nn.Module, example: Tensor) -> list[Tensor]:
    """What a model gives in training and in evaluation with the tensors of another; both stay as they are."""
    trial, theirs, found = copy.deepcopy(model), _tensors(owner), []
    for training in (True, False):
        for name, tensor in _tensors(trial).items():
            tensor.data = theirs[name].clone()  # wherever the module and its layers hold it
        with seeded(0, "trial"):
            found.append(trial.train(training)(example))
    return found
