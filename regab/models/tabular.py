"""A network for tables of numbers and categories."""

from __future__ import annotations

import torch
from torch import nn

from regab.errors import UsageError
from regab.models.mlp import dense_layers, positive
from regab.models.places import DropoutPlace


class TabularMLP(nn.Module):
    """``[B, F]`` to outputs ``[B, classes]``: every category by an embedding, beside the numbers, into an MLP.

    The last columns of the input are blocks of the widths ``categories``, in each of which a 1 marks the word (see
    ``regab.data.table``). A block times a matrix is the word's embedding, of ``embedding`` numbers or as many as there
    are words; of a word that has no place, it is zero. As matrix products, lookups are batched over a stack like all
    other layers. Embeddings begin as N(0, 1), on the scale of the standardized numbers.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        classes: int,
        widths: list[int],
        embedding: int = 8,
        categories: tuple[int, ...] = (),
    ) -> None:
        super().__init__()
        positive("model.widths", widths)
        positive("model.embedding", [embedding])
        if len(shape) != 1:
            raise UsageError("model=tabular_mlp: needs a table of features; use model=mlp for other inputs")
        self.blocks = [shape[0] - sum(categories), *categories]
        own = [nn.Linear(size, min(size, embedding), bias=False) for size in categories]
        self.embeddings = nn.ModuleList(own)
        for layer in own:
            nn.init.normal_(layer.weight)
        features = self.blocks[0] + sum(layer.out_features for layer in own)
        self.input_dropout = DropoutPlace("input")
        self.layers = nn.Sequential(dense_layers(features, widths, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        numbers, *blocks = x.split(self.blocks, 1)
        embedded = [layer(block) for layer, block in zip(self.embeddings, blocks, strict=True)]
        return self.layers(self.input_dropout(torch.cat([numbers, *embedded], 1)))
