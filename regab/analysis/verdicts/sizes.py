"""How large an effect is, how many seeds would find it, and whether it is too small to matter."""

from __future__ import annotations

import numpy as np

from regab.analysis.verdicts.paired import LEVEL

POWER = 0.8
FAR = 1000  # seeds that nobody is going to train


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


def shrunken(mean: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Estimates without the luck by which the largest of many stand out: mean · A / (A + error²), over the last axis.

    A, the variance of the true effects around zero, is what the means' squares have beyond their errors', none if that
    is negative (Efron & Morris 1973, JASA 68:117-130). NaN where there is no error.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        known = np.isfinite(error)
        beyond = np.where(known, mean**2 - error**2, 0).sum(-1, keepdims=True) / known.sum(-1, keepdims=True)
        spread = np.maximum(beyond, 0)
        return np.where(error == 0, mean, mean * spread / (spread + error**2))
