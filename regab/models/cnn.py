"""The two convolutional networks that regularization is usually taught with, for images of any size."""

import math
from collections import OrderedDict

from torch import nn

from regab.errors import UsageError
from regab.models.mlp import Layers, dense_layers, positive
from regab.models.places import DropoutPlace, NormPlace


class CNN(nn.Sequential):
    """Convolutions, 2×2 pooling, fully connected layers: ``[B, C, H, W]`` to logits ``[B, classes]``.

    ``channels``: a 3×3 convolution (image size kept, norm place, ReLU) each, pooled after the last. ``widths``: a fully
    connected layer (ReLU, dropout place) each.
    """

    between_convolutions = False  # dropout places there
    dense_norms = False  # norm places in the fully connected part

    def __init__(self, shape: tuple[int, ...], classes: int, channels: list[int], widths: list[int]) -> None:
        positive("model.channels", channels)
        positive("model.widths", widths)
        check_image("a CNN", shape, 2)
        height, width = shape[1] // 2, shape[2] // 2
        layers = self._convolutions(shape[0], channels)
        layers |= OrderedDict(pool=nn.MaxPool2d(2), flatten=nn.Flatten())
        features = [shape[0], *channels][-1] * height * width
        super().__init__(layers | dense_layers(features, widths, classes, norm=self.dense_norms))

    def _convolutions(self, depth: int, channels: list[int]) -> Layers:
        layers: Layers = OrderedDict(input_dropout=DropoutPlace("input"))
        for i, width in enumerate(channels, 1):
            layers[f"conv{i}"] = nn.Conv2d(depth, width, 3, padding=1)
            layers[f"conv{i}_norm"] = NormPlace(width, spatial=2)
            layers[f"conv{i}_relu"] = nn.ReLU(inplace=True)
            if self.between_convolutions and i < len(channels):
                layers[f"conv{i}_dropout"] = DropoutPlace()
            depth = width
        return layers


class RegularizedCNN(CNN):
    """CNN with a dropout place after every convolution but the last, and norm places in the fully connected part too.

    The place between convolutions is meant for ``reg.dropout.kind=spatial``.
    """

    between_convolutions = True
    dense_norms = True


def check_image(what: str, shape: tuple[int, ...], least: int = 1) -> None:
    """Refuse inputs that are no images, or have fewer pixels than ``least`` a side."""
    if len(shape) != 3:
        raise UsageError(
            f"model: {what} needs images, but an input has {math.prod(shape)} plain features; use model=mlp"
        )
    if min(shape[1:]) < least:
        raise UsageError(
            f"model: {what} needs images of at least {least}×{least} pixels, not {shape[1]}×{shape[2]}; use model=mlp"
        )
