"""How a sweep is usually written: a training script under Hydra's own launcher, one run after the other.

``python -m tests.benchmarks.rivals.plain -m workload=digits_mlp dropout=0,0.5 seed=0,1``; without ``-m``, one run.
"""

from __future__ import annotations

import csv
from pathlib import Path

import hydra
import torch
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tests.benchmarks.rivals.workloads import WORKLOADS, load, network

ConfigStore.instance().store(
    name="plain", node={"workload": "digits_mlp", "dropout": 0.0, "decay": 0.0, "seed": 0, "data": ""}
)


@torch.no_grad()
def evaluate(model: nn.Module, loader: DataLoader) -> tuple[float, float]:
    model.eval()
    loss = hits = 0.0
    for x, y in loader:
        logits = model(x)
        loss += nn.functional.cross_entropy(logits, y, reduction="sum").item()
        hits += (logits.argmax(1) == y).sum().item()
    return loss / len(loader.dataset), hits / len(loader.dataset)


def checks_of(*parts: TensorDataset) -> list[DataLoader]:
    return [DataLoader(part, batch_size=1024) for part in parts]


def fit(cfg, folder: Path) -> None:
    workload = WORKLOADS[cfg.workload]
    torch.set_num_threads(1)
    torch.manual_seed(cfg.seed)
    train, val = (TensorDataset(*part) for part in load(cfg.workload, cfg.data))
    loader = DataLoader(train, batch_size=workload.batch_size, shuffle=True)
    checks = checks_of(train, val)
    model = network(workload, cfg.dropout)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=cfg.decay)
    with (folder / "metrics.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy"])
        for epoch in range(1, workload.epochs + 1):
            model.train()
            for x, y in loader:
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(x), y).backward()
                optimizer.step()
            writer.writerow([epoch, *evaluate(model, checks[0]), *evaluate(model, checks[1])])


@hydra.main(version_base="1.3", config_path=None, config_name="plain")
def main(cfg) -> None:
    fit(cfg, Path(HydraConfig.get().runtime.output_dir))


if __name__ == "__main__":
    main()
