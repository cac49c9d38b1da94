"""Residual networks for small images."""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from regab.errors import UsageError
from regab.models.cnn import check_image
from regab.models.mlp import positive
from regab.models.places import DropoutPlace, NormPlace, ResidualPlace


class ResNet(nn.Sequential):
    """``[B, C, H, W]`` to logits ``[B, classes]`` by residual blocks of two 3×3 convolutions (He et al. 2016, CVPR).

    ``depth`` 6n+2 is the paper's network for CIFAR: after a first convolution three stages of n blocks, of ``width``
    (null: 16), 2·width and 4·width channels, on images of full, half and quarter size; 18 has four stages of two blocks
    from 64 channels on, as the network of that depth for ImageNet, but for small images. Shortcuts have no parameters:
    they leave out every other pixel and add channels of zeros. Norm places follow all convolutions, a residual place
    ends every branch, dropout places stand before the classifier and with ``block_dropout`` between the two
    convolutions of a block (Zagoruyko & Komodakis 2016, BMVC).
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        classes: int,
        depth: int = 8,
        width: int | None = None,
        block_dropout: bool = False,
    ) -> None:
        check_image("a ResNet", shape)
        stages, blocks = _stages(depth)
        width = width or (64 if depth == 18 else 16)
        positive("model.width", [width])
        layers = OrderedDict[str, nn.Module](input_dropout=DropoutPlace("input"))
        layers |= {"conv": _conv(shape[0], width), "norm": NormPlace(width, spatial=2), "relu": nn.ReLU(inplace=True)}
        channels = width
        for stage in range(stages):
            for block in range(blocks):
                narrow, channels = channels, width << stage
                stride = 2 if stage and not block else 1
                layers[f"block{stage + 1}_{block + 1}"] = Block(narrow, channels, stride, block_dropout)
        layers |= {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "dropout": DropoutPlace()}
        layers |= {"output": nn.Linear(channels, classes), "output_dropout": DropoutPlace("output")}
        super().__init__(layers)


class Block(nn.Module):
    """``relu(shortcut(x) + branch(x))``."""

    def __init__(self, narrow: int, channels: int, stride: int, dropout: bool) -> None:
        super().__init__()
        layers = OrderedDict[str, nn.Module](conv1=_conv(narrow, channels, stride))
        layers |= {"norm1": NormPlace(channels, spatial=2), "relu": nn.ReLU(inplace=True)}
        if dropout:
            layers["dropout"] = DropoutPlace()
        layers |= {"conv2": _conv(channels, channels), "norm2": NormPlace(channels, spatial=2)}
        self.branch = nn.Sequential(layers | {"residual": ResidualPlace()})
        self.stride, self.added = stride, channels - narrow

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self._shortcut(x) + self.branch(x))

    def _shortcut(self, x: Tensor) -> Tensor:
        if self.stride > 1:
            x = x[..., :: self.stride, :: self.stride]
        return nn.functional.pad(x, (0, 0, 0, 0, 0, self.added)) if self.added else x


def _conv(narrow: int, channels: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(narrow, channels, 3, stride, padding=1)


def _stages(depth: int) -> tuple[int, int]:
    """Stages, and blocks in each."""
    if depth == 18:
        return 4, 2
    if depth < 8 or (depth - 2) % 6:
        raise UsageError(f"model.depth={depth}: must be 18 or 6n+2: 8, 14, 20, 26, 32, …")
    return 3, (depth - 2) // 6
