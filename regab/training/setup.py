"""From configurations of one structure to a stack that is ready to be trained."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import nn

from regab import fields
from regab.config import regularizers
from regab.data.split import Data, Division, divide
from regab.errors import UsageError
from regab.regularizers.base import Chain, Regularizer
from regab.seeding import stream_seed
from regab.targets import locate
from regab.training.loop import Training, batches
from regab.training.noise import Noise
from regab.training.stack import Stack

Config = dict[str, Any]


def set_up(configs: list[Config]) -> Training:
    """A stack of one run per configuration. They must agree in structure (``regab.config.structure``)."""
    config, device = configs[0], pick_device(configs[0]["device"])
    data = load_data(config["data"], device)
    chain = join_regularizers(configs, device)
    noise = Noise([c["seed"] for c in configs], device)
    models = [build_model(config, data, chain, seed) for seed in noise.seeds]
    optimizer = fields.join(
        locate(config["optimizer"], "optimizer"), [_arguments(c["optimizer"]) for c in configs], _to(device)
    )
    return Training(
        stack=Stack(
            models,
            noise.run_to_seed.cpu(),
            data.train.x[:2].cpu(),
            vmapped=stacks_well(models[0], device),
            device=device,
        ),
        data=data,
        chain=chain,
        optimizer=optimizer,
        schedule=locate(config["schedule"], "schedule")(**_arguments(config["schedule"])),
        noise=noise,
        lr=optimizer.lr,
        epochs=config["epochs"],
        batch_size=config["batch_size"],
    )


def check_fits(configs: list[Config]) -> bool:
    """Whether runs of this structure gain from being stacked.

    Raises UsageError where data, model, regularizers and device do not go together, so that nothing is trained before
    all of a sweep is known to fit.
    """
    config, device = configs[0], pick_device(configs[0]["device"])
    data = load_data(config["data"], device)
    model = build_model(config, data, join_regularizers(configs, device), config["seed"])
    _check_batch_norm(model, len(data.train), config["batch_size"])
    return stacks_well(model, device)


def pick_device(name: str) -> torch.device:
    """``auto`` is the first there is of CUDA, MPS and CPU. Raises UsageError for a device that this machine lacks."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, available in there.items() if available)
    if not there[name.split(":")[0]]:
        raise UsageError(f"device={name}: this machine has no such device; use device=auto or device=cpu")
    return torch.device(name)


def load_data(node: Config, device: torch.device) -> Data:
    """The data of a config node, divided and on the device. The two last used stay in memory."""
    return _load_data(json.dumps(node), str(device))


@lru_cache(maxsize=2)
def _load_data(node: str, device: str) -> Data:
    config = json.loads(node)
    by = Division(**{name: config.pop(name) for name in Division.__dataclass_fields__})
    return divide(locate(config, "data")(**_arguments(config)), by).to(torch.device(device))


def build_model(config: Config, data: Data, chain: Chain, seed: int) -> nn.Module:
    """One run's model with what the regularizers build into it. Its initial weights depend on the seed alone."""
    factory = locate(config["model"], "model")
    given = {"shape": data.shape, "classes": data.classes}
    wanted = inspect.signature(factory).parameters
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "init"))
        model = factory(**{k: v for k, v in given.items() if k in wanted}, **_arguments(config["model"]))
        chain.build(model)
    return model


def join_regularizers(configs: list[Config], device: torch.device) -> Chain:
    """The methods that at least one run uses, with strengths ``[V]``. The others, being neutral, are left out."""
    runs = [regularizers(config) for config in configs]
    joined = {}
    for name, (cls, _) in runs[0].items():
        values = [run[name][1] for run in runs]
        if not all(fields.is_neutral(cls, v) for v in values):
            on_curves = cls.stopped is not Regularizer.stopped
            joined[name] = fields.join(cls, values, np.asarray if on_curves else _to(device))
    return Chain(joined)


def stacks_well(model: nn.Module, device: torch.device) -> bool:
    """Whether one batched forward pass for all runs beats one pass after the other.

    On a CPU, a batched convolution is a grouped one, 1.4-2.5 times slower than dense ones in channels_last, and
    attention has no batched kernel. On a GPU a pass costs its kernel launches, so batching wins.
    """
    slow = (nn.modules.conv._ConvNd, nn.MultiheadAttention)
    return device.type != "cpu" or not any(isinstance(module, slow) for module in model.modules())


def _check_batch_norm(model: nn.Module, n_train: int, batch_size: int) -> None:
    smallest = min(part.stop - part.start for part in batches(n_train, batch_size))
    if smallest == 1 and any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules()):
        raise UsageError(f"batch_size={batch_size}: batch norm needs at least two training examples in every batch")


def _arguments(node: Config) -> Config:
    return {k: v for k, v in node.items() if k != "_target_"}


def _to(device: torch.device) -> Callable[[list[float]], torch.Tensor]:
    return lambda values: torch.tensor(values, device=device)


def parameter_count(stack: Stack) -> int:
    """Trainable parameters of one run."""
    return math.prod(stack.values.shape[1:])
