"""Normalization layers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from regab.fields import choice, fixed
from regab.lazy import torch
from regab.regularizers.base import Regularizer

if TYPE_CHECKING:
    from torch.nn import Module


@dataclass
class Norm(Regularizer):
    """Normalize activations before the nonlinearity: y = gamma·(x - mean)/sqrt(var + eps) + beta.

    ``kind``: ``batch`` takes mean and variance over the batch (per feature, or per channel of an image) in training,
    and in evaluation the running ones, r ← (1 - momentum)·r + momentum·batch, with the unbiased variance; ``layer``
    takes them over all features of one example (Ba, Kiros & Hinton 2016, arXiv:1607.06450); ``group`` over each of
    ``groups`` groups of channels (Wu & He 2018, ECCV), or as many as divide the channels.
    Range: momentum in (0, 1], eps in (0, inf), groups at least 1. Neutral: kind ``none``.
    Helps deep networks to train fast and tolerates high learning rates; costs a tenth to a third of a step.
    Interactions: dropout before a batch norm spoils its statistics; l2, weight_decay and max_norm then act on the
    effective learning rate alone.
    Paper: Ioffe & Szegedy 2015, ICML.
    """

    kind: str = choice("none", "batch", "layer", "group", switch=True)
    momentum: float = fixed(0.1, "(0, 1]")
    eps: float = fixed(1e-5, "(0, inf)")
    groups: int = fixed(8, "[1, inf)")

    def build(self, model: Module) -> None:
        from regab.models.places import norm_places, replace

        for name, place in norm_places(model):
            replace(model, name, self._layer(place.features, place.spatial))

    def _layer(self, features: int, spatial: int) -> Module:
        from regab.models.parts.norms import BatchNorm

        if self.kind == "batch":
            cls = (BatchNorm, torch.nn.BatchNorm1d, torch.nn.BatchNorm2d, torch.nn.BatchNorm3d)[spatial]
            return cls(features, eps=self.eps, momentum=self.momentum)
        groups = 1 if self.kind == "layer" else math.gcd(features, self.groups)
        return torch.nn.GroupNorm(groups, features, eps=self.eps)
