"""Contrasts of variants: pairs, main effects, interactions, with a value for every replicate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from regab.analysis.baseline import Levels, Variants

Term = tuple[tuple[str, str], ...]  # factors and the levels they are at: one for a main effect, two for an interaction


class Estimates(NamedTuple):
    """Contrasts of variants. ``values [contrasts, replicates]``: what each replicate says, NaN where it says nothing;
    an estimate is their mean, with the standard error of a mean. ``freedom [contrasts]``: degrees of freedom of that.
    ``weights [contrasts, variants]``: of the variants' means, were no run missing.
    """

    values: np.ndarray
    freedom: np.ndarray
    weights: np.ndarray

    @property
    def size(self) -> np.ndarray:
        """The deviation of a contrast over that of a difference of two runs, if all runs vary alike: √(Σw²/2)."""
        return np.sqrt(np.square(self.weights).sum(-1) / 2)


def pairs(values: np.ndarray, base: int) -> Estimates:
    """``values [replicates, variants]``: every variant but the baseline minus the baseline."""
    differences = np.delete(values - values[:, [base]], base, axis=1).T
    weights = np.delete(np.eye(values.shape[1]), base, axis=0)
    weights[:, base] = -1
    return Estimates(differences, np.sum(~np.isnan(differences), axis=-1) - 1.0, weights)


class Design(NamedTuple):
    """A linear model of variants. ``terms``: those of an order that can be estimated; ``columns``: where they stand in
    ``matrix [variants, all terms]``; ``weights [terms, variants]``: the sums of variants' means that estimate them.
    """

    terms: list[Term]
    columns: np.ndarray
    matrix: np.ndarray
    weights: np.ndarray


def design(variants: Variants, reference: Levels, order: int) -> Design:
    """The model with all terms up to an order, of which those of that order are asked for.

    A coefficient can be estimated where its axis lies in the row space of the matrix X, where (X⁺X) leaves it as it is.
    """
    levels = {f: [*dict.fromkeys(v[f] for v in variants.values() if v[f] != reference[f])] for f in reference}
    terms = [term for size in range(order + 1) for term in _terms(levels, size)]
    matrix = np.array([[all(v[f] == level for f, level in term) for term in terms] for v in variants.values()], float)
    matrix = matrix.reshape(len(variants), len(terms))
    inverse = np.linalg.pinv(matrix)
    asked = np.flatnonzero([len(term) == order for term in terms] & _determined(inverse @ matrix))
    return Design([terms[i] for i in asked], asked, matrix, inverse[asked])


def _determined(projection: np.ndarray) -> np.ndarray:
    return np.isclose(projection.diagonal(), 1)


def _terms(levels: Mapping[str, Sequence[str]], size: int) -> list[Term]:
    """All choices of so many factors, each at one of its levels."""
    found: list[Term] = []
    for factors in combinations(levels, size):
        chosen: list[Term] = [()]
        for factor in factors:
            chosen = [(*term, (factor, level)) for term in chosen for level in levels[factor]]
        found += chosen
    return found


def least_squares(values: np.ndarray, model: Design) -> Estimates:
    """The terms' coefficients by ordinary least squares with replicates as blocks, on the runs that are there.

    ``values [replicates, variants]``, NaN where there is no run. With X_r the rows of the runs of replicate r, less
    their mean, and H = Σ X_rᵀX_r, the estimate is β = H⁺ Σ X_rᵀy_r: that of a regression with a dummy for every
    replicate. What replicate r adds, H⁺X_rᵀ(y_r − X_rβ), estimates its error whatever the variants' own deviations and
    correlations within a replicate are (Liang & Zeger 1986, Biometrika 73:13-22), with a share
    (H⁺X_rᵀX_rH⁺)_jj / H⁺_jj of what is known; degrees of freedom are 1/Σshare² − 1. In a full grid without failures all
    this is Student's t of the differences of means, replicate by replicate.
    """
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = there[:, :, None] * (model.matrix - _mean(there, model.matrix)[:, None])
    middle = np.nan_to_num(middle)  # [replicates, variants, terms]
    inverse = np.linalg.pinv(np.einsum("rvp,rvq->pq", middle, middle), hermitian=True)
    rows = np.einsum("jp,rvp->jrv", inverse[model.columns], middle)
    found = np.einsum("jrv,rv->j", rows, np.nan_to_num(values))
    beta = inverse @ np.einsum("rvp,rv->p", middle, np.nan_to_num(values))
    left = np.nan_to_num(values) - np.einsum("rvp,p->rv", middle, beta)
    return _by_replicate(found, np.einsum("jrv,rv->jr", rows, left), np.square(rows).sum(-1), model)


def _mean(there: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return (there @ matrix) / there.sum(1, keepdims=True)


def _by_replicate(found: np.ndarray, errors: np.ndarray, known: np.ndarray, model: Design) -> Estimates:
    """``errors`` and ``known [terms, replicates]`` as values whose mean and standard error are the estimate's."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share = known / known.sum(1, keepdims=True)
        replicates = np.sum(share > 1e-9, axis=1)
        concentration = np.square(share).sum(1)
        stretch = replicates * np.sqrt((1 - 1 / replicates) / (1 - concentration))
    stretch[replicates < 2] = 0  # a replicate alone has no error that could be seen
    values = np.where(share > 1e-9, found[:, None] + stretch[:, None] * errors, np.nan)
    return Estimates(values, 1 / concentration - 1, model.weights)
