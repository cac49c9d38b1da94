"""Attention over the tokens of a text, in operations that batch under vmap."""

import math

import torch
from torch import Tensor, nn


class SelfAttention(nn.Module):
    """Multi-head self-attention (Vaswani et al. 2017, section 3.2.2): ``[B, L, D]`` to ``[B, L, D]``.

    In every head softmax(q·kᵀ/√d)·v with d = D/heads; ``bias [B, 1, 1, L]`` is added before the softmax and is -inf
    where nobody may look. torch's own fused attention has no batching rule on a CPU.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(width, 3 * width)
        self.softmax = nn.Softmax(-1)
        self.combine = nn.Linear(width, width)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        q, k, v = self.project(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        scores = (q / math.sqrt(q.shape[-1])) @ k.transpose(-1, -2)
        return self.combine((self.softmax(scores + bias) @ v).transpose(1, 2).flatten(2))


def sinusoids(length: int, width: int) -> Tensor:
    """Positions as sines and cosines of falling frequency (section 3.5): ``[length, width]``."""
    angles = torch.arange(length)[:, None] / 10000 ** (torch.arange(0, width, 2) / width)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)[:, :width]
