"""A convolutional network over time."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from regab.errors import UsageError
from regab.models.mlp import positive
from regab.models.places import DropoutPlace, NormPlace


class Conv1D(nn.Module):
    """Series ``[B, C, T]`` to logits ``[B, classes]``.

    ``channels``: a convolution over ``windows`` moments (length kept, norm place, ReLU, dropout place) each; the mean
    over time; a linear layer. Of ``masked`` series the last channel is 1 where there is a moment, and what is beyond
    the end of a series counts nowhere: logits do not depend on how much padding there is, but for a batch norm's
    statistics. Paper: Wang, Yan & Oates 2017, IJCNN (there: 128, 256 and 128 channels, windows 8, 5 and 3, batch norm).
    """

    def __init__(
        self, shape: tuple[int, ...], classes: int, channels: list[int], windows: list[int], masked: bool = False
    ) -> None:
        super().__init__()
        positive("model.channels", channels)
        positive("model.windows", windows)
        if len(channels) != len(windows) or not channels:
            raise UsageError(f"model.windows={windows}: must be as many as model.channels={channels}, at least one")
        if len(shape) != 2:
            raise UsageError("model: Conv1D takes series [channels, time]; use data=timeseries_csv, or another model")
        self.masked, self.windows, widths = masked, tuple(windows), [shape[0], *channels]
        self.input_dropout = DropoutPlace("input")
        self.convolutions = nn.ModuleList(
            nn.Conv1d(into, out, window) for into, out, window in zip(widths, channels, windows, strict=False)
        )
        self.norms = nn.ModuleList(NormPlace(width, spatial=1) for width in channels)
        self.dropouts = nn.ModuleList(DropoutPlace() for _ in channels)
        self.output, self.output_dropout = nn.Linear(channels[-1], classes), DropoutPlace("output")

    def forward(self, x: Tensor) -> Tensor:
        there = (x[:, -1:] > 0.5).to(x.dtype) if self.masked else torch.ones_like(x[:, -1:])
        x = self.input_dropout(x)
        for window, convolution, norm, dropout in zip(
            self.windows, self.convolutions, self.norms, self.dropouts, strict=True
        ):
            wide = nn.functional.pad(x, ((window - 1) // 2, window // 2))
            x = dropout(norm(convolution(wide)).relu() * there)
        return self.output_dropout(self.output(x.sum(2) / there.sum(2).clamp(min=1)))
