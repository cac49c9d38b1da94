"""Dropout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regab.fields import choice, strength
from regab.regularizers.base import Regularizer, per

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


@dataclass
class Dropout(Regularizer):
    """Multiply activations in training by noise of mean 1: a share ``rate`` of them by 0, the rest by 1/(1-rate).

    ``kind``: ``standard`` drops single activations, ``spatial`` whole channels of an image (Tompson et al. 2015, CVPR),
    ``gaussian`` multiplies by N(1, rate/(1-rate)) (Srivastava et al. 2014, section 10). ``where``: after the
    ``last_hidden`` activation (by default, since dropout before a batch norm spoils its statistics: Li, Chen, Hu & Yang
    2019, CVPR), after all ``hidden`` ones, on the ``output`` (the logits), or on the ``input``. In a model with dropout
    layers of its own, their places are the hidden ones, and all are taken.
    Range: rate in [0, 1), in steps of 1/65536 for standard and spatial. Neutral: 0.
    Helps wide layers on little data; wants more epochs. Costs about a tenth of a step.
    Interactions: a batch norm after it sees other variances in training than in evaluation (norm; Li et al. 2019);
    max_norm lets it bear higher learning rates.
    Paper: Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014, JMLR 15:1929-1958.
    """

    rate: float = strength(0.0, "[0, 1)")
    kind: str = choice("standard", "spatial", "gaussian")
    where: str = choice("last_hidden", "hidden", "output", "input")

    def build(self, model: Module) -> None:
        from regab.models.places import dropout_places, perturb_at

        perturb_at(model, dropout_places(model, self.where), "dropout")

    def perturb(self, batch: int, place: Any, noise: Any) -> Tensor:
        shape = place.shape
        if self.kind == "gaussian":
            z = noise.normal(batch, *shape)
            return 1 + per(self.rate / (1 - self.rate), z).sqrt() * z
        if self.kind == "spatial" or place.channelwise:
            shape = (shape[0], *[1] * (len(shape) - 1))
        return noise.keep(self.rate, batch, *shape)
