"""Losses and accuracies of a stack on data it does not train on, and what its weights look like."""

from __future__ import annotations

import torch
from torch import Tensor

from regab.data.split import Data, Split
from regab.training.stack import Stack

# Examples per forward pass. Fixed, so that no run's sums depend on how many runs share its stack; 512 examples of
# 16 networks of width 128 fill 4 MB, about a core's cache.
CHUNK = 512


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over a batch, for each run: ``[V, B, K]`` and distributions ``[V, B, K]`` to ``[V]``."""
    return (targets.transpose(1, 2) * log_probabilities(logits)).sum((1, 2)) * (-1 / logits.shape[1])


def log_probabilities(logits: Tensor) -> Tensor:
    """Logits ``[V, B, K]`` to log-probabilities ``[V, K, B]``.

    Over the last of its axes log_softmax is slow if that is short: 820 us for 16×512×10, and 55 us this way.
    """
    return logits.transpose(1, 2).log_softmax(1)


@torch.no_grad()
def evaluate(stack: Stack, data: Data) -> dict[str, Tensor]:
    """Mean cross-entropy and accuracy ``[V]`` (float64, on the CPU) on clean data, in evaluation mode.

    A split without examples has no metrics.
    """
    stack.train(False)
    metrics = {}
    for name in ("train", "val", "test"):
        if len(split := getattr(data, name)):
            metrics[f"{name}_loss"], metrics[f"{name}_accuracy"] = _loss_and_accuracy(stack, split)
    stack.train(True)
    return metrics


def _loss_and_accuracy(stack: Stack, split: Split) -> tuple[Tensor, Tensor]:
    losses, hits = [], []
    for x, y in zip(split.x.split(CHUNK), split.y.split(CHUNK), strict=True):
        logits = stack(x, shared=True)
        losses.append(-log_probabilities(logits)[:, y, torch.arange(len(y))])
        hits.append(logits.contiguous().argmax(-1) == y)  # 16×512×10: 170 us, but 990 us on transposed ones
    return _mean(losses), _mean(hits)


def _mean(chunks: list[Tensor]) -> Tensor:
    values = torch.cat(chunks, 1)
    wide = torch.float32 if values.device.type == "mps" else torch.float64  # MPS has no 64-bit floats
    return values.mean(1, dtype=wide).cpu().double()


@torch.no_grad()
def weight_metrics(weights: Tensor) -> dict[str, Tensor]:
    """Norms of the weights ``[V, W]`` of each run (biases and norms left out), float64 on the CPU."""
    absolute, squares = weights.abs().sum(1), weights.square().sum(1)
    zeros = (weights == 0).sum(1) / max(weights.shape[1], 1)
    metrics = {
        "l1_norm": absolute,
        "l2_norm": squares.sqrt(),
        "regularization_effect": squares / absolute,
        "zero_fraction": zeros,
    }
    return {name: value.cpu().double() for name, value in metrics.items()}


@torch.no_grad()
def weight_histogram(weights: Tensor, bins: int = 80) -> dict[str, list[float]]:
    """Counts of one run's weights ``[W]`` in equal bins over their range."""
    counts, edges = torch.histogram(weights.float().cpu(), bins)
    return {"edges": edges.tolist(), "counts": [int(c) for c in counts]}
