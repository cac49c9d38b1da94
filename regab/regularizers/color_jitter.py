"""Random changes of colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regab.fields import strength
from regab.lazy import torch
from regab.regularizers._by_name import made
from regab.regularizers._pixels import ByTorchvision, Transform
from regab.regularizers.base import per

if TYPE_CHECKING:
    from torch import Tensor

FIELDS = ("brightness", "contrast", "saturation", "hue")


@dataclass
class ColorJitter(ByTorchvision):
    """Multiply brightness, contrast and saturation of every training image by factors uniform in 1±strength.

    ``brightness``, ``contrast`` and ``saturation`` are the strengths (a factor is at least 0), ``hue`` turns the
    colours by a share of the circle from ±hue; in random order. torchvision's. Saturation and hue leave grey images
    alone.
    Range: brightness, contrast, saturation in [0, inf), hue in [0, 0.5]. Neutral: all 0.
    Helps photographs taken in different light; costs 1-2 ms of a core for each image and seed.
    Interactions: the rest of augmentation adds to it.
    Paper: Krizhevsky, Sutskever & Hinton 2012, NeurIPS, section 4.1 (of colours).
    """

    brightness: float = strength(0.0, "[0, inf)")
    contrast: float = strength(0.0, "[0, inf)")
    saturation: float = strength(0.0, "[0, inf)")
    hue: float = strength(0.0, "[0, 0.5]")

    def chosen(self, uniform: Tensor) -> Tensor:
        active = torch.stack([getattr(self, name) for name in FIELDS]).amax(0) > 0
        return per(active, uniform).expand_as(uniform)

    def transforms(self) -> list[Transform]:
        runs = [*zip(*(getattr(self, name).tolist() for name in FIELDS), strict=True)]
        kinds = {run: made({"ColorJitter": dict(zip(FIELDS, run, strict=True))}, "reg.color_jitter") for run in runs}
        return [kinds[run] for run in runs]
