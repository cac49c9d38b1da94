"""What regab cannot train in a model of the user's own, known by what it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from regab.errors import UsageError


def check_kind(model: nn.Module) -> None:
    """Raises UsageError for TorchScript, for tensors that are computed once from parameters, and for parameters that
    are complex or of several types."""
    for path, module in model.named_modules():
        where = f"{path} is" if path else "it is"
        if isinstance(module, torch.jit.ScriptModule):
            raise UsageError(f"model: {where} TorchScript, into which nothing can reach; bring it as an nn.Module")
        for key in _computed(module):
            why = f"{path}.{key} is computed from parameters outside of forward".lstrip(".")
            raise UsageError(f"model: {why}; there is torch.nn.utils.parametrizations for norms of weights")
    for key, parameter in model.named_parameters():
        if parameter.is_complex():
            cure = "keep its real and imaginary part, and join them in forward by torch.view_as_complex"
            raise UsageError(f"model: its parameter {key} is complex, which regab cannot train; {cure}")
    _check_one_type({key: p.dtype for key, p in model.named_parameters() if p.requires_grad})


def _check_one_type(types: dict[str, torch.dtype]) -> None:
    """A run's parameters are a row of one matrix."""
    for key, kind in types.items():
        if kind is not (first := next(iter(types.values()))):
            one, two = (str(dtype).removeprefix("torch.") for dtype in (first, kind))
            cure = "make all of one type, as by self.float(); precision=bf16 takes products in bfloat16"
            raise UsageError(f"model: its parameter {next(iter(types))} is {one}, but {key} is {two}; {cure}")


def _computed(module: nn.Module) -> list[str]:
    """Tensors that are no parameters and follow from some, as torch.nn.utils.weight_norm and prune leave them."""
    hooks = [hook for hook in module._forward_pre_hooks.values() if type(hook).__module__.startswith("torch.nn.utils.")]
    named = [str(name) for hook in hooks if (name := getattr(hook, "name", getattr(hook, "_tensor_name", None)))]
    return named + [k for k, value in vars(module).items() if isinstance(value, Tensor) and value.grad_fn is not None]


TORCHS_OWN = frozenset(vars(nn.Module()))


def not_seen(model: nn.Module) -> list[str]:
    """What there is to say of what could be trained and is not, as torch sees nothing in Python's lists and dicts."""
    seen = {id(parameter) for parameter in model.parameters()}
    held = [
        f"{path}.{key}".lstrip(".")
        for path, module in model.named_modules()
        for key, value in vars(module).items()
        if key not in TORCHS_OWN and any(tensor.requires_grad and id(tensor) not in seen for tensor in _within(value))
    ]
    cure = "put it into an nn.ModuleList, nn.ModuleDict or nn.ParameterList, or make it an nn.Parameter"
    return [f"{key} is neither trained nor saved, as torch does not see it; {cure}" for key in held]


def _within(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, nn.Module):
        yield from value.parameters()
    elif isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _within(each)
