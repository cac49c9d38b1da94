"""Examples drawn from a known law, for exact experiments: what is best possible is known."""

from __future__ import annotations

import numpy as np
import torch

from regab.data.split import Source, Split
from regab.errors import UsageError
from regab.seeding import stream_seed
from regab.tasks.classification import Classification
from regab.tasks.regression import Regression

SAMPLE = 20_000  # inputs by which the teacher's outputs are brought to mean 0 and deviation 1


def teacher(
    n: int = 1000,
    n_test: int = 10_000,
    features: int = 20,
    classes: int | None = 2,
    width: int = 16,
    noise: float = 0.1,
    seed: int = 0,
) -> Source:
    """Inputs x ~ N(0, 1) and what a random network with ``width`` hidden tanh units makes of them, plus noise.

    With ``classes``, the label is the teacher's largest output, and with probability ``noise`` a class drawn uniformly
    from all instead, so that the best possible accuracy is 1 - noise·(K-1)/K. Without (None), the target is the
    teacher's output, of deviation 1, plus noise·N(0, 1), so that the best possible RMSE is ``noise`` and R² is
    1/(1 + noise²). Training examples: a smaller ``n`` gives the first of a larger. Range: noise in [0, 1] for classes,
    [0, inf) otherwise.
    """
    _check({"n": n, "n_test": n_test, "features": features, "width": width}, classes, noise)
    network = _Network(features, width, classes or 1, seed)
    parts = [_part(network, count, classes, noise, seed, which) for which, count in (("train", n), ("test", n_test))]
    return Source(parts[0], classes or 1, parts[1], task=(Classification if classes else Regression).name)


def _check(sizes: dict[str, int], classes: int | None, noise: float) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise UsageError(f"data.{name}={size}: must be at least 1")
    if classes is not None and classes < 2:
        raise UsageError(f"data.classes={classes}: must be at least 2, or null for a regression")
    if not 0 <= noise <= (1 if classes else float("inf")):
        raise UsageError(f"data.noise={noise}: must be in {'[0, 1]' if classes else '[0, inf)'}")


class _Network:
    """The teacher: x ↦ v·tanh(W·x), its outputs of mean 0 and deviation 1."""

    def __init__(self, features: int, width: int, outputs: int, seed: int) -> None:
        random = _random(seed, "teacher")
        self.first = random.normal(size=(features, width)) * (2 / np.sqrt(features))  # steep enough to be no line
        self.second = random.normal(size=(width, outputs))
        self.mean, self.deviation = 0.0, 1.0
        sample = self(random.normal(size=(SAMPLE, features)))
        self.mean, self.deviation = sample.mean(0), sample.std(0)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return (np.tanh(x @ self.first) @ self.second - self.mean) / self.deviation


def _part(network: _Network, n: int, classes: int | None, noise: float, seed: int, which: str) -> Split:
    x = _random(seed, which, "inputs").normal(size=(n, len(network.first)))
    outputs, random = network(x), _random(seed, which, "noise")
    if classes is None:
        return Split(torch.from_numpy(x), torch.from_numpy(outputs[:, 0] + noise * random.normal(size=n)))
    drawn = random.random(size=(n, 2))  # whether a label is drawn, and which
    y = np.where(drawn[:, 0] < noise, (drawn[:, 1] * classes).astype(np.int64), outputs.argmax(1))
    return Split(torch.from_numpy(x), torch.from_numpy(y))


def _random(seed: int, *purpose: str) -> np.random.Generator:
    return np.random.default_rng(stream_seed(seed, "synthetic", *purpose))
