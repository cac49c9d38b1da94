"""What all rivals train: the data, the networks, the sizes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import nn


class Workload(NamedTuple):
    """``words`` are regab's for the same thing; ``dropouts`` times ``decays`` times seeds make the runs."""

    words: tuple[str, ...]
    batch_size: int
    epochs: int
    dropouts: tuple[float, ...]
    decays: tuple[float, ...]
    sizes: tuple[int, ...]


WORKLOADS = {
    "digits_mlp": Workload(
        ("data=digits", "model=mlp", "model.widths=[128,128]", "reg.dropout.where=hidden"),
        64, 20, (0, 0.1, 0.3, 0.5), (0, 0.01, 0.1, 1.0), (64, 256),
    ),
    "mnist_mlp": Workload(
        ("data=mnist", "model=mlp", "model.widths=[512,512]", "reg.dropout.where=hidden"),
        128, 3, (0, 0.5), (0, 0.1), (16,),
    ),
    "digits_cnn": Workload(
        ("data=digits", "model=cnn", "model.channels=[32]", "model.widths=[128]"),
        64, 20, (0, 0.2, 0.5, 0.7), (0, 0.1), (32,),
    ),
}  # fmt: skip


def load(name: str, root: str) -> tuple[tuple[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]:
    """Training and validation data, of the sizes that regab's own division gives."""
    if name.startswith("digits"):
        from sklearn.datasets import load_digits

        x, y = load_digits(return_X_y=True)
        x, counts = x.reshape(-1, 1, 8, 8) / 16, (1150, 288)
    else:
        from torchvision.datasets import MNIST

        data = MNIST(root, train=True)
        x, y, counts = data.data[:, None].numpy() / 255, data.targets.numpy(), (54000, 6000)
    rows = np.random.default_rng(0).permutation(len(x))
    x, y = torch.tensor(x[rows], dtype=torch.float32), torch.tensor(y[rows])
    ends = counts[0], counts[0] + counts[1]
    return (x[: ends[0]], y[: ends[0]]), (x[ends[0] : ends[1]], y[ends[0] : ends[1]])


def network(workload: Workload, dropout: float) -> nn.Module:
    """The same network as regab's, with torch's dropout."""
    if "model=cnn" in workload.words:
        return nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(512, 128), nn.ReLU(), nn.Dropout(dropout), nn.Linear(128, 10),
        )  # fmt: skip
    width, features = (128, 64) if "data=digits" in workload.words else (512, 784)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(features, width), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(width, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, 10),
    )  # fmt: skip
