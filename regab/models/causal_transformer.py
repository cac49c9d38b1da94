"""A transformer that predicts the next token at every place of a text."""

import torch
from torch import Tensor

from regab.models.parts.attention import rows_of_tokens
from regab.models.transformer import Transformer


class CausalTransformer(Transformer):
    """Tokens ``[B, L]`` (int64, 0 is padding) to logits ``[B, L, classes]``, each from the tokens up to its own place.

    As ``Transformer``, but that no token looks at later ones, and that each has its own output in place of their mean.
    ``classes`` is the vocabulary.
    Paper: Radford, Narasimhan, Salimans & Sutskever 2018 (the decoder alone).
    """

    def forward(self, tokens: Tensor) -> Tensor:
        x, rows, size = self.embedded(tokens), rows_of_tokens(tokens), tokens.shape[1]
        later = torch.full((size, size), -torch.inf, device=tokens.device).triu(1)  # no buffer: EMA would average it
        for block in self.blocks:
            x = block(x, later, rows)
        return self.output_dropout(self.output(self.dropout(self.norm(x))))
