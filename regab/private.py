"""What regab takes of torch that torch does not promise to keep, and by what it does without.

Both give the same numbers (tests/test_private.py); without, a step takes longer, and nothing else changes.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.func import functional_call, vmap

try:
    from torch._C._functorch import (
        _add_batch_dim,
        _remove_batch_dim,
        _vmap_decrement_nesting,
        _vmap_increment_nesting,
        is_batchedtensor,
    )

    HAS_FUNCTORCH = True
except ImportError:
    HAS_FUNCTORCH = False

Forward = Callable[[list[Tensor], list[Tensor], list[Tensor], Tensor], Tensor]


def batched(forward: Callable[..., Tensor], size: int, tensors: list[list[Tensor]], x: Tensor, shared: bool) -> Tensor:
    """``forward(*tensors, x)`` for ``size`` runs at once, each tensor ``[size, …]``, and so is ``x`` unless ``shared``.

    What torch.func.vmap does, without its walk over the arguments: 306 against 395 us per step of one 64-128-128-10
    network.
    """
    if not HAS_FUNCTORCH:
        return vmap(forward, in_dims=(0, 0, 0, None if shared else 0))(*tensors, x)
    level = _vmap_increment_nesting(size, "error")
    try:
        lists = [[_add_batch_dim(t, 0, level) for t in ts] for ts in tensors]
        return _remove_batch_dim(forward(*lists, x if shared else _add_batch_dim(x, 0, level)), level, size, 0)
    finally:
        _vmap_decrement_nesting()


def is_batched(x: Tensor) -> bool:
    """Whether a tensor in a ``batched`` forward stands for one of every run."""
    if HAS_FUNCTORCH:
        return is_batchedtensor(x)
    try:
        x.data_ptr()
    except RuntimeError:  # it has no memory of its own
        return True
    return False


def called(model: nn.Module, recurrent: list[nn.RNNBase], x: Tensor) -> Tensor:
    """``model(x)`` with the tensors that were put into its ``_parameters``; recurrent layers keep a second list."""
    if all(hasattr(module, "_flat_weights_names") for module in recurrent):
        for module in recurrent:
            module._flat_weights = [module._parameters[name] for name in module._flat_weights_names]
        return model(x)
    own = {
        f"{name}.{key}" if name else key: tensor
        for name, module in model.named_modules()
        for key, tensor in module._parameters.items()
        if tensor is not None
    }
    return functional_call(model, own, (x,))
