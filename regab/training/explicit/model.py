"""Which models are sequences of plain layers, and such a model as layers of a stack (``layers``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from regab.models.parts.norms import BatchNorm
from regab.models.places import DropoutPlace, NormPlace, Perturbed, ResidualPlace, Shifted
from regab.training.explicit import batch_norm, layers, pooling
from regab.training.slots import NARROW, Slot

PLACES = (nn.Identity, DropoutPlace, NormPlace, ResidualPlace)  # where nothing is, they do nothing
NORMS = BatchNorm, nn.BatchNorm1d, nn.BatchNorm2d
LINEAR = {nn.Linear, nn.ReLU, nn.Flatten, BatchNorm, nn.BatchNorm1d, Perturbed, Shifted, *PLACES}
IMAGES = {nn.Conv2d, nn.MaxPool2d, nn.ReLU, nn.Flatten, nn.BatchNorm2d, Perturbed, Shifted, *PLACES}


def is_explicit(model: nn.Module, shape: torch.Size) -> bool:
    """Whether the model, which takes inputs of this shape, is a sequence of layers that are written out.

    It is one of linear layers and batch norms, behind a convolution and pooling or not, all of whose parameters are
    trained and used once, and of which nothing but torch's own and regab's code is run. With a second convolution, most
    of the time is in kernels that autograd calls as well (steps of 1.01, 0.92 and 2.6 times the time for three).
    """
    modules = [module for _, module in sequence(model)]
    images = len(shape) == 3
    before = next((i for i, m in enumerate(modules) if type(m) is nn.Flatten), 0)
    parameters = [p for m in modules for p in m.parameters()]
    return (
        (images or len(shape) == 1)
        and all(type(m) in (IMAGES if images and i <= before else LINEAR) for i, m in enumerate(modules))
        and all(map(_plain, modules))
        and any(type(m) is nn.Linear for m in modules)
        and _in_order(modules)
        and all(p.requires_grad for p in parameters)
        and len({id(p) for p in parameters}) == len(parameters) == len(list(model.parameters()))
        and not any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in model.modules())
    )


def written_out(model: nn.Module, shape: torch.Size, device: torch.device) -> bool:
    """Whether a stack of the model goes through its layers as they are written out: on a CPU."""
    return device.type == "cpu" and is_explicit(model, shape)


def sequence(model: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The layers that inputs pass one after the other, with their names."""
    if type(model) is Shifted:  # its noise comes before what else acts at its place
        yield prefix, model
        yield from sequence(model.then, f"{prefix}.then")
        return
    if type(model).forward is not nn.Sequential.forward:
        yield prefix, model
        return
    for name, child in model.named_children():
        yield from sequence(child, f"{prefix}.{name}".lstrip("."))


def _plain(module: nn.Module) -> bool:
    """Whether a layer has no options that are not written out."""
    if isinstance(module, nn.Conv2d):
        padded = module.padding_mode == "zeros" and not isinstance(module.padding, str)
        return padded and module.groups == 1 and module.dilation == (1, 1)
    if isinstance(module, nn.MaxPool2d):
        return module.dilation in (1, (1, 1)) and not (module.ceil_mode or module.return_indices)
    if isinstance(module, nn.Flatten):
        return (module.start_dim, module.end_dim) == (1, -1)
    if isinstance(module, NORMS):
        return module.affine and module.track_running_stats and module.momentum is not None
    return True


def _in_order(modules: list[nn.Module]) -> bool:
    """ReLU overwrites what a layer gave, so never the data; the one convolution is of the data, and pooling of what it
    leaves; the last layer is linear."""
    acting = [type(m) for m in modules if type(m) not in (*PLACES, nn.Flatten, Perturbed, Shifted)]
    return acting[0] in (nn.Linear, nn.Conv2d) and acting[-1] is nn.Linear and nn.Conv2d not in acting[1:]


class Explicit:
    """A model as layers. ``leaves`` and ``gradients`` are its parameters by name and theirs, as views of ``[V, P]``;
    ``buffers`` are what norms keep, ``[V, …]``; ``dtype`` is that of products.
    """

    def __init__(
        self,
        model: nn.Module,
        leaves: dict[str, Tensor],
        gradients: dict[str, Tensor],
        buffers: dict[str, Tensor],
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.dtype = dtype
        self.layers: list[layers.Layer] = []
        layer: layers.Layer
        self.first = 0  # the first layer that has parameters
        inside = False
        for name, module in sequence(model):
            own: list[Any] = [t.get(f"{name}.{kind}") for kind in ("weight", "bias") for t in (leaves, gradients)]
            if isinstance(module, NORMS):
                layer = batch_norm.BatchNorm(module, own, [buffers[f"{name}.{kept}"] for kept in module._buffers])
            elif type(module) in (nn.Linear, nn.Conv2d):
                layer = _weighted(dtype, module, *own)
                if not any(isinstance(layer, layers.Weighted) for layer in self.layers):
                    self.first, layer.first = len(self.layers), True
                inside = type(module) is nn.Conv2d
            elif type(module) in PLACES:
                continue
            else:
                layer = _unweighted(dtype, module, inside)
                inside &= type(module) is not nn.Flatten
            # The largest of what ReLU gives is ReLU of the largest, of a quarter of the numbers, and to the same place
            # goes its gradient: 5 % of the step of a small CNN.
            before = isinstance(layer, pooling.MaxPool) and bool(self.layers) and type(self.layers[-1]) is layers.ReLU
            self.layers.insert(len(self.layers) - before, layer)

    def forward(self, x: Tensor, training: bool) -> Tensor:
        """``[V, B, …]`` to outputs ``[V, B, K]``."""
        y = layers.of_dtype(x, self.dtype)
        for layer in self.layers:
            y = layer.forward(y, training)
        return y.clone().float()  # what the layers hold is overwritten by the next pass

    @torch.no_grad()
    def backward(self, dy: Tensor) -> None:
        """Fill the gradients, at what ``forward`` last took in."""
        dy = dy.to(self.dtype)
        for layer in reversed(self.layers[self.first :]):
            dy = layer.backward(dy)


def named(slots: list[Slot], tensors: list[Tensor]) -> dict[str, Tensor]:
    """What ``Explicit`` takes of a stack's tensors."""
    return {slot.name: tensor.detach() for slot, tensor in zip(slots, tensors, strict=True)}


def _weighted(dtype: torch.dtype, module: Any, weight: Tensor, d_weight: Tensor, *bias: Tensor | None) -> layers.Layer:
    if isinstance(module, nn.Conv2d):
        rows = [layers.channels_inside(w).flatten(2) for w in (weight, d_weight)]
        return layers.PatchConvolution(dtype, module, *rows, *bias)
    if module.out_features == 1:
        return layers.SingleLinear(dtype, weight, d_weight, *bias)
    if module.out_features < NARROW:
        return layers.NarrowLinear(dtype, weight, d_weight, *bias)
    return layers.Linear(dtype, weight.mT, d_weight.mT, *bias)


def _unweighted(dtype: torch.dtype, module: nn.Module, inside: bool) -> layers.Layer:
    if isinstance(module, Shifted):
        return layers.Term(dtype, module, inside)
    if isinstance(module, Perturbed):
        return layers.Factor(dtype, module, inside)
    if isinstance(module, nn.MaxPool2d):
        return pooling.MaxPool(dtype, module)
    return layers.Flatten(dtype, inside) if isinstance(module, nn.Flatten) else layers.ReLU()
