"""Which runs a sweep consists of: from factors to assignments.

The first level of a factor is its *off*, the last its *on*. Seeds and folds are repetitions and no factors: a design is
one of the others, and each of its variants is trained with all of them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

from regab.errors import UsageError
from regab.records.results import REPLICATE, variant_name
from regab.seeding import stream_seed
from regab.sweep.fraction import confounded, fraction

MOST_RUNS = 100_000  # of one sweep: composing that many takes minutes, and their results some GB


class Range(NamedTuple):
    """Numbers between two, to be drawn from: uniformly, or their logarithms uniformly."""

    low: float
    high: float
    log: bool = False

    def at(self, share: float) -> str:
        """The number that lies at a share of the range between 0 and 1, to four digits; whole if the limits are."""
        if isinstance(self.low, int) and isinstance(self.high, int) and not self.log:
            return str(self.low + int(share * (self.high - self.low + 1)))
        if self.log:
            return f"{math.exp(math.log(self.low) + share * math.log(self.high / self.low)):.4g}"
        return f"{self.low + share * (self.high - self.low):.4g}"

    def __str__(self) -> str:
        return f"tag(log,interval({self.low:g},{self.high:g}))" if self.log else f"interval({self.low:g},{self.high:g})"


Assignment = dict[str, str]
Factors = dict[str, list[str]]  # a config key and the values it is to take, as they are written on a command line
Ranged = dict[str, list[str] | Range]


def assign(
    design: str,
    factors: Ranged,
    n: int | None = None,
    random_seed: int = 0,
    reference: Callable[[Ranged], Assignment | None] = lambda _: None,
) -> list[Assignment]:
    """The runs of a design, the repetitions of a variant together; ``n`` random draws, after the ``reference`` with
    which they are compared. Raises UsageError."""
    varied = {key: v for key, v in factors.items() if key not in REPLICATE and (isinstance(v, Range) or len(v) > 1)}
    rest = _lists({key: v for key, v in factors.items() if key not in varied})
    _check_size(design, varied, rest, n)
    if design == "random":
        drawn, base = _random(varied, n, random_seed), reference(varied)
        variants = drawn if base is None else [base, *(variant for variant in drawn if variant != base)]
    else:
        variants = _of_lists(design, varied)
    if n is not None and design != "random":
        raise UsageError(f"--n {n}: is for --design random; the size of a {design} design follows from its factors")
    runs = [variant | repetition for variant in variants for repetition in grid(rest)]
    return [{key: run[key] for key in factors} for run in runs]


def _check_size(design: str, varied: Ranged, rest: Factors, n: int | None) -> None:
    """Raises UsageError before more runs are made than there is room for."""
    lengths = [len(levels) for levels in varied.values() if not isinstance(levels, Range)]
    variants = n if design == "random" else math.prod(lengths) if design == "grid" else sum(lengths)
    count = math.prod(len(levels) for levels in rest.values()) * (variants if isinstance(variants, int) else 1)
    if count > MOST_RUNS:
        raise UsageError(f"{count:,} runs are asked for, but a sweep may have {MOST_RUNS:,}; give fewer values")


def _of_lists(design: str, factors: Ranged) -> list[Assignment]:
    if design not in DESIGNS:
        raise UsageError(f"--design {design}: must be one of {', '.join([*DESIGNS, 'random'])}")
    lists = _lists(factors, ", or --design random")
    if design != "grid" and not lists:
        raise UsageError(f"--design {design}: no key has two values or more, as in reg.dropout=0,0.5")
    variants = DESIGNS[design](lists)
    return [v for i, v in enumerate(variants) if v not in variants[:i]] if design != "grid" else variants


def _lists(factors: Ranged, otherwise: str = "") -> Factors:
    found: Factors = {}
    for key, levels in factors.items():
        if isinstance(levels, Range):
            needed = "this design needs" if otherwise else "needs"
            raise UsageError(f"{key}={levels}: {needed} a list of values; give a list or range(…){otherwise}")
        found[key] = levels
    return found


def grid(factors: Factors) -> list[Assignment]:
    """Every combination; the last factor varies fastest."""
    return [dict(zip(factors, values, strict=True)) for values in itertools.product(*factors.values())]


def one_at_a_time(factors: Factors) -> list[Assignment]:
    """All off, then every other level of each factor alone."""
    off = _all(factors, 0)
    return [off, *(off | {key: level} for key, levels in factors.items() for level in levels[1:])]


def leave_one_out(factors: Factors) -> list[Assignment]:
    """All on, then each factor off."""
    on = _all(factors, -1)
    return [on, *(on | {key: levels[0]} for key, levels in factors.items())]


def ablation(factors: Factors) -> list[Assignment]:
    """All off, each on alone, each left out, all on."""
    off, (on, *left_out) = _all(factors, 0), leave_one_out(factors)
    return [off, *(off | {key: levels[-1]} for key, levels in factors.items()), *left_out, on]


def fractional(factors: Factors) -> list[Assignment]:
    """A part of the grid of off and on that confounds no main effect with an interaction of two factors."""
    for key, levels in factors.items():
        if len(levels) != 2:
            raise UsageError(f"--design fractional: {key} has {len(levels)} values; give it two, off and on")
    return [{k: factors[k][on] for k, on in zip(factors, run, strict=True)} for run in fraction(len(factors))]


def together(factors: Factors) -> list[Assignment]:
    """The first level of every factor, then the second of every factor, and so on."""
    lengths = {key: len(levels) for key, levels in factors.items()}
    if len(set(lengths.values())) > 1:
        has = ", ".join(f"{key} has {length}" for key, length in lengths.items())
        raise UsageError(f"--design zip: all keys must have the same number of values; {has}")
    return [dict(zip(factors, values, strict=True)) for values in zip(*factors.values(), strict=True)]


def _random(factors: Ranged, n: int | None, seed: int) -> list[Assignment]:
    """``n`` distinct draws. The first draws are the same for any larger ``n``, and each key has draws of its own."""
    import numpy as np

    for key, levels in factors.items():
        _check_range(key, levels)
    if n is None:
        raise UsageError("--design random: needs --n, the number of variants to draw, as in --n 20")
    if not (isinstance(n, int) and n > 0):
        raise UsageError(f"hydra.sweeper.n={n}: must be a whole number from 1")
    shares = {key: np.random.default_rng(stream_seed(seed, "design", key)).random(100 * n) for key in factors}
    draws = [{key: _drawn(factors[key], shares[key][i]) for key in factors} for i in range(100 * n)]
    return list({tuple(draw.values()): draw for draw in reversed(draws)}.values())[::-1][:n]


def _check_range(key: str, levels: list[str] | Range) -> None:
    if isinstance(levels, Range) and not levels.low < levels.high:
        raise UsageError(f"{key}={levels}: must go from a smaller to a larger number")
    if isinstance(levels, Range) and levels.log and levels.low <= 0:
        raise UsageError(f"{key}={levels}: must begin above 0")


def _drawn(levels: list[str] | Range, share: float) -> str:
    return levels.at(share) if isinstance(levels, Range) else levels[int(share * len(levels))]


def _all(factors: Factors, index: int) -> Assignment:
    return {key: levels[index] for key, levels in factors.items()}


DESIGNS: dict[str, Callable[[Factors], list[Assignment]]] = {
    "grid": grid,
    "one_at_a_time": one_at_a_time,
    "leave_one_out": leave_one_out,
    "ablation": ablation,
    "fractional": fractional,
    "zip": together,
}


def design_words(design: str, runs: list[Assignment]) -> list[str]:
    """What a design is, its confounding included."""
    keys = [key for key in runs[0] if key not in REPLICATE and len({run[key] for run in runs}) > 1]
    variants = list(dict.fromkeys(variant_name({key: run[key] for key in keys}) for run in runs))
    times = len(runs) // len(variants)
    lines = [f"{design}: {len(variants)} variants, each {f'{times} times' if times > 1 else 'once'}"]
    if design == "fractional":
        groups = confounded([key.removeprefix("reg.") for key in keys])
        clear = "every main effect is clear of interactions of two factors"
        lines[0] += f", instead of {2 ** len(keys)}; {clear}" + (
            ", of which these cannot be told apart:" if groups else ""
        )
        lines += [f"  {' = '.join(group)}" for group in groups]
    return lines
