"""What the comparisons of a sweep tell about each other's variance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from regab.analysis.verdicts.paired import Paired

# How unequal variances are: degrees of freedom k of the distribution they come from (0.5: deviations differ a
# hundredfold, 30: by a quarter), with their weights before the sweep is seen, and how many come from none. Real sweeps
# (tests/real_sweeps.csv) have a few odd variances beside others that differ as by k = 2 or k = 30.
FREEDOMS = np.array([0.5, 2.0, 8.0, 30.0])
WEIGHTS = np.array([0.2, 0.3, 0.25, 0.25])
ODD = 0.15
SPAN = 12.0  # of the logarithm of an odd variance, which is anything
# Of the typical variance, in means of the sweep's own. Up to 150 times as much, as two degrees of freedom leave open:
# with 20 times at most, 5.9 % of sweeps with two comparisons, one a near-copy of the baseline, had a false verdict.
SCALES = np.exp(np.linspace(-3, 5, 13))
INDEPENDENT, MOST = 0.7, 5.0  # a comparison counts as so much of an independent one, all together as at most so many


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

    Model: most of the s²/size² have true values that come from a scaled inverse χ² distribution with k degrees of
    freedom around a typical variance s₀²; some are odd, and may be anything. If it were known which, and k and s₀, the
    mean would have Student's t with ν + k degrees of freedom and variance (νs² + k·size²s₀²)/(ν + k) (Smyth 2004, Stat.
    Appl. Genet. Mol. Biol. 3:3), or its own with ν. It is not, and k least of all: plugging an estimate in gives up to
    24 % false verdicts where deviations differ. So all is averaged over its posterior, given the variances of the whole
    sweep. As comparisons share a baseline, whose noise may dominate, their likelihood counts 0.7, and all together as
    at most 5. Near-copies of the baseline and runs that collapse are odd, and neither make the others' variance too
    small nor too large. A comparison alone has Student's t.
    """
    scaled = variance / np.square(size)
    known = np.isfinite(scaled) & np.isfinite(freedom)
    count = known.sum(-1, keepdims=True)
    typical = np.where(known, scaled, 0).sum(-1, keepdims=True) / np.maximum(count, 1)
    nu, own = np.where(known, freedom, np.nan), np.where(known, variance, np.nan)
    k, centre = (grid.reshape(-1, *(1,) * variance.ndim) for grid in np.meshgrid(FREEDOMS, SCALES, indexing="ij"))
    with np.errstate(invalid="ignore", divide="ignore"):
        usual = (1 - ODD) * _density(np.where(typical > 0, scaled / (typical * centre), 1.0), nu, k)
        odd = ODD / SPAN / (usual + ODD / SPAN)
        evidence = np.where(known, np.log(usual + ODD / SPAN), 0).sum(-1, keepdims=True)
        evidence = np.minimum(INDEPENDENT, MOST / np.maximum(count, 1)) * evidence
        error = np.sqrt(share * (nu * own + k * centre * typical * np.square(size)) / (nu + k))
    weights = np.repeat(WEIGHTS, len(SCALES)).reshape(k.shape) * np.exp(evidence - evidence.max(0))
    weights = np.where(count > 1, weights / weights.sum(0) * (1 - odd), 0.0)
    alone = 1 - weights.sum(0, keepdims=True)
    return Borrowed(*map(np.concatenate, ((weights, alone), (error, np.sqrt(share * own)[None]), (nu + k, nu[None]))))


def _density(ratio: np.ndarray, nu: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Of the logarithm of a ratio s²/s₀² that has the F distribution with ν and k degrees of freedom."""
    from scipy.special import betaln

    constant = nu / 2 * np.log(nu / k) - betaln(nu / 2, k / 2)
    return np.exp(constant + nu / 2 * np.log(ratio) - (nu + k) / 2 * np.log1p(nu * ratio / k))


def beyond(found: Paired, distance: np.ndarray, size: np.ndarray | float = 1.0) -> np.ndarray:
    """The probability that an estimate lies more than ``distance`` above its true value, ``[…, comparisons]``."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(found.deviation > 0, (found.error / found.deviation) ** 2, 1 / found.n)
    return borrow(np.square(found.deviation), found.freedom, share, size).beyond(distance)


def p_value(found: Paired, size: np.ndarray | float = 1.0) -> np.ndarray:
    """Two-sided, of no difference."""
    return np.minimum(2 * beyond(found, np.abs(found.mean), size), 1.0)
