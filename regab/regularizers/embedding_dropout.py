"""Embedding dropout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regab.fields import strength
from regab.regularizers.base import Regularizer

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


@dataclass
class EmbeddingDropout(Regularizer):
    """Drop rows of the word embedding in training: a word is zero in the whole text, or 1/(1-rate) times itself.

    Drawn for every text and word of the vocabulary, each zero with probability ``rate``; positions are left alone.
    Range: rate in [0, 1), in steps of 1/65536. Neutral: 0.
    Helps where single words decide too much; 0.1 to 0.5. Costs a draw for every text and word of the vocabulary: a few
    percent of a step for 10,000 words.
    Interactions: word_dropout does nearly the same at the input; use one of the two.
    Paper: Gal & Ghahramani 2016, NeurIPS, section 4.2.
    """

    rate: float = strength(0.0, "[0, 1)")
    inputs = ("tokens",)

    def build(self, model: Module) -> None:
        from regab.models.places import perturb_words

        perturb_words(model, "embedding_dropout")

    def perturb(self, batch: int, place: Any, noise: Any) -> Tensor:
        return noise.keep(self.rate, batch, *place.shape)
