"""Whether configurations of models that differ come out as the same model."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Any

import torch
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from regab.regularizers.base import Chain
from regab.training.assembly.build import build_model
from regab.training.assembly.data import load_data

Config = dict[str, Any]

PASSES, EXAMPLES = 4, 16  # of what draws by itself, one pass could come out alike by chance


class Likeness:
    """What a configuration's model is like, without regularizers.

    ``taken`` says what was taken over or turned off, at which rates, and ``drops`` whether it has dropout layers.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        _, model, self.taken = self._build()
        self.drops = any(getattr(module, "where", "") == "own" for module in model.modules())

    def refuses(self, other: Likeness) -> bool:
        """Whether an option that the two differ in does nothing. Where nothing is taken over, or the same, it may act
        on what a few examples do not show."""
        return (self.drops or self.taken != other.taken) and self.digest == other.digest

    @cached_property
    def digest(self) -> str:
        """A hash of the model's parts, weights, and outputs in training and evaluation; few models are asked for it."""
        x, model, _ = self._build()
        found = hashlib.sha256(repr(_parts(model)).encode())
        found.update(repr([p.requires_grad for p in model.parameters()]).encode())
        _add(found, model.state_dict())
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            for seed in range(PASSES):
                torch.manual_seed(seed)
                _add(found, {"": model.train()(x)})
            _add(found, {"": model.eval()(x)} | model.state_dict())
        return found.hexdigest()

    def _build(self) -> tuple[Any, nn.Module, list[str]]:
        data = load_data(self.config["data"], torch.device("cpu"), self.config["task"], self.config["stack"]["memory"])
        return data.train.x[:EXAMPLES], *build_model(self.config, data, Chain({}), seed=0)


def _parts(model: nn.Module) -> list[str]:
    """The layers in their order, without what is absent at a rate of 0: places, and dropout that was turned off.

    Without their names, as what stands in one variant alone may shift those of the others.
    """
    layers = [m for m in model.modules() if not isinstance(m, nn.Identity | _DropoutNd) and not list(m.children())]
    return [f"{type(layer).__name__}({layer.extra_repr()})" for layer in layers]


def _add(found: Any, tensors: dict[str, torch.Tensor]) -> None:
    for tensor in tensors.values():
        found.update(f"{tuple(tensor.shape)}".encode())
        found.update(tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes())
