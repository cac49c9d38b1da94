"""Random numbers of many steps, drawn at once.

On a GPU a kernel for every seed, place and step takes longer to launch than to run. So the numbers of many steps are
drawn by one, and each step takes its own.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from regab.own_code import is_regabs
from regab.seeding import stream_seed

if TYPE_CHECKING:
    from regab.regularizers.base import Chain
    from regab.training.noise import Noise

AHEAD = 2**20  # bytes that are drawn of a seed at once, unless a single step takes more


def drawn_ahead(chain: Chain, device: torch.device) -> list[str]:
    """The methods whose noise is drawn for many steps at once: on a GPU, those that are known to ask for the same."""
    own = [name for name, method in chain.methods.items() if is_regabs(type(method))]
    return own if device.type != "cpu" else []


class Kind(NamedTuple):
    """What can be drawn: ``words`` of a type, filled by a function and read as numbers of another type."""

    name: str
    fill: Callable[[Tensor, torch.Generator], Tensor]
    words: torch.dtype = torch.float32
    numbers: torch.dtype = torch.float32

    def count(self, shape: tuple[int, ...]) -> int:
        """How many words have numbers of a shape."""
        return -(-math.prod(shape) * self.numbers.itemsize // self.words.itemsize)

    def read(self, words: Tensor, shape: tuple[int, ...]) -> Tensor:
        """The numbers ``[N, *shape]`` of words ``[N, count]``."""
        numbers = words if self.words == self.numbers else words.view(self.numbers)[:, : math.prod(shape)]
        return numbers.view(-1, *shape)


UNIFORM = Kind("uniform", lambda words, generator: words.uniform_(generator=generator))  # on [0, 1)
NORMAL = Kind("normal", lambda words, generator: words.normal_(generator=generator))  # of mean 0 and variance 1
# All integers of 16 bits alike: a quarter of the cost of UNIFORM (0.8 against 3 ns).
BITS = Kind(
    "bits", lambda words, generator: words.random_(-(2**63), None, generator=generator), torch.int64, torch.int16
)


class Ask(NamedTuple):
    """What a stream is asked for in a step, and how often it has been asked for the like before."""

    purpose: str
    kind: Kind
    shape: tuple[int, ...]
    times: int = 0


class Ahead:
    """What streams on a device are asked for in a step, drawn for many steps at once.

    Blocks stay where they are, and so do their ``rows [V]`` that the present step takes (by the number of steps in a
    block), so that a recorded step (``regab.training.graphs``) finds both. Numbers depend on seed, purpose, epoch, the
    size of the batch, how many steps have had batches of that size, and what else has been asked for in the step.
    """

    def __init__(self, noise: Noise, methods: Collection[str]) -> None:
        self.noise, self.methods = noise, methods
        self.rows: dict[int, Tensor] = {}
        self.firsts: dict[int, Tensor] = {}  # the same of a block's first step
        self.blocks: dict[tuple[int, Ask], Block] = {}
        self.asked = Counter[Ask]()  # in the present step

    def begin(self, sizes: Collection[int]) -> None:
        """Begin an epoch of steps on batches of such sizes."""
        self.sizes, self.counts, self.done = iter(sizes), Counter(sizes), Counter[int]()

    def advance(self) -> None:
        """Go on to the next step: have the numbers that it takes."""
        if not self.methods:
            return
        self.size = next(self.sizes)
        self.done[self.size] += 1
        self.again()
        for steps in self.rows:
            self._turn(steps)
        for (size, _), block in self.blocks.items():
            if size == self.size:
                self._reach(block)

    def again(self) -> None:
        """Begin the present step once more."""
        self.asked.clear()

    def numbers(self, ask: Ask) -> Tensor:
        """What a stream is asked for: ``[V, *shape]``."""
        key = self.size, ask._replace(times=self.asked[ask])
        self.asked[ask] += 1
        if key not in self.blocks:
            self.blocks[key] = Block(self.noise, *key, self.counts[self.size])
            self._reach(self.blocks[key])
            self._turn(self.blocks[key].steps)
        block = self.blocks[key]
        return block.numbers.index_select(0, self.rows[block.steps])

    def _reach(self, block: Block) -> None:
        block.reach(self.noise.epoch, self.done[self.size], self.counts[self.size])

    def _turn(self, steps: int) -> None:
        """Say in which rows of blocks of so many steps the present step's numbers are."""
        if steps not in self.rows:
            self.firsts[steps] = self.noise.run_to_seed * steps
            self.rows[steps] = self.firsts[steps].clone()
        torch.add(self.firsts[steps], (self.done[self.size] - 1) % steps, out=self.rows[steps])


class Block:
    """Numbers that are asked for in steps on batches of one size: those of the ``steps`` that come next."""

    def __init__(self, noise: Noise, size: int, ask: Ask, count: int) -> None:
        self.seeds, self.ask, self.size = noise.seeds, ask, size
        words = ask.kind.count(ask.shape)
        at_once = max(AHEAD // (words * ask.kind.words.itemsize), 1)
        self.steps = min(count, 1 << at_once.bit_length() - 1)  # a power of 2, so that blocks share their rows
        self.words = torch.empty(len(noise.seeds), self.steps, words, dtype=ask.kind.words, device=noise.device)
        self.numbers = ask.kind.read(self.words.flatten(0, 1), ask.shape)
        self.generators = [torch.Generator(noise.device) for _ in noise.seeds]
        self.epoch = -1

    def reach(self, epoch: int, step: int, count: int) -> None:
        """Draw on until the numbers of a step are there, counted from 1, of ``count`` in the epoch."""
        if epoch != self.epoch:
            purpose, kind, shape, times = self.ask
            self.epoch, self.drawn = epoch, 0
            for seed, generator in zip(self.seeds, self.generators, strict=True):
                generator.manual_seed(stream_seed(seed, purpose, epoch, self.size, kind.name, shape, times))
        while self.drawn < step:
            steps = min(self.steps, count - self.drawn)
            for words, generator in zip(self.words, self.generators, strict=True):
                self.ask.kind.fill(words[:steps], generator)
            self.drawn += steps
