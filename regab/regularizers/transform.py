"""Any transform of torchvision's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from regab.fields import strength
from regab.regularizers._by_name import made
from regab.regularizers._pixels import Transform, WithProbability


@dataclass
class AnyTransform(WithProbability):
    """Put every training image, with the given ``probability``, through ``ops``, one after the other.

    ``ops`` are names of torchvision.transforms.v2, as [RandAugment], or of classes of one's own, as [mine.Fog]; with
    arguments [{RandomAffine: {degrees: 10}}]. They see one image at a time, in its own range:
    bytes from 0 to 255 if it was of bytes, else floats from 0 to 1. They must keep the shape.
    Range: probability in [0, 1]. Neutral: 0.
    Helps as the transforms do; costs 0.01 to 2 ms of a core for each image and seed, which runs of one seed share.
    Interactions: the rest of augmentation adds to it.
    Paper: Shorten & Khoshgoftaar 2019, Journal of Big Data 6:60 (a survey).
    """

    probability: float = strength(0.0, "[0, 1]")
    ops: Any = field(default_factory=list)

    def transforms(self) -> list[Transform]:
        return [made(self.ops, "reg.transform.ops")]
