"""What regab cannot train in a model of the user's own, known by what it is made of."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from regab.errors import UsageError


def check_kind(model: nn.Module) -> None:
    """Raises UsageError for TorchScript, for tensors that are computed once from parameters, and complex parameters."""
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


def _computed(module: nn.Module) -> list[str]:
    """Tensors that are no parameters and follow from some, as torch.nn.utils.weight_norm and prune leave them."""
    hooks = [hook for hook in module._forward_pre_hooks.values() if type(hook).__module__.startswith("torch.nn.utils.")]
    named = [str(name) for hook in hooks if (name := getattr(hook, "name", getattr(hook, "_tensor_name", None)))]
    return named + [k for k, value in vars(module).items() if isinstance(value, Tensor) and value.grad_fn is not None]
