"""Many comparisons, one promise: p-values adjusted so that rejecting those below a level keeps it for all together."""

from __future__ import annotations

import numpy as np

PASSED = 0.5  # of a factor's level, once it has its verdict, to interactions and variants; the rest to other factors


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


def gatekept(first: np.ndarray, then: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Adjusted p-values of two families, ``then`` being tested with what ``first`` does not use up.

    The whole level begins with the first family, in equal parts. A hypothesis that is rejected passes half of its part
    to those of its own family that are not, half to the second family (all, where either has none left), which shares
    equally: the graphical procedure of Bretz, Maurer, Brannath & Posch (2009, Statistics in Medicine 28:586-604). It
    keeps the level for both families together, whatever the dependence and whichever hypotheses are true. Without a
    first family: Holm over the second.
    """
    p = np.concatenate([first, then])
    tested = ~np.isnan(p)
    is_first = np.arange(len(p)) < len(first)
    adjusted, left, reached = np.full(len(p), np.nan), tested.copy(), 0.0
    weights = np.where(tested & is_first, 1.0, 0.0) if (tested & is_first).any() else tested.astype(float)
    weights /= max(weights.sum(), 1.0)
    while left.any():
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(left & (weights > 0), p / weights, np.inf)
        if not np.isfinite(ratio).any():
            break
        best = int(np.argmin(ratio))
        reached = adjusted[best] = min(max(reached, ratio[best]), 1.0)
        left[best] = False
        _pass_on(weights, best, left & is_first, left & ~is_first, is_first[best])
    adjusted[tested & left] = 1.0
    return adjusted[: len(first)], adjusted[len(first) :]


def _pass_on(weights: np.ndarray, best: int, first: np.ndarray, then: np.ndarray, of_first: bool) -> None:
    part, weights[best] = weights[best], 0.0
    share = (PASSED if then.any() else 0.0) if of_first and first.any() else 1.0
    if share < 1:
        weights[first] += part * (1 - share) / first.sum()
    if then.any():
        weights[then] += part * share / then.sum()
    elif not of_first and first.any():
        weights[first] += part / first.sum()
