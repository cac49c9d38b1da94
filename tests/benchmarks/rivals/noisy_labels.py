"""How regularizers are usually tried: a script with a loop over combinations and seeds, one run after the other.

``python -m tests.benchmarks.rivals.noisy_labels WIDTH SEEDS FACTORS FILE``: digits, a fifth of whose training labels is
redrawn. FACTORS is JSON, as ``{"dropout": [0, 0.5], "norm": ["none", "batch"], "weight_decay": [0, 1]}``. A row per run
with its accuracy on test data goes to a file.
"""

from __future__ import annotations

import csv
import json
import sys
from itertools import product
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tests.benchmarks.rivals.plain import checks_of, evaluate

EPOCHS, NOISE = 40, 0.2


def splits() -> list[TensorDataset]:
    """Training, validation and test data, in regab's proportions."""
    x, y = load_digits(return_X_y=True)
    rest, test = train_test_split(range(len(y)), test_size=0.2, stratify=y, random_state=0)
    train, val = train_test_split(rest, test_size=0.2, stratify=y[rest], random_state=0)
    x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
    generator = torch.Generator().manual_seed(0)
    noisy = torch.rand(len(y), generator=generator) < NOISE
    drawn = torch.where(noisy, torch.randint(10, (len(y),), generator=generator), y)
    return [TensorDataset(x[rows], labels[rows]) for rows, labels in ((train, drawn), (val, y), (test, y))]


def network(width: int, dropout: float, norm: str) -> nn.Module:
    def layer(features: int) -> list[nn.Module]:
        return [nn.Linear(features, width), *([nn.BatchNorm1d(width)] if norm == "batch" else []), nn.ReLU()]

    return nn.Sequential(*layer(64), *layer(width), nn.Dropout(dropout), nn.Linear(width, 10))


def accuracy(width: int, seed: int, dropout: float = 0, norm: str = "none", weight_decay: float = 0) -> float:
    """One run; what is evaluated after every epoch is what regab evaluates."""
    torch.manual_seed(seed)
    train, val, test = splits()
    loader, checks = DataLoader(train, batch_size=64, shuffle=True), checks_of(train, val, test)
    model = network(width, dropout, norm)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS * len(loader))
    for _ in range(EPOCHS):
        model.train()
        for x, y in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
            schedule.step()
        measured = [evaluate(model, check) for check in checks]
    return measured[-1][1]


def main(width: int, seeds: int, factors: dict[str, list], path: Path) -> None:
    torch.set_num_threads(1)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([*factors, "seed", "accuracy"])
        for *levels, seed in product(*factors.values(), range(seeds)):
            found = accuracy(width, seed, **dict(zip(factors, levels, strict=True)))
            table.writerow([*levels, seed, found])


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3]), Path(sys.argv[4]))
