"""The network that read cheques."""

from collections import OrderedDict

from torch import nn

from regab.models.cnn import check_image
from regab.models.mlp import Layers, dense_layers
from regab.models.places import DropoutPlace, NormPlace


class LeNet(nn.Sequential):
    """LeNet-5 for images ``[B, C, H, W]`` of any size (LeCun, Bottou, Bengio & Haffner 1998, Proc. IEEE 86:2278-2324).

    Two 5×5 convolutions to 6 and 16 channels, each followed by a norm place, a nonlinearity and 2×2 pooling, then fully
    connected layers of 120 and 84 with norm and dropout places. As it is mostly taught today: ReLU for tanh, maximum
    pooling for trained subsampling, the second convolution seeing all channels. The first convolution pads by 2
    pixels, and images below 12 pixels by as many as the layers after it need.
    """

    def __init__(self, shape: tuple[int, ...], classes: int) -> None:
        check_image("a LeNet", shape)
        above, beside = (max(2, -(-(16 - side) // 2)) for side in shape[1:])
        padding = above, beside
        layers: Layers = OrderedDict(input_dropout=DropoutPlace("input"))
        layers |= _stage("1", nn.Conv2d(shape[0], 6, 5, padding=padding)) | _stage("2", nn.Conv2d(6, 16, 5))
        layers["flatten"] = nn.Flatten()
        height, width = (((side + 2 * pad - 4) // 2 - 4) // 2 for side, pad in zip(shape[1:], padding, strict=True))
        super().__init__(layers | dense_layers(16 * height * width, [120, 84], classes))


def _stage(number: str, convolution: nn.Conv2d) -> Layers:
    conv = f"conv{number}"
    return OrderedDict(
        {
            conv: convolution,
            f"{conv}_norm": NormPlace(convolution.out_channels, spatial=2),
            f"{conv}_relu": nn.ReLU(inplace=True),
            f"pool{number}": nn.MaxPool2d(2),
        }
    )
