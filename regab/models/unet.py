"""A small fully convolutional network that gives every pixel a class."""

import torch
from torch import Tensor, nn

from regab.models.cnn import check_image
from regab.models.mlp import positive
from regab.models.places import DropoutPlace, NormPlace


class Convolution(nn.Sequential):
    """A 3×3 convolution that keeps the size, norm place, ReLU, dropout place."""

    def __init__(self, before: int, channels: int) -> None:
        super().__init__(
            nn.Conv2d(before, channels, 3, padding=1),
            NormPlace(channels, spatial=2),
            nn.ReLU(inplace=True),
            DropoutPlace(channelwise=True),
        )


class UNet(nn.Module):
    """``[B, C, H, W]`` to logits ``[B, classes, H, W]``: down to coarser images, and up again beside what was seen.

    A convolution of each of ``channels`` with 2×2 pooling between them; then back, each coarser image enlarged (nearest
    neighbours) and convolved together with the finer one before it; last a 1×1 convolution. Sizes need not be powers
    of 2. Dropout places: ``input``, ``hidden`` after every convolution (whole channels), ``output``; norm places
    before each ReLU.
    Paper: Ronneberger, Fischer & Brox 2015, MICCAI (there: two convolutions each, from 64 channels on, no padding).
    """

    def __init__(self, shape: tuple[int, ...], classes: int, channels: list[int]) -> None:
        super().__init__()
        positive("model.channels", channels)
        check_image("a U-Net", shape, 2 ** (len(channels) - 1))
        self.input_dropout, self.pool = DropoutPlace("input"), nn.MaxPool2d(2)
        pairs = list(zip([shape[0], *channels], channels, strict=False))
        self.down = nn.ModuleList(Convolution(before, after) for before, after in pairs)
        self.up = nn.ModuleList(Convolution(before + after, before) for before, after in reversed(pairs[1:]))
        self.output, self.output_dropout = nn.Conv2d(channels[0], classes, 1), DropoutPlace("output")

    def forward(self, x: Tensor) -> Tensor:
        x, finer = self.input_dropout(x), list[Tensor]()
        for i, convolve in enumerate(self.down):
            x = convolve(self.pool(x) if i else x)
            finer.append(x)
        finer.pop()
        for convolve in self.up:
            beside = finer.pop()
            x = convolve(torch.cat([beside, nn.functional.interpolate(x, beside.shape[-2:])], 1))
        return self.output_dropout(self.output(x))
