"""Where a model holds its tensors, and how they lie in memory as rows of a matrix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

NARROW = 16  # outputs of a linear layer below which MKL's kernels are slow
PLAIN, BATCHED, CHANNELS_LAST, EXPLICIT = "plain", "batched", "channels last", "explicit"


@dataclass
class Slot:
    """A tensor of the skeleton: its name, shape, the places that hold it, and the order of its axes in memory."""

    name: str
    shape: torch.Size
    order: tuple[int, ...]
    homes: list[tuple[dict[str, Tensor | None], str]] = field(default_factory=list)

    def __reduce__(self) -> tuple[Any, ...]:
        return Slot, (self.name, self.shape, self.order)  # the places are of the process that holds the model

    def fill(self, tensor: Tensor) -> None:
        for home, key in self.homes:
            home[key] = tensor

    def flatten(self, tensor: Tensor) -> Tensor:
        """``[V, *shape]`` to ``[V, n]`` as it lies in memory."""
        # Not flatten(1), which asks for an axis that a single number has not.
        return tensor.permute(0, *[i + 1 for i in self.order]).reshape(len(tensor), self.shape.numel())

    def unflatten(self, row: Tensor) -> Tensor:
        """``[V, n]`` to a view ``[V, *shape]``."""
        stored = row.view(len(row), *[self.shape[i] for i in self.order])
        return stored.permute(0, *[self.order.index(i) + 1 for i in range(len(self.order))])


class Layout(NamedTuple):
    """How the tensors of models lie in a stack's state: parameters in one matrix, buffers after it.

    ``saved``: the names in a model's own state_dict, and by which of them the slots hold what several share.
    """

    parameters: list[Slot]
    buffers: list[Slot]
    saved: dict[str, str]

    @property
    def weights(self) -> list[str]:
        """What a model calls its weights."""
        return [slot.name for slot in self.parameters if is_weight(slot)]

    def unflatten(self, values: Tensor) -> list[Tensor]:
        """Of ``[V, P]``, a view ``[V, *shape]`` for each parameter."""
        pieces = values.split([slot.shape.numel() for slot in self.parameters], 1)
        return [slot.unflatten(piece) for slot, piece in zip(self.parameters, pieces, strict=True)]

    def state_dicts(self, rows: Iterable[int], state: list[Tensor]) -> Iterator[dict[str, Tensor]]:
        """Rows of a state, one after the other, by the names that a model saves."""
        slots, tensors = [*self.parameters, *self.buffers], [*self.unflatten(state[0]), *state[1:]]
        for row in rows:
            own = {s.name: tensor[row].cpu().contiguous().clone() for s, tensor in zip(slots, tensors, strict=True)}
            yield {name: own[held] for name, held in self.saved.items()}


def find_slots(model: nn.Module, kind: str, layout: str = PLAIN) -> list[Slot]:
    """Every tensor in ``_parameters`` or ``_buffers`` of the model's modules, a shared one once."""
    slots: dict[int, Slot] = {}
    for prefix, module in model.named_modules():
        home = getattr(module, kind)
        for key, tensor in home.items():
            if tensor is not None:
                name = f"{prefix}.{key}" if prefix else key
                slot = slots.setdefault(id(tensor), Slot(name, tensor.shape, _memory_order(module, tensor, layout)))
                slot.homes.append((home, key))
    return list(slots.values())


def _memory_order(module: nn.Module, tensor: Tensor, layout: str) -> tuple[int, ...]:
    """The order of axes in which backward hands over this parameter's gradient, so that storing it is a plain copy."""
    looked_up = isinstance(module, nn.Embedding)  # by rows, and their gradients are added to by rows
    if layout in (BATCHED, EXPLICIT) and tensor.ndim == 2 and len(tensor) >= NARROW and not looked_up:
        return 1, 0  # x·Wᵀ, batched, gives dWᵀ
    if layout in (CHANNELS_LAST, EXPLICIT) and tensor.ndim == 4:
        return 0, 2, 3, 1
    return tuple(range(tensor.ndim))


def is_weight(slot: Slot) -> bool:
    """Weights are what multiplies: matrices and kernels; biases and norms have one axis."""
    return len(slot.shape) >= 2


def saved(model: nn.Module) -> dict[str, str]:
    """The names in the model's own state_dict, and by which of them the stack holds what several share."""
    held = {id(t): n for tensors in (model.named_parameters(), model.named_buffers()) for n, t in tensors}
    return {name: held[id(tensor)] for name, tensor in model.state_dict(keep_vars=True).items() if id(tensor) in held}


def unbind(tensor: Tensor) -> tuple[Tensor, ...]:
    # For one run a view, whose backward copies nothing; unbind's backward stacks the gradients of all runs once.
    return (tensor.squeeze(0),) if len(tensor) == 1 else tensor.unbind(0)
