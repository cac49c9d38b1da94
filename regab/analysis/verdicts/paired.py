"""The arithmetic of verdicts: paired differences in, intervals and probabilities out.

Everything takes and gives arrays, the last axis of differences being the pairs, so that thousands of simulated sweeps
are judged by the very lines that judge a real one.
"""

from __future__ import annotations

from functools import partial, reduce
from typing import NamedTuple

import numpy as np

LEVEL = 0.05  # of a whole sweep's false verdicts, and one minus the coverage of each interval
FEWEST = 3  # pairs from which on there is an interval
FOLD_STEPS = 8  # so many steps that all values share, or more, in one of a fold: its own, and the other a coincidence


class Paired(NamedTuple):
    """What pairs say, ``[…]`` each. NaN where there are fewer than three pairs, but for ``n`` and ``mean``."""

    n: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    better: np.ndarray
    deviation: np.ndarray
    freedom: np.ndarray
    error: np.ndarray

    @property
    def effect(self) -> np.ndarray:
        """The mean in deviations; 0 where both are."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(np.isnan(self.deviation), np.nan, _ratio(self.mean, self.deviation))


def paired(
    differences: np.ndarray,
    step: np.ndarray | float = 0.0,
    shared: float = 0.0,
    freedom: np.ndarray | None = None,
) -> Paired:
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
        freedom = np.where(n >= FEWEST, n - 1.0 if freedom is None else freedom, np.nan)
        error = deviation * np.sqrt(1 / n + shared)
        reach = stdtrit(freedom, 1 - LEVEL / 2) * error
        p = 2 * stdtr(freedom, -np.abs(_ratio(mean, error)))
        better = stdtr(freedom, _ratio(mean, np.hypot(deviation, error)))
    deviation = np.where(n >= FEWEST, deviation, np.nan)
    return Paired(n, mean, mean - reach, mean + reach, p, better, deviation, freedom, error)


def _ratio(value: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.where(value == 0, 0.0, value / scale)


def resolution(values: np.ndarray, folds: np.ndarray | None = None) -> float:
    """The step of which all differences between values are multiples, such as one example of a test set.

    For a metric without such a step, what float32 can tell apart. ``folds`` says of each row of ``values`` which fold
    it is of; where folds differ in size, and so in their steps, the step is that of the largest. Where no fold's values
    differ, each is a share of its examples: 28/29 of 29, or of a multiple (0 and 1 do not tell).
    """
    distinct = _distinct(values)
    if not len(distinct):
        return 0.0
    size = np.abs(distinct).max()
    step = _step(np.diff(distinct), 1e-5 * size)
    own = [_distinct(values[folds == fold]) for fold in np.unique(folds)] if folds is not None else [distinct]
    own = [v for v in own if len(v) > 1] or [np.append(v, 1.0) for v in own if len(v) and 0 < v[0] < 1]
    of_folds = min((_step(v, 1e-6 * size) for v in own), default=0.0)
    step = of_folds if FOLD_STEPS * step < of_folds else step
    return float(step if step > 1e-3 * (distinct[-1] - distinct[0]) else 1e-6 * size)


def _distinct(values: np.ndarray) -> np.ndarray:
    """In order, those that are equal in float32 once."""
    found = np.unique(values[np.isfinite(values)])
    return found[np.diff(found, prepend=-np.inf) > 1e-6 * np.abs(found).max(initial=0.0)]


def _step(lengths: np.ndarray, tolerance: float) -> float:
    """Of which all these lengths are multiples; 0 of none."""
    return reduce(partial(_common_step, tolerance=tolerance), lengths, 0.0)


def _common_step(a: float, b: float, tolerance: float) -> float:
    """Euclid's greatest common divisor of two lengths, known to a tolerance."""
    while b > tolerance:
        a, b = b, abs(a - b * round(a / b))
    return a
