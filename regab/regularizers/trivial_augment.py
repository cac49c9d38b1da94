"""TrivialAugment."""

from __future__ import annotations

from dataclasses import dataclass

from regab.fields import strength
from regab.regularizers._by_name import made
from regab.regularizers._pixels import Transform, WithProbability


@dataclass
class TrivialAugment(WithProbability):
    """Put every training image, with the given ``probability``, through one of 14 operations, of a random magnitude.

    The operations are those of RandAugment, over wider ranges; there is nothing to tune. torchvision's.
    Range: probability in [0, 1]. Neutral: 0.
    Helps photographs, as much as tuned policies do; costs 0.5 ms of a core for each image and seed, which runs of one
    seed share.
    Interactions: the rest of augmentation adds to it.
    Paper: Müller & Hutter 2021, ICCV, arXiv:2103.10158.
    """

    probability: float = strength(0.0, "[0, 1]")

    def transforms(self) -> list[Transform]:
        return [made("TrivialAugmentWide", "reg.trivial_augment")]
