"""Factorial sweeps: what each factor does on average over the others, and what two do to each other.

The estimates are least squares with replicates as blocks (``contrasts``), so that whatever a seed does to all variants
cancels, and a failed run costs no more than itself. In a full grid they are the differences of means; in any other
design, those that it leaves open (as a fraction does most interactions) are not reported. Where a factor's effect is
the difference of one variant to the baseline, as in ``one_at_a_time``, it has that variant's numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from regab.analysis.baseline import Asked, Variants
from regab.analysis.verdicts.compare import Sweep, sweep_of, unchanged
from regab.analysis.verdicts.contrasts import Design, Estimates, design, least_squares
from regab.analysis.verdicts.words import (
    BETTER_TOGETHER,
    HELPS,
    HURTS,
    NUMBERS,
    WORSE_TOGETHER,
    alone,
    check_practical,
    numbers,
)

if TYPE_CHECKING:
    from pandas import DataFrame

_TOGETHER = {HELPS: BETTER_TOGETHER, HURTS: WORSE_TOGETHER}

FACTOR = ["factor", "level", "reference", "metric", *NUMBERS, "ahead", "behind", "settings", "depends_on", "missing"]
PAIR = ["factor", "level", "other", "other_level", "metric", *NUMBERS, "missing"]


def main_effects(
    results: DataFrame,
    baseline: Asked = None,
    metric: str | None = None,
    practical: float = 0.0,
    at: str = "selected",
) -> DataFrame:
    """One row per factor and level other than the baseline's: ``factor, level, reference, metric``, then ``n``
    (replicates), ``effect`` (mean at the level − mean at the reference, averaged over the other factors), ``ci_low`` to
    ``note`` as in ``compare``, Holm's family being this table, and

    * ``ahead, behind, settings``: in how many of the settings of the other factors that have both levels the level's
      mean is better, or worse, than the reference's;
    * ``depends_on``: other factors on which the effect depends (``regab.analysis.verdicts.judgement``);
    * ``missing``: runs without a result.

    Raises UsageError.
    """
    check_practical(practical)
    sweep = sweep_of(results, baseline, metric, at)
    rows, _ = factor_rows(sweep, practical)
    return factor_table(alone(rows, sweep.upwards, practical), sweep)


def interactions(
    results: DataFrame,
    baseline: Asked = None,
    metric: str | None = None,
    practical: float = 0.0,
    at: str = "selected",
) -> DataFrame:
    """One row per pair of levels of two factors: ``factor, level, other, other_level, metric``, then ``n`` to ``note``
    as in ``compare``, and ``missing``.

    ``effect``: what both do together beyond the sum of what each does alone, (both − one) − (other − neither), averaged
    over the remaining factors. The verdict is *better together* or *worse together*. Empty where the design cannot
    tell. Raises UsageError.
    """
    check_practical(practical)
    sweep = sweep_of(results, baseline, metric, at)
    rows, _ = interaction_rows(sweep, practical)
    return interaction_table(alone(rows, sweep.upwards, practical), sweep)


def factor_rows(sweep: Sweep, practical: float) -> tuple[DataFrame, np.ndarray]:
    """A row per factor level before adjustment and verdict, and its weights ``[levels, variants]``."""
    import pandas as pd

    model, estimates = _estimated(sweep, 1)
    named = [{"factor": f, "level": level, "reference": sweep.reference[f]} for ((f, level),) in model.terms]
    means = dict(sweep.values.mean())
    counted = [_settings(sweep, means, f, level) for ((f, level),) in model.terms]
    rows = pd.DataFrame(named, columns=["factor", "level", "reference"])
    rows = rows.assign(**numbers(estimates, sweep, practical), unchanged=False, depends_on="")
    rows[["ahead", "behind", "settings", "unchanged"]] = np.array(counted, int).reshape(-1, 4)
    return rows.astype({"unchanged": bool}), estimates.weights


def interaction_rows(sweep: Sweep, practical: float) -> tuple[DataFrame, np.ndarray]:
    """A row per pair of levels before adjustment and verdict, and its weights ``[pairs, variants]``."""
    import pandas as pd

    model, estimates = _estimated(sweep, 2)
    names = ["factor", "level", "other", "other_level"]
    rows = pd.DataFrame([[word for side in term for word in side] for term in model.terms], columns=names)
    return rows.assign(**numbers(estimates, sweep, practical), unchanged=False), estimates.weights


def factor_table(rows: DataFrame, sweep: Sweep) -> DataFrame:
    """``main_effects``' table from concluded rows."""
    return rows.assign(metric=sweep.metric, missing=_missing(sweep))[FACTOR]


def interaction_table(rows: DataFrame, sweep: Sweep) -> DataFrame:
    """``interactions``' table from concluded rows."""
    words = [_TOGETHER.get(word, word) for word in rows["verdict"]]
    return rows.assign(metric=sweep.metric, missing=_missing(sweep), verdict=words)[PAIR]


def _missing(sweep: Sweep) -> int:
    return int(sweep.values.isna().sum().sum())


def _estimated(sweep: Sweep, order: int) -> tuple[Design, Estimates]:
    values = sweep.values.dropna(axis="columns", how="all")
    model = design({name: sweep.variants[name] for name in values}, sweep.reference, order)
    found = least_squares(values.to_numpy(float), model)
    weights = np.zeros((len(model.terms), len(sweep.variants)))
    weights[:, [*map(list(sweep.variants).index, values)]] = model.weights
    return model, _as_pairs(sweep, found._replace(weights=weights))


def _as_pairs(sweep: Sweep, found: Estimates) -> Estimates:
    """With the variant's numbers where a contrast is the difference of one variant to the baseline."""
    single = sweep.pairs
    for i, j in zip(*np.nonzero(same(found.weights, single.weights)), strict=True):
        found.values[i], found.freedom[i] = single.values[j], single.freedom[j]
    return found


def same(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Which contrasts ``[a, variants]`` are which ``[b, variants]``: ``[a, b]``.

    Those that are not near by their squared distance, which is a product, are not compared number by number: of 300
    variants all would be 27 million numbers.
    """
    squares = (one**2).sum(1)[:, None] + (other**2).sum(1)
    found = np.abs(squares - 2 * one @ other.T) <= 1e-6 * (1 + squares)
    where = np.nonzero(found)
    found[where] = np.isclose(one[where[0]], other[where[1]]).all(-1)
    return found


def _settings(sweep: Sweep, means: dict[Any, float], factor: str, level: str) -> tuple[int, int, int, bool]:
    """In how many settings of the others a level is ahead, behind, of how many, and whether it changed nothing."""
    off = sweep.reference[factor]
    partners = _partners(sweep.variants, factor, level, off)
    gains = np.array([means[on] - means[without] for on, without in partners])
    gains = gains[np.isfinite(gains)] if sweep.upwards else -gains[np.isfinite(gains)]
    same_runs = bool(partners) and all(unchanged(sweep, on, without) for on, without in partners)
    return int(np.sum(gains > 0)), int(np.sum(gains < 0)), len(gains), same_runs


def _partners(variants: Variants, factor: str, level: str, off: str) -> list[tuple[str, str]]:
    """Variants at a level, each with the one that differs from it by being at the reference alone."""
    names = {tuple(levels.items()): name for name, levels in variants.items()}
    at = [(name, names.get(tuple((v | {factor: off}).items()))) for name, v in variants.items() if v[factor] == level]
    return [(name, other) for name, other in at if other is not None]
