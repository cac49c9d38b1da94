"""Word dropout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regab.fields import strength
from regab.lazy import torch
from regab.regularizers.base import Regularizer

if TYPE_CHECKING:
    from torch import Tensor

PADDING, UNKNOWN = 0, 1  # as regab.data.text numbers them


@dataclass
class WordDropout(Regularizer):
    """Replace each token of a training text by "unknown" with probability ``rate``; never padding.

    Every occurrence on its own, anew whenever the text is seen; Iyyer et al. leave the words out instead.
    Range: rate in [0, 1), in steps of 1/65536. Neutral: 0.
    Helps texts with few examples, and teaches what to do with words that training lacks; 0.1 to 0.3. Costs next to
    nothing.
    Interactions: embedding_dropout does nearly the same in the embedding; use one of the two.
    Paper: Iyyer, Manjunatha, Boyd-Graber & Daumé 2015, ACL, section 3.1; with the unknown word Bowman, Vilnis, Vinyals,
    Dai, Jozefowicz & Bengio 2016, CoNLL, section 3.1.
    """

    rate: float = strength(0.0, "[0, 1)")
    inputs = ("tokens",)

    def augment(self, x: Tensor, noise: Any) -> Tensor:
        dropped = noise.keep(self.rate, *x.shape[1:]) == 0
        return torch.where(dropped & (x != PADDING), UNKNOWN, x)
