"""What the comparisons of a sweep tell about each other's variance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from regab.analysis.paired import Paired

# How unequal variances are: degrees of freedom k of the distribution they come from (1: deviations differ tenfold and
# more, 30: by a quarter), with their weights before the sweep is seen. From real sweeps: tests/real_sweeps.csv.
FREEDOMS = np.array([0.1, 0.3, 1.0, 3.0, 10.0, 30.0])
WEIGHTS = np.array([0.24, 0.18, 0.25, 0.18, 0.08, 0.06])
SCALES = np.exp(np.linspace(-3, 3, 11))  # of the typical variance, in means of the sweep's own
BORROWED = 0.9  # of the level, for what is learned from the sweep; the rest for a comparison's own variance
INDEPENDENT, MOST = 0.5, 4.4  # a comparison counts as so much of an independent one, all together as at most so many


class Borrowed(NamedTuple):
    """Errors of means whose variances learn from each other, as a mixture: ``[components, …, comparisons]`` each."""

    weights: np.ndarray
    error: np.ndarray
    freedom: np.ndarray

    def beyond(self, distance: np.ndarray) -> np.ndarray:
        """The probability that an estimate lies more than so far above its true value, ``[…, comparisons]``."""
        from scipy.special import stdtr

        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.where(distance == 0, 0.0, distance / self.error)
        return (self.weights * stdtr(self.freedom, -ratio)).sum(0)


def borrow(variance: np.ndarray, freedom: np.ndarray, share: np.ndarray, size: np.ndarray | float = 1.0) -> Borrowed:
    """Learn the variances of comparisons, the last axis, from each other.

    ``variance`` s² with its degrees of freedom ν, and ``share`` of it that is the variance of the mean (1/n). ``size``
    is the deviation that a comparison would have if all runs varied alike. NaN takes no part.

    Model: s²/size² has a true value that comes from a scaled inverse χ² distribution with k degrees of freedom around a
    typical variance s₀². If k and s₀ were known, the mean would have Student's t with ν + k degrees of freedom and
    variance (νs² + k·size²s₀²)/(ν + k) (Smyth 2004, Stat. Appl. Genet. Mol. Biol. 3:3). They are not, and k least of
    all: plugging an estimate in gives up to 24 % false verdicts where deviations differ. So both are averaged over
    their posterior, given the variances of the whole sweep. As comparisons share a baseline, whose noise may dominate,
    their likelihood counts half, and all together as at most 4.4. Where one variance stands out, small k take over and
    the comparison keeps its own variance. A comparison alone has Student's t.
    """
    scaled = variance / np.square(size)
    known = np.isfinite(scaled) & np.isfinite(freedom)
    count = known.sum(-1, keepdims=True)
    typical = np.where(known, scaled, 0).sum(-1, keepdims=True) / np.maximum(count, 1)
    nu, own = np.where(known, freedom, np.nan), np.where(known, variance, np.nan)
    k, centre = (grid.reshape(-1, *(1,) * variance.ndim) for grid in np.meshgrid(FREEDOMS, SCALES, indexing="ij"))
    with np.errstate(invalid="ignore", divide="ignore"):
        excess = np.where(typical > 0, scaled / (typical * centre), 1.0)
        evidence = np.where(known, _log_density(excess, nu, k, centre), 0).sum(-1, keepdims=True)
        evidence = np.minimum(INDEPENDENT, MOST / np.maximum(count, 1)) * evidence
    weights = np.repeat(WEIGHTS, len(SCALES)).reshape(k.shape) * np.exp(evidence - evidence.max(0))
    prior = np.where(count > 1, k, 0.0)
    with np.errstate(invalid="ignore"):
        error = np.sqrt(share * (nu * own + prior * centre * typical * np.square(size)) / (nu + prior))
    return Borrowed(weights / weights.sum(0), error, nu + prior)


def _log_density(ratio: np.ndarray, nu: np.ndarray, k: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """The logarithm of F(ν, k)'s density of s²/s₀², as far as it depends on k and s₀."""
    from scipy.special import betaln

    constant = nu / 2 * np.log(nu / k) - betaln(nu / 2, k / 2) - nu / 2 * np.log(centre)
    return constant - (nu + k) / 2 * np.log1p(nu * ratio / k)


def beyond(found: Paired, distance: np.ndarray, size: np.ndarray | float = 1.0) -> np.ndarray:
    """The probability that an estimate lies more than ``distance`` above its true value, ``[…, comparisons]``.

    By ``borrow``, for nine tenths of the level, or by Student's t with the comparison's own variance for the last
    tenth, whichever says less: together they keep the level (Bonferroni). So one comparison whose runs collapsed does
    not silence the others where these are too few to tell that it is the odd one. A comparison alone has Student's t.
    """
    from scipy.special import stdtr

    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(found.deviation > 0, (found.error / found.deviation) ** 2, 1 / found.n)
        own = stdtr(found.freedom, -np.where(distance == 0, 0.0, distance / found.error))
    learned = borrow(np.square(found.deviation), found.freedom, share, size).beyond(distance)
    alone = np.sum(np.isfinite(found.p), axis=-1, keepdims=True) < 2
    either = np.minimum(np.minimum(learned / BORROWED, own / (1 - BORROWED)), np.maximum(learned, 0.5))
    return np.where(alone, own, either)


def p_value(found: Paired, size: np.ndarray | float = 1.0) -> np.ndarray:
    """Two-sided, of no difference."""
    return np.minimum(2 * beyond(found, np.abs(found.mean), size), 1.0)
