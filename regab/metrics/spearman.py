"""Spearman correlation: whether predictions are in the order of the targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.lazy import torch
from regab.metrics.base import Metric

if TYPE_CHECKING:
    from torch import Tensor


class Spearman(Metric):
    """Pearson's correlation of the ranks of outputs and targets, equal ones sharing their mean rank.

    Range: [-1, 1]; 0 where the model says the same of all, NaN where the targets are all the same; the mean over
    several targets. Paper: Spearman 1904, American Journal of Psychology.
    """

    direction = "up"
    label = "Spearman correlation"
    form = ".4f"
    range = "[-1, 1]"
    tasks = ("regression",)

    def of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        said, true = _ranks(outputs, 1), _ranks(targets.view(len(targets), -1), 0)
        spread = said.square().sum(1).sqrt() * true.square().sum(0).sqrt()
        value = (said * true).sum(1) / torch.where(spread > 0, spread, 1.0)
        return torch.where(true.square().sum(0) > 0, value, torch.nan).mean(1)

    def undefined(self, targets: Tensor) -> str:
        columns = targets.view(len(targets), -1)
        return "all targets are the same" if bool((columns == columns[:1]).all(0).any()) else ""


def _ranks(values: Tensor, axis: int) -> Tensor:
    """Ranks along an axis, less their mean.

    By scipy: torchmetrics' are sums in int32, which overflow from 65,000 equal values on, and its coefficient is off by
    1e-6 over the ranks' variance.
    """
    from scipy.stats import rankdata

    ranks = torch.from_numpy(rankdata(values.cpu().numpy(), axis=axis))
    return ranks - ranks.mean(axis, keepdim=True)
