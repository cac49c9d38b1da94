"""A convolutional network that classifies texts."""

from typing import Any

import torch
from torch import Tensor, nn

from regab.errors import UsageError
from regab.models.mlp import positive
from regab.models.places import DropoutPlace, NormPlace, WordPlace


class TextCNN(nn.Module):
    """Tokens ``[B, L]`` (int64, 0 is padding) to logits ``[B, classes]``.

    For each of the ``windows`` (numbers of words), ``channels`` filters over the embedded text, of which each hands on
    its largest response; ReLU; a linear layer. A window begins at every word and sees zeros past the end of the text,
    so logits do not depend on how much padding there is. Dropout places: ``input`` on the embedded text, ``hidden``
    before the last layer, ``output``; norm place: before the ReLU.
    Paper: Kim 2014, EMNLP (there: width 300, windows 3, 4 and 5, 100 channels, dropout 0.5, max-norm 3).
    """

    def __init__(
        self, shape: tuple[int, ...], classes: int, vocabulary: int, width: int, windows: list[int], channels: int
    ) -> None:
        super().__init__()
        positive("model.width,channels", [width, channels])
        positive("model.windows", windows)
        if not windows:
            raise UsageError("model.windows=[]: must have at least one size, like [3]")
        features = len(windows) * channels
        self.embedding, self.words = nn.Embedding(vocabulary, width), WordPlace(vocabulary)
        self.input_dropout = DropoutPlace("input")
        self.convolutions = nn.ModuleList(nn.Conv1d(width, channels, window) for window in windows)
        self.norm, self.relu, self.dropout = NormPlace(features), nn.ReLU(inplace=True), DropoutPlace()
        self.output, self.output_dropout = nn.Linear(features, classes), DropoutPlace("output")

    def forward(self, tokens: Tensor) -> Tensor:
        there = (tokens != 0)[:, None]
        x = self.input_dropout(self.words(self.embedding(tokens), tokens)).transpose(1, 2) * there
        responses = [self._largest(convolution, x, there) for convolution in self.convolutions]
        hidden = self.dropout(self.relu(self.norm(torch.cat(responses, 1))))
        return self.output_dropout(self.output(hidden))

    def _largest(self, convolution: Any, x: Tensor, there: Tensor) -> Tensor:
        wide = nn.functional.pad(x, (0, convolution.kernel_size[0] - 1))
        return convolution(wide).masked_fill(~there, -torch.inf).amax(2)
