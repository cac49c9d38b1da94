"""From a configuration to one run's model."""

from __future__ import annotations

import inspect
import math
from typing import Any, NamedTuple

import torch
from torch import nn

from regab.data.split import Data
from regab.errors import UsageError
from regab.models.foreign import adopt, is_foreign
from regab.models.initial import Initialization
from regab.regularizers.base import Chain
from regab.seeding import stream_seed
from regab.targets import locate

Config = dict[str, Any]


class Built(NamedTuple):
    """One run's model, and what there is to say of how it was made, if it is the user's own."""

    model: nn.Module
    notes: list[str]


def build_model(config: Config, data: Data, chain: Chain, seed: int) -> Built:
    """One run's model with what the regularizers build into it. Its initial weights depend on the seed alone."""
    factory, node = locate(config["model"], "model"), arguments(config["model"])
    initialize, notes = Initialization(node.pop("init")), []
    _check_text(config["model"]["_target_"], factory, data)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "init"))
        model = factory(**_told(factory, data) | node)
        if not isinstance(model, nn.Module):
            raise UsageError(f"model._target_={config['model']['_target_']}: must give a torch.nn.Module")
        initialize(model)
        if not is_foreign(model):
            chain.build(model)
        else:
            notes = adopt(model, data.train.x[:2].cpu()) + _build_aloud(model, chain)
    return Built(model, notes)


def _build_aloud(model: nn.Module, chain: Chain) -> list[str]:
    """What each method put where."""
    notes = []
    for name, method in chain.having("build"):
        before = dict(model.named_modules())
        method.build(model)
        new = [key for key, module in model.named_modules() if module is not before.get(key)]
        notes.append(f"reg.{name} acts at {', '.join(new)}")
    return notes


def _told(factory: Any, data: Data) -> dict[str, Any]:
    """What the data tell a model, as far as it asks: by regab's names for it or by those that others use.

    One that takes any keyword, as torchvision's do, is told ``num_classes``.
    """
    given = {"shape": data.shape, "classes": data.classes} | data.given
    given |= dict.fromkeys(("num_classes", "n_classes", "out_features"), data.classes)
    given |= dict.fromkeys(("in_channels", "in_chans"), data.shape[0]) | {"in_features": math.prod(data.shape)}
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


def arguments(node: Config) -> Config:
    """A node's keyword arguments."""
    return {k: v for k, v in node.items() if k != "_target_"}
