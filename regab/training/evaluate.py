"""Losses, and what else is measured of a stack on data it does not train on; what its weights look like."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from regab.data.split import Data, Scale, Split
from regab.training.stack import Stack

# Examples per forward pass. Fixed, so that no run's sums depend on how many runs share its stack; 512 examples of
# 16 networks of width 128 fill 4 MB, about a core's cache.
CHUNK = 512


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over a batch, for each run: ``[V, B, K]`` and distributions ``[V, B, K]`` to ``[V]``."""
    return (targets.transpose(1, 2) * log_probabilities(logits)).sum((1, 2)) * (-1 / logits.shape[1])


def squared_error(predictions: Tensor, targets: Tensor) -> Tensor:
    """Mean over a batch, for each run: ``[V, B, 1]`` and ``[V, B, 1]`` to ``[V]``."""
    return (predictions - targets).square().mean((1, 2))


def loss_of(data: Data) -> Callable[[Tensor, Tensor], Tensor]:
    """What is minimized: of outputs and targets ``[V, B, K]``, the mean over the batch ``[V]``."""
    return squared_error if data.task == "regression" else cross_entropy


def targets_of(data: Data) -> Tensor:
    """The training targets ``[N, K]``: a distribution over the classes, or in a regression the number itself."""
    y = data.train.y
    return y[:, None] if data.task == "regression" else one_hot(y, data.classes).float()


def log_probabilities(logits: Tensor) -> Tensor:
    """Logits ``[V, B, K]`` to log-probabilities ``[V, K, B]``.

    Over the last of its axes log_softmax is slow if that is short: 820 us for 16×512×10, and 55 us this way.
    """
    return logits.transpose(1, 2).log_softmax(1)


@torch.no_grad()
def evaluate(stack: Stack, data: Data) -> dict[str, Tensor]:
    """Metrics ``[V]`` (float64, on the CPU) on clean data, in evaluation mode: loss and accuracy; in a regression loss,
    rmse and r2.

    There the loss is that of standardized targets, so that 1 is what predicting the training mean comes to; rmse is in
    the units of the target; r2 is 1 - loss/variance, with the variance of the split's own targets, so at most 1, and
    NaN where they do not vary. A split without examples has no metrics.
    """
    stack.set_training(False)
    metrics = {}
    for name in ("train", "val", "test"):
        if len(split := getattr(data, name)):
            measured = _regression(stack, split, data.scale) if data.task == "regression" else _classes(stack, split)
            metrics |= {f"{name}_{measure}": value for measure, value in measured.items()}
    stack.set_training(True)
    return metrics


def _regression(stack: Stack, split: Split, scale: Scale) -> dict[str, Tensor]:
    parts = zip(split.x.split(CHUNK), split.y.split(CHUNK), strict=True)
    loss = _mean([(stack(x, shared=True)[..., 0] - y).square() for x, y in parts])
    variance = split.y.cpu().double().var(correction=0)
    r2 = 1 - loss / torch.where(variance > 0, variance, torch.nan)
    return {"loss": loss, "rmse": loss.sqrt() * scale.deviation, "r2": r2}


def _classes(stack: Stack, split: Split) -> dict[str, Tensor]:
    losses, hits = [], []
    for x, y in zip(split.x.split(CHUNK), split.y.split(CHUNK), strict=True):
        logits = stack(x, shared=True)
        losses.append(-log_probabilities(logits)[:, y, torch.arange(len(y))])
        hits.append(logits.contiguous().argmax(-1) == y)  # 16×512×10: 170 us, but 990 us on transposed ones
    return {"loss": _mean(losses), "accuracy": _mean(hits)}


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
