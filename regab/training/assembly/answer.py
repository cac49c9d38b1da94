"""Whether a model answers as its task asks, in training and in evaluation."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from regab.errors import UsageError
from regab.models.foreign.calling import explained, of_a_library
from regab.models.foreign.places import briefly
from regab.models.places import perturbed_places

SUMS = 1e-4  # how far from 1 probabilities may sum
LOGITS = "a classification wants logits, without a softmax behind them"
PROBABILITIES = f"its outputs are from 0 and sum to 1; {LOGITS}"


def check_forward(model: nn.Module, example: Tensor, answers: list[tuple[int, ...]], data: str) -> list[str]:
    """A model must return logits, in training and in evaluation, and must not put new tensors in the place of its
    buffers.

    What there is to say of those that are sound.
    """
    trial, name = trial_of(model, example).train(), type(model).__name__
    if not any(p.requires_grad for p in trial.parameters()):
        raise UsageError(f"model: {name} has no parameters to train")
    before = dict(trial.named_buffers())
    with explained(type(model), f"model: in training the forward of {name} fails"):
        out = trial(example)
    library = of_a_library(type(model))
    check_answer(out, example, answers, name, data, "; take one with a head for the task" if library else "")
    if not out.is_floating_point():
        raise UsageError(f"model: the forward of {name} must return floating-point numbers, not {out.dtype}")
    if not out.requires_grad:
        raise UsageError(
            f"model: the forward of {name} returns what its weights get no gradient from (is it detached?)"
        )
    for key, buffer in trial.named_buffers():
        if buffer is not before.get(key):
            cure = "take another model" if library else "change it in place, by copy_"
            raise UsageError(f"model: the forward of {name} replaces its buffer {key}, which runs cannot share; {cure}")
    untouched = _untouched(trial, out)  # before another pass, which may change what this one's gradient asks for
    with torch.no_grad():
        measured = trial.eval()(example)
    check_answer(measured, example, answers, name, data)
    if not (probable := _are_probabilities(out.detach())) and _are_probabilities(measured):
        raise UsageError(f"model: {name} returns logits in training and probabilities in evaluation; {LOGITS}")
    return [PROBABILITIES] * probable + untouched


def _untouched(trial: nn.Module, out: Tensor) -> list[str]:
    """What there is to say of parameters that the answer does not depend on: torch's optimizers leave such alone."""
    trained = {name: p for name, p in trial.named_parameters() if p.requires_grad}
    slopes = torch.autograd.grad(out.sum(), list(trained.values()), allow_unused=True)
    names = [name for name, slope in zip(trained, slopes, strict=True) if slope is None]
    cure = "methods that act on weights act on them all the same, unless model.freeze names them"
    return [f"no gradient reaches {briefly(names)}; {cure}"] if names else []


def _are_probabilities(out: Tensor) -> bool:
    """Whether ``[…, K]`` are numbers from 0 that sum to 1 in every row, which logits of several classes hardly are."""
    near = (out.double().sum(-1) - 1).abs() < SUMS
    return out.shape[-1] > 1 and bool((out >= 0).all() and near.all() and (out != 1).any())


def check_answer(
    out: Any, example: Tensor, answers: list[tuple[int, ...]], name: str, data: str, cure: str = ""
) -> None:
    expected = [[len(example), *answer] for answer in dict.fromkeys(answers)]
    if not isinstance(out, Tensor) or list(out.shape) not in expected:
        size, wanted = list(example.shape[2:]), expected[0][2:]
        if size and wanted and isinstance(out, Tensor) and list(out.shape[2:]) == size != wanted:
            raise UsageError(f"{data}: labels have the size {wanted}, but inputs, and what {name} returns, {size}")
        what = list(out.shape) if isinstance(out, Tensor) else type(out).__name__
        shapes = " or ".join(map(str, expected))
        raise UsageError(f"model: for two examples the forward of {name} must return {shapes}, not {what}{cure}")


def trial_of(model: nn.Module, example: Tensor) -> nn.Module:
    """A copy in which nothing is perturbed."""
    trial = copy.deepcopy(model)
    for place in perturbed_places(trial, example).values():
        place.factor = torch.full(place.size(len(example)), place.neutral)
    return trial
