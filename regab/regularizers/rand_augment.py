"""RandAugment."""

from __future__ import annotations

from dataclasses import dataclass

from regab.fields import fixed, strength
from regab.regularizers._by_name import made
from regab.regularizers._pixels import Transform, WithProbability


@dataclass
class RandAugment(WithProbability):
    """Put every training image, with the given ``probability``, through ``num_ops`` of 14 operations drawn anew.

    They turn, shear, shift, or change brightness, colour, contrast and sharpness, posterize, solarize, equalize, by
    ``magnitude`` of 30. torchvision's.
    Range: probability in [0, 1], num_ops in [1, 14], magnitude in [0, 30]. Neutral: probability 0.
    Helps photographs, large networks most; costs 1-2 ms of a core for each image and seed, which runs of one seed
    share.
    Interactions: the rest of augmentation adds to it; with large networks, more magnitude.
    Paper: Cubuk, Zoph, Shlens & Le 2020, NeurIPS, arXiv:1909.13719.
    """

    probability: float = strength(0.0, "[0, 1]")
    num_ops: int = fixed(2, "[1, 14]")
    magnitude: int = fixed(9, "[0, 30]")

    def transforms(self) -> list[Transform]:
        named = {"RandAugment": {"num_ops": self.num_ops, "magnitude": self.magnitude}}
        return [made(named, "reg.rand_augment")]
