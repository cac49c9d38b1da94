"""The random draws of a stack: the same for a run whether it is trained alone or beside others.

A stream belongs to a seed and a purpose, and begins anew with every epoch, so a draw is a function of (seed, purpose,
epoch, position in the epoch). Runs with equal seeds see equal draws: their comparison is paired. A draw is made once
per distinct seed and then gathered to the run axis.

On a GPU most are drawn for many steps at once (``regab.training.ahead``): other numbers, by the same rules.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor

from regab.seeding import stream_seed
from regab.training.ahead import BITS, NORMAL, UNIFORM, Ahead, Ask, Kind


class Noise:
    """Streams of random numbers for ``V`` runs with the given seeds.

    Those on the device are drawn ahead for some methods, which must ask for the same in all steps on batches of a size.
    """

    def __init__(self, seeds: list[int], device: torch.device, ahead: Collection[str] = ()) -> None:
        self.seeds = sorted(set(seeds))
        self.run_to_seed = torch.tensor([self.seeds.index(s) for s in seeds], device=device)
        self.device = device
        self.epoch = 0
        self._streams: dict[tuple[str, str], Stream] = {}
        self.ahead = Ahead(self, ahead)

    def begin(self, epoch: int, sizes: Collection[int] = ()) -> None:
        """Begin all streams anew for an epoch, of steps on batches of such sizes."""
        self.epoch = epoch
        for stream in self._streams.values():
            stream.begin(epoch)
        self.ahead.begin(sizes)

    def of(self, purpose: str, device: torch.device | None = None) -> Stream:
        """The stream of a purpose, which no other purpose shares."""
        device = device or self.device
        key = purpose, str(device)
        if key not in self._streams:
            self._streams[key] = Stream(self, purpose, device)
            self._streams[key].begin(self.epoch)
        return self._streams[key]

    def order(self, n: int) -> Tensor:
        """A random order of ``n`` examples for each run: ``[V, n]``, of stride 0 where all runs have one seed.

        Drawn on the CPU, so it is the same everywhere.
        """
        stream = self.of("order", torch.device("cpu"))
        drawn = torch.stack([torch.randperm(n, generator=g) for g in stream.generators]).to(self.device)
        return drawn.expand(len(self.run_to_seed), n) if len(drawn) == 1 else drawn[self.run_to_seed]


class Stream:
    """One generator per distinct seed; draws have a leading run axis ``[V]``."""

    def __init__(self, noise: Noise, purpose: str, device: torch.device) -> None:
        self.noise, self.purpose, self.device = noise, purpose, device
        self.generators = [torch.Generator(device) for _ in noise.seeds]
        self.ahead = device == noise.device and purpose.partition("/")[0] in noise.ahead.methods
        self._last: tuple[Any, Any] = None, None  # the rates of the last mask, and what follows from them

    def begin(self, epoch: int) -> None:
        for seed, generator in zip(self.noise.seeds, self.generators, strict=True):
            generator.manual_seed(stream_seed(seed, self.purpose, epoch))

    def numbers(self, kind: Kind, shape: tuple[int, ...], seeds: Tensor | None = None) -> Tensor:
        """Of a kind, ``[V, *shape]``; with ``seeds [D]``, those of seeds by their places: ``[D, *shape]``."""
        if self.ahead:
            return self.noise.ahead.numbers(Ask(self.purpose, kind, shape))
        count = kind.count(shape)
        words = [kind.fill(torch.empty(count, dtype=kind.words, device=self.device), g) for g in self.generators]
        return kind.read(torch.stack(words), shape).index_select(0, self.noise.run_to_seed if seeds is None else seeds)

    def uniform(self, *shape: int) -> Tensor:
        """Uniform on [0, 1): ``[V, *shape]``."""
        return self.numbers(UNIFORM, shape)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal: ``[V, *shape]``."""
        return self.numbers(NORMAL, shape)

    def integers(self) -> list[int]:
        """A whole number for each run."""
        drawn = [int(torch.randint(2**62, (), generator=g, device=self.device)) for g in self.generators]
        return [drawn[seed] for seed in self.noise.run_to_seed.tolist()]

    def seeds(self, n: int) -> Tensor:
        """Seeds for the generators of other libraries: ``[V, n]`` (int64)."""
        drawn = [torch.randint(2**62, (n,), generator=g, device=self.device) for g in self.generators]
        return torch.stack(drawn).index_select(0, self.noise.run_to_seed)

    def keep(self, rate: Tensor, *shape: int) -> Tensor:
        """Zero with probability ``rate [V]`` (to 1/65536), else the factor that makes the mean 1: ``[V, *shape]``."""
        if rate is not self._last[0]:
            self._last = rate, self._thresholds(rate)
        seeds, least, factor, back = self._last[1]
        ones = [1] * len(shape)
        drawn = self.numbers(BITS, shape, seeds).float()  # compared as floats: a fifth of the time
        factors = drawn.ge_(least.view(-1, *ones)).mul_(factor.view(-1, *ones))
        return factors if back is None else factors.index_select(0, back)

    def _thresholds(self, rate: Tensor) -> tuple[Tensor | None, Tensor, Tensor, Tensor | None]:
        """Of seeds and rates that differ: seeds, the least bits that are kept, factors ``[D]``, and which each run has.

        None: its own.
        """
        seeds, rates, back = self._distinct(rate)
        levels = (rates * 65536).round_().clamp_(max=65535)
        return seeds, levels - 32768, 65536 / (65536 - levels), back

    def _distinct(self, rate: Tensor) -> tuple[Tensor | None, Tensor, Tensor | None]:
        """Seeds and rates ``[D]`` that differ, and which of them each run has; None: its own.

        16 runs of which 4 differ so: 250 against 480 us per step for two masks of 64×128. On a GPU the reading of the
        rates would wait for all that is under way.
        """
        if self.ahead or self.device.type != "cpu":
            return None, rate, None
        pairs = list(zip(self.noise.run_to_seed.tolist(), rate.tolist(), strict=True))
        places = {pair: place for place, pair in enumerate(dict.fromkeys(pairs))}
        if len(places) == len(pairs):
            return None, rate, None
        seeds, rates = zip(*places, strict=True)
        return torch.tensor(seeds), torch.tensor(rates), torch.tensor([places[pair] for pair in pairs])
