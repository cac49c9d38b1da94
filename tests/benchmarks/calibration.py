"""Do the verdicts keep their promises? Thousands of simulated sweeps, judged by the lines that judge real ones.

    python -m tests.benchmarks.calibration

What seeds and noise do to a test accuracy is taken from a real sweep,

    regab train -m model=mlp reg.dropout=0,0.5 reg.weight_decay=0,1 --seeds 40

whose 160 runs have a mean of 97.4 %, a deviation of 0.30 points between seeds (common to all variants of a seed), as
much again between the runs of a seed (kurtosis 4.0), and 359 test images.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import numpy as np

from regab.analysis.family import holm
from regab.analysis.paired import LEVEL, paired, resolution

MEAN, SEED, NOISE, EXAMPLES = 0.974, 0.0030, 0.0030, 359
SWEEPS = 10_000
SEEDS, VARIANTS = (3, 5, 10), (2, 4, 12)

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.normal(size=shape)


def heavy_tails(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Student's t with 3 degrees of freedom, of variance 1."""
    return rng.standard_t(3, shape) / np.sqrt(3)


def unequal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Normal; the deviations of variants differ up to ninefold."""
    return rng.normal(size=shape) * np.geomspace(1 / 3, 3, shape[1])[rng.permutation(shape[1])][None, :, None]


def collapses(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Normal, but one run in twenty ends six deviations lower."""
    return rng.normal(size=shape) - 6 * (rng.random(shape) < 0.05)


NOISES: dict[str, Draw] = {
    "normal": normal,
    "heavy tails (t3)": heavy_tails,
    "unequal variances": unequal,
    "1 in 20 collapses": collapses,
}


class Rates(NamedTuple):
    """Shares of sweeps with a false verdict, of intervals that cover, and of comparisons that got their verdict."""

    false: float
    coverage: float
    power: float


def simulate(noise: Draw, seeds: int, variants: int, rng: np.random.Generator, sweeps: int = SWEEPS) -> np.ndarray:
    """Test accuracies ``[sweeps, variants, seeds]`` of sweeps in which nothing differs, in whole examples."""
    of_seed = SEED * rng.normal(size=(sweeps, 1, seeds))
    accuracy = MEAN + of_seed + NOISE * noise(rng, (sweeps, variants, seeds))
    return np.round(accuracy * EXAMPLES) / EXAMPLES


def judge(accuracy: np.ndarray, effect: float = 0.0, rounded: bool = True) -> Rates:
    """What ``compare`` makes of sweeps whose first variant is the baseline; the others are better by ``effect``.

    Unless ``rounded``, as if the metric had no resolution, by Student's t alone.
    """
    differences = accuracy[:, 1:] - accuracy[:, :1] + effect
    step = np.array([resolution(sweep) for sweep in accuracy])[:, None] if rounded else 1e-9
    found = paired(differences, step)
    named = holm(found.p) < LEVEL
    covered = (found.low <= effect) & (effect <= found.high)
    return Rates(named.any(axis=1).mean(), covered.mean(), (named & (found.mean > 0)).mean())


def table(sweeps: int = SWEEPS) -> dict[tuple[str, int, int], Rates]:
    """The rates without any true difference, for every kind of noise, number of variants and of seeds."""
    rng = np.random.default_rng(0)
    return {
        (name, variants, seeds): judge(simulate(NOISES[name], seeds, variants, rng, sweeps))
        for name, variants, seeds in product(NOISES, VARIANTS, SEEDS)
    }


def power(seeds: int, variants: int, deviations: float, sweeps: int = SWEEPS) -> float:
    """The share of variants that are found to help when all do, by so many paired standard deviations."""
    accuracy = simulate(normal, seeds, variants, np.random.default_rng(1), sweeps)
    return judge(accuracy, effect=deviations * np.sqrt(2) * NOISE).power


def of_other_methods(seeds: int, sweeps: int = 2_000) -> dict[str, tuple[float, float]]:
    """For two variants: how often nothing is called something at 5 %, and one paired deviation is found."""
    import scipy.stats

    accuracy, effect = simulate(normal, seeds, 2, np.random.default_rng(2), sweeps), np.sqrt(2) * NOISE
    base, other = accuracy[:, 0], accuracy[:, 1]

    def rates(p: Callable[[np.ndarray], np.ndarray]) -> tuple[float, float]:
        return (p(other) < 0.05).mean(), (p(other + effect) < 0.05).mean()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy's, of equal values
        return {
            "paired t (regab)": (judge(accuracy).false, judge(accuracy, effect).power),
            "Welch's t, unpaired": rates(lambda x: scipy.stats.ttest_ind(x, base, axis=1, equal_var=False).pvalue),
            "bootstrap interval": rates(lambda x: bootstrap(x - base)),
        }


def bootstrap(differences: np.ndarray, times: int = 999) -> np.ndarray:
    """0 where the 95 % percentile interval of the mean leaves out zero, else 1."""
    drawn = np.random.default_rng(3).integers(differences.shape[1], size=(times, differences.shape[1]))
    low, high = np.percentile(differences[:, drawn].mean(axis=2), [2.5, 97.5], axis=1)
    return ((low <= 0) & (high >= 0)).astype(float)


def main() -> None:
    print(f"{SWEEPS:,} sweeps each in which nothing differs (97.4 %, 359 test images, deviations from real runs)\n")
    print(f"{'noise':20} {'variants':>8} {'seeds':>6} {'false verdicts':>15} {'95 % intervals cover':>21}")
    for (name, variants, seeds), rates in table().items():
        print(f"{name:20} {variants:8} {seeds:6} {rates.false:15.1%} {rates.coverage:21.1%}")
    print("\nPower: how often a variant that is better by so many paired standard deviations is said to help")
    print(f"{'variants':>8} {'seeds':>6} " + " ".join(f"{d:>6}" for d in (0.5, 1.0, 2.0)))
    for variants, seeds in product(VARIANTS, SEEDS):
        print(f"{variants:8} {seeds:6} " + " ".join(f"{power(seeds, variants, d):6.0%}" for d in (0.5, 1.0, 2.0)))
    print("\nThe same by other methods, two variants, normal noise")
    print(f"{'seeds':>6}  {'method':24} {'false verdicts':>15} {'found at 1.0':>13}")
    for seeds in SEEDS:
        for name, (false, found) in of_other_methods(seeds).items():
            print(f"{seeds:6}  {name:24} {false:15.1%} {found:13.0%}")
    naive = judge(simulate(normal, 3, 12, np.random.default_rng(4)), rounded=False)
    print(f"\nStudent's t without the metric's resolution, 12 variants, 3 seeds: {naive.false:.0%} false verdicts")


if __name__ == "__main__":
    main()
