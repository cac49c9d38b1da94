"""The arithmetic of verdicts: paired differences in, intervals, probabilities and words out.

Everything takes and gives arrays, the last axis of differences being the pairs, so that thousands of simulated sweeps
are judged by the very lines that judge a real one.
"""

from __future__ import annotations

from functools import partial, reduce
from typing import NamedTuple

import numpy as np

LEVEL = 0.05  # of a whole sweep's false verdicts, and one minus the coverage of each interval
POWER = 0.8
FEWEST = 3  # pairs from which on there is an interval
FOLD_STEPS = 8  # so many steps that all values share, or more, in one of a fold: its own, and the other a coincidence
FAR = 1000  # seeds that nobody is going to train

HELPS, HURTS, NO_EVIDENCE = "helps", "hurts", "no evidence"
NO_DIFFERENCE, TOO_FEW, BASELINE = "no practical difference", "too few seeds", "baseline"


class Paired(NamedTuple):
    """What pairs say, ``[…]`` each. NaN where there are fewer than three pairs, but for ``n`` and ``mean``."""

    n: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    better: np.ndarray
    deviation: np.ndarray

    @property
    def effect(self) -> np.ndarray:
        """The mean in deviations; 0 where both are."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(np.isnan(self.deviation), np.nan, _ratio(self.mean, self.deviation))


def paired(differences: np.ndarray, step: np.ndarray | float = 0.0, shared: float = 0.0) -> Paired:
    """Student's paired t (1908, Biometrika 6:1-25) on ``differences […, n]``, NaN where a pair is missing.

    The mean difference lies within mean ± t(n − 1)·s·√(1/n + shared) at 95 %. Each comparison has its own deviation s,
    so variants may differ in spread; each pair its own seed, so what a seed does to both cancels.

    ``step`` is the resolution of the metric (one example more or less, for an accuracy): rounding to it has a variance
    of step²/12 (Sheppard 1898), which is added to s². Otherwise three equal differences, which happen by chance on a
    small test set, would be infinite evidence: with 12 variants, 3 seeds and 359 test images, a fifth of all sweeps in
    which nothing differs would get a verdict (``tests.benchmarks.calibration``). ``shared`` is the size of the
    test set over that of the training set where replicates are folds, whose training sets overlap (Nadeau & Bengio
    2003, Machine Learning 52:239-281); 0 where they are seeds.

    ``better`` is the probability that one more pair has a positive difference, T(mean / (s·√(1 + 1/n + shared))) with
    Student's distribution function T: the predictive counterpart of the interval (Geisser 1993), and the quantity by
    which Bouthillier et al. (2021, MLSys) compare algorithms.
    """
    from scipy.special import stdtr, stdtrit

    with np.errstate(invalid="ignore", divide="ignore"):
        n = np.sum(~np.isnan(differences), axis=-1)
        mean = np.nansum(differences, axis=-1) / n
        squares = np.nansum((differences - mean[..., None]) ** 2, axis=-1)
        deviation = np.sqrt(squares / (n - 1) + np.square(step) / 12)
        freedom = np.where(n >= FEWEST, n - 1.0, np.nan)
        error = deviation * np.sqrt(1 / n + shared)
        reach = stdtrit(freedom, 1 - LEVEL / 2) * error
        p = 2 * stdtr(freedom, -np.abs(_ratio(mean, error)))
        better = stdtr(freedom, _ratio(mean, np.hypot(deviation, error)))
    return Paired(n, mean, mean - reach, mean + reach, p, better, np.where(n >= FEWEST, deviation, np.nan))


def _ratio(value: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.where(value == 0, 0.0, value / scale)


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down adjustment (1979, Scand. J. Statist. 6:65-70) over the last axis; NaN stay out of the family.

    Rejecting what is below 0.05 keeps the chance of any false rejection in the family at or below 0.05, whatever the
    dependence between the comparisons (here they have the baseline in common).
    """
    order = np.argsort(p, axis=-1)  # NaN last
    size = np.sum(~np.isnan(p), axis=-1, keepdims=True)
    scaled = np.take_along_axis(p, order, -1) * np.maximum(size - np.arange(p.shape[-1]), 1)
    adjusted = np.empty_like(scaled)
    np.put_along_axis(adjusted, order, np.minimum(np.maximum.accumulate(scaled, axis=-1), 1.0), -1)
    return adjusted


