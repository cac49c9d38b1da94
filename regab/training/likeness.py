"""Whether configurations of models that differ come out as the same model."""

from __future__ import annotations

import hashlib
from typing import Any

import torch

from regab.regularizers.base import Chain
from regab.training.build import build_model
from regab.training.setup import load_data

Config = dict[str, Any]

PASSES, EXAMPLES = 4, 16  # of what draws by itself, one pass could come out alike by chance


def likeness(config: Config) -> str:
    """A hash of what a model is, without regularizers: its parts, weights, and outputs in training and evaluation.

    Of a model that has no dropout of its own, nothing: regab takes nothing over, and other options may act on what a
    few examples do not show.
    """
    data = load_data(config["data"], torch.device("cpu"), config["task"], config["stack"]["memory"])
    model, _ = build_model(config, data, Chain({}), seed=0)
    if not any(getattr(module, "where", "") == "own" for module in model.modules()):
        return ""
    x, found = data.train.x[:EXAMPLES], hashlib.sha256(repr(model).encode())
    found.update(repr([name for name, p in model.named_parameters() if p.requires_grad]).encode())
    _add(found, model.state_dict())
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        for seed in range(PASSES):
            torch.manual_seed(seed)
            _add(found, {"": model.train()(x)})
        _add(found, {"": model.eval()(x)} | model.state_dict())
    return found.hexdigest()


def _add(found: Any, tensors: dict[str, torch.Tensor]) -> None:
    for name, tensor in tensors.items():
        found.update(f"{name} {tuple(tensor.shape)}".encode())
        found.update(tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes())
