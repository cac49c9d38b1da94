"""Noise on activations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regab.fields import choice, strength
from regab.regularizers.base import Regularizer, per

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


@dataclass
class ActivationNoise(Regularizer):
    """Add N(0, alpha) to every activation in training, where dropout would act: h ← h + √alpha·z.

    Where many tutorials say variational dropout, they mean this. ``where``: after the ``last_hidden`` activation, after
    all ``hidden`` ones, on the ``output`` (the logits), or on the ``input``, as for dropout, which comes after it where
    both act.
    Range: alpha in [0, inf); useful from 0.01 to 1, in units of the activations' own variance. Neutral: 0.
    Helps where units are wide or inputs few; unlike dropout's, this noise can be outgrown. Costs a normal number for
    every activation, about a tenth of a step.
    Interactions: larger weights make the same noise mean less, so it wants l2, weight_decay, max_norm or a norm before
    it; a batch norm after it sees other variances in training than in evaluation.
    Paper: Poole, Sohl-Dickstein & Ganguli 2014, arXiv:1406.1831.
    """

    alpha: float = strength(0.0, "[0, inf)")
    where: str = choice("last_hidden", "hidden", "output", "input")

    def build(self, model: Module) -> None:
        from regab.models.places import dropout_places, shift_at

        shift_at(model, dropout_places(model, self.where, "activation_noise"), "activation_noise")

    def perturb(self, batch: int, place: Any, noise: Any) -> Tensor:
        z = noise.normal(batch, *place.shape)
        return per(self.alpha, z).sqrt() * z
