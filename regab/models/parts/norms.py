"""Batch normalization in elementary operations, which give a run the same bits in any stack.

torch's kernel sees the runs of a stack as one batch of V·C channels, and sums in an order that depends on their number.
The two agree to rounding (tested).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

TORCHS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class BatchNorm(nn.BatchNorm1d):
    """nn.BatchNorm1d for ``[B, C]``."""

    def forward(self, x: Tensor) -> Tensor:
        return batch_norm(self, x)


def arrange_norms(model: nn.Module) -> None:
    """Let torch's own batch norms in a model compute by elementary operations."""
    for module in model.modules():
        if type(module) in TORCHS:
            module.forward = partial(batch_norm, module)  # type: ignore[arg-type]


def batch_norm(norm: _BatchNorm, x: Tensor) -> Tensor:
    """``[B, C, …]`` to the same shape, as torch.nn's batch norms have it."""
    x = x.float()  # in reduced precision too, as torch's own kernels do
    if norm.training or norm.running_mean is None or norm.running_var is None:
        mean, var = _batch_statistics(norm, x)
    else:
        mean, var = norm.running_mean, norm.running_var
    shape = -1, *[1] * (x.ndim - 2)
    scale = (var + norm.eps).rsqrt()
    if not norm.affine:
        return (x - mean.view(shape)) * scale.view(shape)
    return (x - mean.view(shape)) * (scale * norm.weight).view(shape) + norm.bias.view(shape)


def _batch_statistics(norm: _BatchNorm, x: Tensor) -> tuple[Tensor, Tensor]:
    others = [axis for axis in range(x.ndim) if axis != 1]
    mean = x.mean(others, keepdim=True)
    var = (x - mean).square().mean(others)
    mean, count = mean.flatten(), x.numel() // x.shape[1]
    running: Any = (norm.running_mean, norm.running_var)
    if norm.training and running[0] is not None:
        with torch.no_grad():
            batches = norm.num_batches_tracked.add_(1)  # type: ignore[union-attr]
            for tracked, batch in zip(running, (mean, var * (count / max(count - 1, 1))), strict=True):
                if norm.momentum is None:  # the mean of all batches so far
                    tracked.add_((batch - tracked) / batches)
                else:
                    tracked.mul_(1 - norm.momentum).add_(batch, alpha=norm.momentum)
    return mean, var