def pairs_needed(effect: np.ndarray, comparisons: int, shared: float = 0.0) -> np.ndarray:
    """How many pairs find a true difference of ``effect`` paired standard deviations with a probability of 0.8.

    Two-sided at 0.05 / comparisons, the level of Holm's first step. Guenther's (1981, Am. Statistician 35:243-244)
    closed form n = ((z₁₋ₐ/₂ + z₀.₈) / effect)² + z₁₋ₐ/₂² / 2. Infinite where no number of pairs does.
    """
    from scipy.special import ndtri

    z, power = ndtri(1 - LEVEL / comparisons / 2), ndtri(POWER)
    with np.errstate(divide="ignore", invalid="ignore"):
        independent = ((z + power) / np.abs(effect)) ** 2 + z**2 / 2
        share = 1 / independent - shared  # of the variance of one pair, in the mean of n: 1/n + shared
        return np.where(share > 0, np.ceil(1 / share), np.where(np.isnan(effect), np.nan, np.inf))


def resolution(values: np.ndarray, folds: np.ndarray | None = None) -> float:
    """The step of which all differences between values are multiples, such as one example of a test set.

    For a metric without such a step, what float32 can tell apart. ``folds`` says of each row of ``values`` which fold
    it is of; where folds differ in size, and so in their steps, the step is that of the largest.
    """
    distinct = np.unique(values[np.isfinite(values)])
    if not len(distinct):
        return 0.0
    size = np.abs(distinct).max()
    step = reduce(partial(_common_step, tolerance=1e-5 * size), np.diff(distinct), 0.0)
    if folds is not None and FOLD_STEPS * step < (own := _step_of_folds(values, folds, 1e-6 * size)):
        step = own
    return float(step if step > 1e-3 * (distinct[-1] - distinct[0]) else 1e-6 * size)


def _step_of_folds(values: np.ndarray, folds: np.ndarray, tolerance: float) -> float:
    """The least of the folds' own steps, of which their values themselves are multiples; 0 where none varies."""
    own = [np.unique(part[np.isfinite(part)]) for fold in np.unique(folds) if (part := values[folds == fold]).size]
    return min((reduce(partial(_common_step, tolerance=tolerance), v, 0.0) for v in own if len(v) > 1), default=0.0)


def _common_step(a: float, b: float, tolerance: float) -> float:
    """Euclid's greatest common divisor of two lengths, known to a tolerance."""
    while b > tolerance:
        a, b = b, abs(a - b * round(a / b))
    return a


def verdicts(found: Paired, adjusted: np.ndarray, practical: float, upwards: bool) -> np.ndarray:
    """One word for each comparison. A difference that is certainly too small to matter is none, even if it is real."""
    negligible = (practical > 0) & (found.low >= -practical) & (found.high <= practical)
    real = adjusted < LEVEL
    good = (found.mean > 0) == upwards
    cases = [np.isnan(adjusted), negligible, real & good, real]
    return np.select(cases, [TOO_FEW, NO_DIFFERENCE, HELPS, HURTS], NO_EVIDENCE)


def in_words(verdict: str, seeds: int, needed: float) -> str:
    """A verdict with what would change it: ``no evidence (about 4 more seeds would tell)``."""
    if verdict != NO_EVIDENCE:
        return verdict
    if not needed <= FAR:
        return f"{verdict} ({FAR:,} seeds would not tell)"
    more = max(int(needed) - seeds, 1)
    return f"{verdict} (about {more} more seed{'s' if more > 1 else ''} would tell)"
