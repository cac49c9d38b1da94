"""Deep plain convolutional networks."""

from collections import OrderedDict

from torch import nn

from regab.errors import UsageError
from regab.models.cnn import check_image
from regab.models.mlp import Layers, dense_layers, positive
from regab.models.places import DropoutPlace, NormPlace

CONVOLUTIONS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}  # in each stage


class VGG(nn.Sequential):
    """``[B, C, H, W]`` to logits ``[B, classes]``: five stages of 3×3 convolutions (Simonyan & Zisserman 2015, ICLR).

    ``depth`` is 11, 13, 16 or 19. The stages have ``width``, 2, 4, 8 and 8 times ``width`` channels, and each ends in
    2×2 pooling, which images that have become smaller than 2×2 skip. ``widths`` are the fully connected layers: the
    paper's are [4096, 4096]. Norm places follow all layers but the last; dropout places follow the fully connected
    layers and all poolings.
    """

    def __init__(self, shape: tuple[int, ...], classes: int, depth: int, width: int, widths: list[int]) -> None:
        check_image("a VGG", shape)
        positive("model.width", [width])
        positive("model.widths", widths)
        if depth not in CONVOLUTIONS:
            raise UsageError(f"model.depth={depth}: must be one of {', '.join(map(str, CONVOLUTIONS))}")
        layers: Layers = OrderedDict(input_dropout=DropoutPlace("input"))
        channels, sides = shape[0], shape[1:]
        for stage, count in enumerate(CONVOLUTIONS[depth]):
            wider = width << min(stage, 3)
            layers |= _convolutions(f"conv{stage + 1}", [channels, *[wider] * count])
            channels = wider
            if min(sides) > 1:
                layers[f"pool{stage + 1}"], sides = nn.MaxPool2d(2), tuple(side // 2 for side in sides)
            layers[f"dropout{stage + 1}"] = DropoutPlace()
        layers["flatten"] = nn.Flatten()
        super().__init__(layers | dense_layers(channels * sides[0] * sides[1], widths, classes))


def _convolutions(name: str, channels: list[int]) -> Layers:
    layers: Layers = OrderedDict()
    for i in range(1, len(channels)):
        layers[f"{name}_{i}"] = nn.Conv2d(channels[i - 1], channels[i], 3, padding=1)
        layers[f"{name}_{i}_norm"] = NormPlace(channels[i], spatial=2)
        layers[f"{name}_{i}_relu"] = nn.ReLU(inplace=True)
    return layers
