"""Which layers a model has, from its input to its output."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn

from regab.models.places import pass_once

CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


def layers_of(model: nn.Module, example: Any) -> list[list[str]]:
    """The names of the model's parameters by layer, the first being the one that a pass of ``example`` reaches first.

    A block is what stands in a list, sequence or dict of modules and has layers itself, but no such blocks in it. Where
    there are blocks, each is a layer, all before the first is one (embeddings, stem) and all after the last is one (the
    output, with a norm or a pooling layer before it), as in BEiT (Bao et al. 2022); what stands between two belongs to
    the first. Without blocks, each module with a matrix of weights is a layer, and norms belong to the one before them.
    """
    turns, owners = _turns(model, example), dict[str, list[str]]()
    for name, _ in model.named_parameters():
        owners.setdefault(name.rpartition(".")[0], []).append(name)
    blocks = {owner: _block(model, owner) for owner in owners}
    in_order, last = dict[str, int](), 0
    for owner in owners:  # one that is not called, as its weights are read by another module, goes with the one before
        last = in_order[owner] = turns.get(owner, last)
    divide = _by_blocks if any(blocks.values()) else _by_weights
    layers: dict[Any, list[str]] = {}
    for owner, layer in divide(model, sorted(owners, key=in_order.__getitem__), blocks).items():
        layers.setdefault(layer, []).extend(owners[owner])
    return [*layers.values()]


def _turns(model: nn.Module, example: Any) -> dict[str, int]:
    """When the modules are first reached."""
    turns: dict[str, int] = {}

    def note(name: str, *_: Any) -> None:
        turns.setdefault(name, len(turns))

    pass_once(model, example, [m.register_forward_pre_hook(partial(note, n)) for n, m in model.named_modules()])
    return turns


def _block(model: nn.Module, owner: str) -> str:
    """The outermost block that has a module in it; empty, if there is none."""
    parts = owner.split(".")
    for i in range(len(parts)):
        holder, module = (model.get_submodule(".".join(parts[:end])) for end in (i, i + 1))
        if isinstance(holder, CONTAINERS) and _has_layers(module) and not _has_blocks(module):
            return ".".join(parts[: i + 1])
    return ""


def _has_layers(module: nn.Module) -> bool:
    inside = any(p.ndim > 1 for child in module.children() for p in child.parameters())
    return inside and not isinstance(module, CONTAINERS)


def _has_blocks(module: nn.Module) -> bool:
    """Whether there is a container in it with two of a kind that have layers."""
    for holder in (m for m in module.modules() if isinstance(m, CONTAINERS)):
        kinds = [type(child) for child in holder.children() if _has_layers(child)]
        if len(set(kinds)) < len(kinds):
            return True
    return False


def _by_blocks(model: nn.Module, owners: list[str], blocks: dict[str, str]) -> dict[str, str]:
    layers, now = {}, "stem"
    last = max(i for i, owner in enumerate(owners) if blocks[owner])
    for i, owner in enumerate(owners):
        now = blocks[owner] or (now if i < last else "head")
        layers[owner] = now
    return layers


def _by_weights(model: nn.Module, owners: list[str], blocks: dict[str, str]) -> dict[str, str]:
    layers, now = {}, ""
    for owner in owners:
        weighted = any(p.ndim > 1 for p in model.get_submodule(owner).parameters(recurse=False))
        now = owner if weighted or not now else now
        layers[owner] = now
    return layers
