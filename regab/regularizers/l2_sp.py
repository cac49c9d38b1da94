"""L2 towards the starting point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from regab import fields
from regab.fields import choice
from regab.lazy import torch
from regab.regularizers.base import Regularizer, per

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class L2SP(Regularizer):
    """Add (strength/2)·Σ(w - w⁰)² to the objective, with w⁰ the weights that training began from.

    For the output layer, whose beginning means nothing, (``head``/2)·Σw² is added instead, as in the paper. w⁰ are
    those of ``model.weights``, or of the library that loaded them.
    ``scope``: ``weights`` (no biases, no norms) or ``all`` parameters.
    Range: strength and head in [0, inf); useful from 1e-3 to 1. Neutral: 0.
    Helps where a pretrained model is fine-tuned on few examples, since plain decay forgets what it knew; costs 0-5 % of
    a step and the memory of the weights once more.
    Interactions: takes the place of l2 and weight_decay, which draw towards 0; parts that are frozen need none.
    Paper: Li, Grandvalet & Davoine 2018, ICML.
    """

    strength: float = fields.strength(0.0, "[0, inf)")
    head: float = fields.strength(0.0, "[0, inf)")
    scope: str = choice("weights", "all")
    keeps_start: ClassVar[bool] = True

    def value(self, parameters: Any) -> Tensor:
        distance, pull = self._pull(parameters)
        return (pull * distance.square()).sum(1) / 2

    def add_gradient(self, parameters: Any) -> None:
        distance, pull = self._pull(parameters)
        parameters.within(self.scope)[1].addcmul_(distance, pull)

    def _pull(self, parameters: Any) -> tuple[Tensor, Tensor]:
        """How far each parameter is from what it is drawn to, and how strongly it is: ``[V, n]`` both."""
        values, _ = parameters.within(self.scope)
        start, head = parameters.start[:, : values.shape[1]], parameters.head[: values.shape[1]]
        pull = torch.where(head, per(self.head, values), per(self.strength, values))
        return values - torch.where(head, 0.0, start), pull
