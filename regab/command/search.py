"""What another sweeper of Hydra's, as Optuna's, is told of runs to search by."""

from __future__ import annotations

import math
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from regab.command.compose import without_hydra
from regab.config import plain
from regab.errors import CannotWrite, UsageError
from regab.metrics import measure_of
from regab.records.columns import measures_from
from regab.script import is_script, measures_of
from regab.sweep.sweep import conclude_batches

Config = dict[str, Any]
LOSS = "val_loss"


def objective(config: Config, result: Config) -> float:
    """The validation loss of the selected epoch; of a script what ``headline`` names, of validation data if there is
    such a column, else of test data. nan, if there is none."""
    named, selected = config["headline"] if is_script(config) else LOSS, result["selected"]
    values = (selected.get(name) for name in (f"val_{named}", named, f"test_{named}"))
    return next((value for value in values if value is not None), math.nan)


class Searched(Callback):
    """Refuses what another sweeper cannot search by, and sums up what it made in batches."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        try:
            _check_direction(config)
        except UsageError as error:
            raise SystemExit(error) from error  # Hydra makes warnings of a callback's other exceptions

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        try:
            conclude_batches(config)
        except (UsageError, CannotWrite) as error:
            raise SystemExit(error) from error


def _check_direction(cfg: DictConfig) -> None:
    """Raises UsageError where a sweeper that has a direction would go the wrong way, or has nothing to go by."""
    if (asked := OmegaConf.select(cfg, "hydra.sweeper.direction")) is None:
        return
    config = plain(without_hydra(cfg))
    sweeper = f"hydra/sweeper={cfg.hydra.runtime.choices['hydra/sweeper']}"
    if is_script(config):
        if not config["headline"]:
            raise UsageError(f"{sweeper}: goes by one metric of the script's; name it, as in headline=val_loss")
        metric = config["headline"]
        upwards = measure_of(metric, measures_from(measures_of(config))).upwards
    else:
        metric, upwards = LOSS, False
        _check_validated(sweeper, config)
    wanted = "maximize" if upwards else "minimize"
    if (given := getattr(asked, "name", str(asked))) != wanted:
        words = f"{sweeper} goes by {metric}, of which {'more' if upwards else 'less'} is better"
        raise UsageError(f"hydra.sweeper.direction={given}: {words}; use hydra.sweeper.direction={wanted}")


def _check_validated(sweeper: str, config: Config) -> None:
    if config["data"]["val_fraction"] or config["data"]["folds"]:
        return
    import torch

    from regab.config import check
    from regab.training.assembly.data import load_data

    config = check(config)
    data = load_data(config["data"], torch.device("cpu"), config["task"], config["stack"]["memory"])
    if not len(data.val):
        raise UsageError(f"data.val_fraction=0: {sweeper} goes by {LOSS}, so there must be validation data")
