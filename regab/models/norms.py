"""Batch normalization of plain features."""

import torch
from torch import nn


class BatchNorm(nn.BatchNorm1d):
    """nn.BatchNorm1d for ``[B, C]`` in elementary operations, which give a run the same bits in any stack.

    torch's kernel sees the runs of a stack as one batch of V·C channels, and sums in an order that depends on their
    number. The two agree to rounding (tested).
    """

    running_mean: torch.Tensor
    running_var: torch.Tensor
    num_batches_tracked: torch.Tensor
    momentum: float

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.float()  # in reduced precision too, as torch's own kernels do
        mean, var = self._batch_statistics(x) if self.training else (self.running_mean, self.running_var)
        return (x - mean) * ((var + self.eps).rsqrt() * self.weight) + self.bias

    def _batch_statistics(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean = x.mean(0)
        var = (x - mean).square().mean(0)
        with torch.no_grad():
            unbiased = var * (len(x) / max(len(x) - 1, 1))
            for running, batch in ((self.running_mean, mean), (self.running_var, unbiased)):
                running.mul_(1 - self.momentum).add_(batch, alpha=self.momentum)
            self.num_batches_tracked.add_(1)
        return mean, var
