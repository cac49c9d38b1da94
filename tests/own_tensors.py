"""Data whose examples are several tensors, and models that take them, as users write them."""

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset

from regab.data.split import Source, Split


def _examples(n=120):
    draw = np.random.default_rng(0)
    y = np.arange(n) % 2
    return {
        "words": draw.integers(1, 9, (n, 5)) + 10 * y[:, None],
        "mask": draw.random((n, 5)) < 0.8,
        "numbers": 100 + 5 * draw.normal(size=(n, 3)) + y[:, None],
        "age": draw.normal(size=n) + 40,
    }, y


def by_name():
    x, y = _examples()
    return Source(Split(x, y), classes=2)


def pair():
    """Not as a Source, and as a tuple."""
    x, y = _examples()
    return (x["numbers"].astype("float32"), torch.from_numpy(x["words"])), y


class Items(Dataset):
    """The same, one by one."""

    def __init__(self, kind="dict", broken=-1, n=120):
        self.kind, self.broken, self.x, self.y = kind, broken, *_examples(n)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        own = {name: torch.as_tensor(values[i]) for name, values in self.x.items()}
        own["numbers"], own["age"] = own["numbers"].float() / 5 - 20, own["age"] - 40  # data sets are taken as they are
        if i == self.broken:
            own["words"], own["numbers"] = own["words"][:3], torch.zeros(5)
        if self.kind == "tuple":
            return (own["numbers"], own["words"]), int(self.y[i])
        return own | {"label": int(self.y[i])}


class Named(nn.Module):
    """Takes the tensors by their names, in an order of its own."""

    def __init__(self, num_classes, width: int = 8):
        super().__init__()
        self.embedding, self.first = nn.Embedding(30, width), nn.Linear(4, width)
        self.act, self.output = nn.ReLU(), nn.Linear(2 * width, num_classes)

    def forward(self, numbers, age, words, mask):
        assert words.dtype == torch.int64
        assert mask.dtype == torch.bool
        assert age.ndim == 1
        text = (self.embedding(words) * mask[..., None]).mean(1)
        table = self.act(self.first(torch.cat([numbers, age[:, None]], 1)))
        return self.output(torch.cat([text, table], 1))


class InOrder(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.embedding, self.first = nn.Embedding(30, 8), nn.Linear(3, 8)
        self.act, self.output = nn.ReLU(), nn.Linear(8, num_classes)

    def forward(self, table, text):
        return self.output(self.act(self.first(table) + self.embedding(text).mean(1)))


class Fewer(InOrder):
    """Takes no mask."""

    def forward(self, numbers, words, age):
        return super().forward(numbers, words)
