"""Attention over the tokens of a text, in operations that batch under vmap."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from regab.private import is_batched


class PerToken(nn.Sequential):
    """Layers that see one token at a time: ``[B, L, D]`` to ``[B, L, E]``.

    Only the tokens at ``rows`` of ``[B·L]`` go through them, where those are given; the others become zero. Texts of
    SST-2 have 19 words on average and 52 at most: 42 ms of a core per step of 64, and 51 where padding goes through.
    """

    def forward(self, x: Tensor, rows: Tensor | None) -> Tensor:  # type: ignore[override]  # of which tokens, too
        if rows is None:
            return super().forward(x)
        out = super().forward(x.flatten(0, 1).index_select(0, rows))
        return out.new_zeros(x.shape[0] * x.shape[1], out.shape[1]).index_copy(0, rows, out).view(*x.shape[:2], -1)


def rows_of_tokens(tokens: Tensor) -> Tensor | None:
    """Which of ``[B·L]`` are no padding; None in a batched pass, whose runs must all be of one shape."""
    return None if is_batched(tokens) else tokens.flatten().nonzero()[:, 0]


class SelfAttention(nn.Module):
    """Multi-head self-attention of what a norm makes of tokens: ``[B, L, D]`` to ``[B, L, D]``.

    In every head softmax(q·kᵀ/√d)·v with d = D/heads (Vaswani et al. 2017, section 3.2.2); ``bias [B, 1, 1, L]`` is
    added before the softmax and is -inf where nobody may look. torch's own fused attention has no batching rule on a
    CPU.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.project = PerToken(nn.LayerNorm(width), nn.Linear(width, 3 * width))
        self.softmax = nn.Softmax(-1)
        self.combine = PerToken(nn.Linear(width, width))

    def forward(self, x: Tensor, bias: Tensor, rows: Tensor | None) -> Tensor:
        q, k, v = self.project(x, rows).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        scores = (q / math.sqrt(q.shape[-1])) @ k.transpose(-1, -2)
        return self.combine((self.softmax(scores + bias) @ v).transpose(1, 2).flatten(2), rows)


def sinusoids(length: int, width: int) -> Tensor:
    """Positions as sines and cosines of falling frequency (section 3.5): ``[length, width]``."""
    angles = torch.arange(length)[:, None] / 10000 ** (torch.arange(0, width, 2) / width)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)[:, :width]
