"""What a forward pass costs, counted from the layers it goes through."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from regab.models.parts.attention import SelfAttention


def count(model: nn.Module, example: Tensor) -> tuple[int, int]:
    """Floating-point operations and activations (numbers) per example; ``example [B, …]`` is sent through once.

    Counted are the products in linear and convolutional layers and of attention's weights, 2 operations each, which is
    where the time goes.
    """
    found = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
        output = output[0] if isinstance(output, tuple | list) and output else output  # a recurrent layer's and states
        if not isinstance(output, Tensor):  # a library's layer may return anything, or nothing
            return
        size = output.numel() // len(example)
        weight = None if isinstance(module, nn.Embedding) else getattr(module, "weight", None)
        products = math.prod(weight.shape[1:]) if weight is not None and weight.ndim > 1 else 0
        found.append((2 * products * size, size))

    def note_attention(module: SelfAttention, _: Any, output: Tensor) -> None:
        found.append((4 * output.shape[1] * output[0].numel(), 0))

    leaves = [m for m in model.modules() if not list(m.children()) or getattr(m, "weight", None) is not None]
    hooks = [m.register_forward_hook(note) for m in leaves]
    hooks += [m.register_forward_hook(note_attention) for m in model.modules() if isinstance(m, SelfAttention)]
    was_training = model.training
    with torch.no_grad():
        model.eval()(example)
    model.train(was_training)
    for hook in hooks:
        hook.remove()
    return sum(flops for flops, _ in found), sum(size for _, size in found)
