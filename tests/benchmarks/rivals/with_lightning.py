"""The same sweep by Lightning's Trainer with a CSVLogger, under Hydra's own launcher."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import hydra
import lightning
import torch
from hydra.core.hydra_config import HydraConfig
from lightning.pytorch.loggers import CSVLogger
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tests.benchmarks.rivals.plain import checks_of
from tests.benchmarks.rivals.workloads import WORKLOADS, load, network


class Module(lightning.LightningModule):
    """Trains on one loader; validates on the training and the validation data, as the other rivals do."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__()
        self.model, self.decay = model, decay

    def training_step(self, batch, index):
        x, y = batch
        return nn.functional.cross_entropy(self.model(x), y)

    def validation_step(self, batch, index, dataloader_idx):
        x, y = batch
        logits, name = self.model(x), ("train", "val")[dataloader_idx]
        accuracy = (logits.argmax(1) == y).float().mean()
        metrics = {f"{name}_loss": nn.functional.cross_entropy(logits, y), f"{name}_accuracy": accuracy}
        self.log_dict(metrics, add_dataloader_idx=False)

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=1e-3, weight_decay=self.decay)


@hydra.main(version_base="1.3", config_path=None, config_name="plain")
def main(cfg) -> None:
    workload = WORKLOADS[cfg.workload]
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    torch.manual_seed(cfg.seed)
    train, val = (TensorDataset(*part) for part in load(cfg.workload, cfg.data))
    trainer = lightning.Trainer(
        max_epochs=workload.epochs,
        accelerator="cpu",
        logger=CSVLogger(Path(HydraConfig.get().runtime.output_dir)),
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    loader = DataLoader(train, batch_size=workload.batch_size, shuffle=True)
    trainer.fit(Module(network(workload, cfg.dropout), cfg.decay), loader, checks_of(train, val))


if __name__ == "__main__":
    main()
