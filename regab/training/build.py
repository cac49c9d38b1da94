"""From a configuration to one run's model."""

from __future__ import annotations

import inspect
import math
from typing import Any

import torch
from torch import nn

from regab.data.split import Data
from regab.errors import UsageError
from regab.models.attention import SelfAttention
from regab.models.initial import Initialization
from regab.regularizers.base import Chain
from regab.seeding import stream_seed
from regab.targets import locate

Config = dict[str, Any]


def build_model(config: Config, data: Data, chain: Chain, seed: int) -> nn.Module:
    """One run's model with what the regularizers build into it. Its initial weights depend on the seed alone."""
    factory, node = locate(config["model"], "model"), arguments(config["model"])
    initialize = Initialization(node.pop("init"))
    _check_text(config["model"]["_target_"], factory, data)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "init"))
        model = factory(**_told(factory, data) | node)
        initialize(model)
        chain.build(model)
    return model


def _told(factory: Any, data: Data) -> dict[str, Any]:
    """What the data tell a model, as far as it asks: by regab's names for it or by those that others use.

    One that takes any keyword, as torchvision's do, is told ``num_classes``.
    """
    given = {"shape": data.shape, "classes": data.classes} | data.given
    given |= {"num_classes": data.classes, "n_classes": data.classes, "in_features": math.prod(data.shape)}
    given |= {name: data.shape[0] for name in ("in_channels", "in_chans") if data.shape}
    if "vocabulary" in data.given:
        given["vocab_size"] = data.given["vocabulary"]
    parameters = inspect.signature(factory).parameters
    told = {name: value for name, value in given.items() if name in parameters}
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()) and not {"classes", "n_classes"} & told.keys():
        told["num_classes"] = data.classes
    return told


def _check_text(target: str, factory: Any, data: Data) -> None:
    """A model that takes a vocabulary needs text; of regab's own, it alone reads text."""
    name, reads = target.rpartition(".")[2], "vocabulary" in inspect.signature(factory).parameters
    if data.kind == "tokens" and not reads and target.startswith("regab."):
        raise UsageError(f"model: {name} reads no text, as it takes no vocabulary; use model=transformer or text_cnn")
    if reads and data.kind != "tokens":
        raise UsageError(f"model: {name} reads text, but this data set has {data.kind}; use data=text_csv")


def stacks_well(model: nn.Module, device: torch.device) -> bool:
    """Whether one batched forward pass for all runs beats one pass after the other.

    On a CPU, a batched convolution is a grouped one, 1.4-2.5 times slower than dense ones in channels_last, and
    attention keeps a core busy as it is. On a GPU a pass costs its kernel launches, so batching wins.
    """
    slow = (nn.modules.conv._ConvNd, nn.MultiheadAttention, SelfAttention)
    return device.type != "cpu" or not any(isinstance(module, slow) for module in model.modules())


def arguments(node: Config) -> Config:
    """A node's keyword arguments."""
    return {k: v for k, v in node.items() if k != "_target_"}
