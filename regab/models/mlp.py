"""Fully connected networks."""

import math
from collections import OrderedDict

from torch import nn

from regab.errors import UsageError
from regab.models.places import DropoutPlace, NormPlace

Layers = OrderedDict[str, nn.Module]


def positive(path: str, sizes: list[int]) -> None:
    """Refuse sizes below 1."""
    if any(size < 1 for size in sizes):
        raise UsageError(f"{path}={sizes}: every size must be at least 1")


def dense_layers(features: int, widths: list[int], classes: int, norm: bool = True) -> Layers:
    """For every width linear, norm place, ReLU, dropout place; then the linear output and its dropout place."""
    layers: Layers = OrderedDict()
    for i, width in enumerate(widths, 1):
        layers[f"fc{i}"] = nn.Linear(features, width)
        if norm:
            layers[f"fc{i}_norm"] = NormPlace(width)
        layers[f"fc{i}_relu"] = nn.ReLU(inplace=True)
        layers[f"fc{i}_dropout"] = DropoutPlace()
        features = width
    layers["output"] = nn.Linear(features, classes)
    layers["output_dropout"] = DropoutPlace("output")
    return layers


class MLP(nn.Sequential):
    """``[B, …]`` to logits ``[B, classes]`` through hidden layers of the given widths; without any, a linear model."""

    def __init__(self, shape: tuple[int, ...], classes: int, widths: list[int]) -> None:
        positive("model.widths", widths)
        layers: Layers = OrderedDict(flatten=nn.Flatten(), input_dropout=DropoutPlace("input"))
        super().__init__(layers | dense_layers(math.prod(shape), widths, classes))
