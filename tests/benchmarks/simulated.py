"""Simulated sweeps, judged by the lines that judge real ones: ``tests.benchmarks.calibration`` prints what comes out.

A sweep is an array ``[sweeps, variants, seeds]`` of a metric, the first variant being the baseline. Deviations are one
between the runs of a seed; what a seed does to all variants cancels and is left out, but for accuracies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from regab.analysis.verdicts.family import holm
from regab.analysis.verdicts.looks import automatic
from regab.analysis.verdicts.paired import LEVEL, Paired, paired, resolution
from regab.analysis.verdicts.variances import p_value

Rng = np.random.Generator
Shape = tuple[int, int, int]
Draw = Callable[[Rng, Shape], np.ndarray]


def normal(rng: Rng, shape: Shape) -> np.ndarray:
    return rng.normal(size=shape)


def t3(rng: Rng, shape: Shape) -> np.ndarray:
    return rng.standard_t(3, shape)


def skewed(rng: Rng, shape: Shape) -> np.ndarray:
    return rng.exponential(size=shape)


def log_normal(sigma: float) -> Draw:
    """Normal, the logarithms of the variants' deviations having a deviation of ``sigma``."""
    return lambda rng, shape: rng.normal(size=shape) * np.exp(sigma * rng.normal(size=(*shape[:2], 1)))


def scaled(variant: int, factor: float) -> Draw:
    """Normal, one variant's deviation being ``factor``."""

    def draw(rng: Rng, shape: Shape) -> np.ndarray:
        found = rng.normal(size=shape)
        found[:, variant] *= factor
        return found

    return draw


def collapses(rng: Rng, shape: Shape) -> np.ndarray:
    """Normal, but one run in twenty ends six deviations lower."""
    return rng.normal(size=shape) - 6 * (rng.random(shape) < 0.05)


def own_seed_effect(rng: Rng, shape: Shape) -> np.ndarray:
    """Half of the variants have in common what a seed does to them, with twice the deviation."""
    found = rng.normal(size=shape)
    found[:, shape[1] - shape[1] // 2 :] += 2 * rng.normal(size=(shape[0], 1, shape[2]))
    return found


def copies(rng: Rng, shape: Shape) -> np.ndarray:
    """Half of the variants are the baseline but for a twentieth of its deviation."""
    found = rng.normal(size=shape)
    half = slice(1, 1 + max((shape[1] - 1) // 2, 1))
    found[:, half] = found[:, :1] + 0.05 * found[:, half]
    return found


def accuracies(examples: int, mean: float) -> Draw:
    """Shares of test examples; seeds move all variants by 0.3 points, runs as much or by chance among the examples."""

    def draw(rng: Rng, shape: Shape) -> np.ndarray:
        right = mean + 0.003 * rng.normal(size=(shape[0], 1, shape[2])) * (1 - mean) / 0.026
        return rng.binomial(examples, np.clip(right, 0, 1), shape) / examples

    return draw


def missing(rng: Rng, shape: Shape) -> np.ndarray:
    """Normal, one run in ten having failed."""
    return np.where(rng.random(shape) < 0.1, np.nan, rng.normal(size=shape))


KINDS: dict[str, Draw] = {
    "normal": normal,
    "heavy tails (t3)": t3,
    "skewed": skewed,
    "deviations log-normal, 0.5": log_normal(0.5),
    "deviations log-normal, 0.9": log_normal(0.9),
    "one variant x5": scaled(1, 5.0),
    "baseline x3": scaled(0, 3.0),
    "baseline x5": scaled(0, 5.0),
    "baseline x0.2": scaled(0, 0.2),
    "1 in 20 collapses": collapses,
    "half with a seed effect": own_seed_effect,
    "half near-copies": copies,
    "359 test examples": accuracies(359, 0.974),
    "359, near 99.5 %": accuracies(359, 0.995),
    "10,000, near 99.5 %": accuracies(10_000, 0.995),
    "missing pairs": missing,
}


class Rates(NamedTuple):
    """Shares of sweeps with a false verdict by Student's t with Holm (old) and as regab judges (new), the coverage of
    the variant whose interval covers least and most often, and the share of comparisons found to be better.
    """

    old: float
    new: float
    covers_least: float
    covers_most: float
    old_power: float
    power: float


def steps(values: np.ndarray) -> np.ndarray:
    """Each sweep's resolution ``[sweeps, 1]``; none where values are no shares of a test set."""
    shares = np.unique(values[:1]).size < values[:1].size / 2 or np.allclose(values[0] * 1e4, np.round(values[0] * 1e4))
    if not shares:
        return np.full((len(values), 1), 1e-9)
    return np.array([resolution(sweep) for sweep in values])[:, None]


def differences(values: np.ndarray, step: np.ndarray) -> Paired:
    return paired(values[:, 1:] - values[:, :1], step)


def judge(values: np.ndarray, effect: float = 0.0) -> Rates:
    """What is made of sweeps whose variants are all better than the baseline by ``effect`` beyond ``values``."""
    step = steps(values)
    shifted = values.copy()
    shifted[:, 1:] += effect
    found = differences(shifted, step)
    with np.errstate(invalid="ignore"):
        old, new = (holm(p) < LEVEL for p in (found.p, p_value(found)))
        low = np.where(new & (found.mean > 0), np.maximum(found.low, 0), found.low)
        high = np.where(new & (found.mean < 0), np.minimum(found.high, 0), found.high)
        inside = np.where(np.isnan(low), np.nan, (low <= effect) & (effect <= high))
    covered = np.nanmean(inside, axis=0)
    better = found.mean > 0
    return Rates(
        old.any(1).mean(), new.any(1).mean(), covered.min(), covered.max(), (old & better).mean(), (new & better).mean()
    )


def simulate(kind: str, variants: int, seeds: int, sweeps: int, seed: int = 0) -> np.ndarray:
    """Sweeps ``[sweeps, variants, seeds]`` in which nothing differs."""
    rng = np.random.default_rng([seed, variants, seeds, *kind.encode()])
    return KINDS[kind](rng, (sweeps, variants, seeds))


class Added(NamedTuple):
    """What ``--seeds auto`` does: any verdict, the share of comparisons with one, runs per sweep."""

    any: float
    power: float
    runs: float


def add_seeds(values: np.ndarray, effect: float, looks: list[tuple[int, float]] | None = None) -> Added:
    """Seeds are added to the baseline and to what has no verdict yet, ``values`` having as many as there may be."""
    gaps, step = values[:, 1:] - values[:, :1] + effect, steps(values)
    counts = np.zeros(gaps.shape[:2], int)
    found = np.zeros(gaps.shape[:2], bool)
    runs = np.zeros(len(values))
    for seeds, level in looks or automatic(values.shape[2]):
        open_ = ~found.all(1)
        counts[~found] = seeds
        runs[open_] = seeds
        seen = np.where(np.arange(gaps.shape[2]) < counts[open_][..., None], gaps[open_], np.nan)
        with np.errstate(invalid="ignore"):
            found[open_] |= holm(p_value(paired(seen, step[open_]))) < level
    return Added(found.any(1).mean(), found.mean(), (runs + counts.sum(1)).mean())
