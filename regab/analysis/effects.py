"""Factorial sweeps: what each factor does on average over the others, and what two do to each other.

The estimates are least squares over the variants, made for every replicate by itself: with a seed as block, whatever it
does to all variants cancels. Their intervals come from how the estimates vary between replicates (Student's t, as in
``compare``), so that variants may differ in spread and need not be independent within a seed, which pooling all
residuals into one error would presume. In a full grid the estimates are the differences of means; in any other design,
those that it leaves open (as a fraction does most interactions) are not reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from regab.analysis.baseline import Levels, Variants, find_baseline, off_levels, variants_of
from regab.analysis.compare import by_replicate, check_options, default_metric, judged
from regab.analysis.paired import HELPS, HURTS, resolution
from regab.records.columns import higher_is_better

if TYPE_CHECKING:
    from pandas import DataFrame

BETTER_TOGETHER, WORSE_TOGETHER = "better together", "worse together"
NUMBERS = ["n", "effect", "ci_low", "ci_high", "p_value", "p_adjusted"]
NUMBERS += ["probability_better", "seeds_needed", "verdict", "missing"]

Term = tuple[tuple[str, str], ...]  # factors and the levels they are at: one for a main effect, two for an interaction


def main_effects(
    results: DataFrame,
    baseline: str | Levels | None = None,
    metric: str | None = None,
    practical: float = 0.0,
    at: str = "selected",
) -> DataFrame:
    """One row per factor and level other than the baseline's: ``factor, level, reference, metric``, then ``n``
    (replicates), ``effect`` (mean at the level − mean at the reference, averaged over the other factors), ``ci_low`` to
    ``verdict`` as in ``compare``, Holm's family being this table, and ``missing``.

    Replicates in which a run failed are left out (``missing``), and variants that never finished. Raises UsageError.
    """
    found = _estimated(results, 1, baseline, metric, practical, at)
    rows = [{"factor": f, "level": level, "reference": off} for ((f, level),), (off,) in found.pop("terms")]
    return _table(["factor", "level", "reference"], rows, found)


def interactions(
    results: DataFrame,
    baseline: str | Levels | None = None,
    metric: str | None = None,
    practical: float = 0.0,
    at: str = "selected",
) -> DataFrame:
    """One row per pair of levels of two factors: ``factor, level, other, other_level, metric``, then as
    ``main_effects``.

    ``effect``: what both do together beyond the sum of what each does alone, (both − one) − (other − neither), averaged
    over the remaining factors. The verdict is *better together* or *worse together*. Empty where the design cannot
    tell. Raises UsageError.
    """
    found = _estimated(results, 2, baseline, metric, practical, at)
    found["verdict"] = [_TOGETHER.get(verdict, verdict) for verdict in found["verdict"]]
    rows = [
        {"factor": f, "level": level, "other": other, "other_level": other_level}
        for ((f, level), (other, other_level)), _ in found.pop("terms")
    ]
    return _table(["factor", "level", "other", "other_level"], rows, found)


_TOGETHER = {HELPS: BETTER_TOGETHER, HURTS: WORSE_TOGETHER}


def _table(names: list[str], rows: list[dict[str, str]], found: dict[str, Any]) -> DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, columns=names).assign(**found)[[*names, "metric", *NUMBERS]]


def _estimated(
    results: DataFrame,
    order: int,
    baseline: str | Levels | None,
    metric: str | None,
    practical: float,
    at: str,
) -> dict[str, Any]:
    """The columns of all terms of an order that the design can tell from those up to this order."""
    check_options(practical, at)
    metric = metric or default_metric(results, at)
    variants = variants_of(results)
    reference = off_levels(variants) if baseline is None else variants[find_baseline(variants, baseline)]
    values = by_replicate(results, metric, at)[list(variants)].dropna(axis="columns", how="all")
    complete = values.dropna()
    terms, weights = contrasts({name: variants[name] for name in values}, reference, order)
    step = resolution(values.to_numpy(), values.index.get_level_values("fold"))
    step = step * np.sqrt(np.square(weights).sum(1) / 2)  # a difference of two values: step
    columns = judged(weights @ complete.to_numpy().T, complete.index, step, higher_is_better(metric), practical)
    columns["effect"] = columns.pop("mean_difference")
    named = [(term, [reference[factor] for factor, _ in term]) for term in terms]
    return columns | {"metric": metric, "missing": len(values) - len(complete), "terms": named}


def contrasts(variants: Variants, reference: Levels, order: int) -> tuple[list[Term], np.ndarray]:
    """The terms of an order that can be estimated, and the weights ``[terms, variants]`` whose sums estimate them.

    The model has all terms up to the order. A coefficient can be estimated where its axis lies in the row space of the
    design matrix, that is where (X⁺X) leaves it as it is.
    """
    levels = {f: [*dict.fromkeys(v[f] for v in variants.values() if v[f] != reference[f])] for f in reference}
    terms = [term for size in range(order + 1) for term in _terms(levels, size)]
    design = np.array([[all(v[f] == level for f, level in term) for term in terms] for v in variants.values()], float)
    inverse = np.linalg.pinv(design.reshape(len(variants), len(terms)))
    seen = np.isclose((inverse @ design).diagonal(), 1) if len(variants) else np.zeros(len(terms), bool)
    asked = np.array([len(term) == order for term in terms]) & seen
    return [term for term, is_asked in zip(terms, asked, strict=True) if is_asked], inverse[asked]


def _terms(levels: dict[str, Sequence[str]], size: int) -> list[Term]:
    """All choices of so many factors, each at one of its levels."""
    found: list[Term] = []
    for factors in combinations(levels, size):
        chosen: list[Term] = [()]
        for factor in factors:
            chosen = [(*term, (factor, level)) for term in chosen for level in levels[factor]]
        found += chosen
    return found
