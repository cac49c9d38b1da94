"""From estimates to one word each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from regab.analysis.verdicts.family import holm
from regab.analysis.verdicts.paired import LEVEL, paired
from regab.analysis.verdicts.sizes import pairs_needed, shrunken
from regab.analysis.verdicts.variances import beyond, p_value
from regab.errors import UsageError

if TYPE_CHECKING:
    from pandas import DataFrame

    from regab.analysis.verdicts.compare import Sweep
    from regab.analysis.verdicts.contrasts import Estimates

HELPS, HURTS, NO_EVIDENCE = "helps", "hurts", "no evidence"
BETTER_TOGETHER, WORSE_TOGETHER = "better together", "worse together"  # of interactions, for helps and hurts
NO_DIFFERENCE, TOO_FEW, BASELINE = "no practical difference", "too few seeds", "baseline"
UNCHANGED = "changed nothing"

NUMBERS = ["n", "effect", "ci_low", "ci_high", "p_value", "p_adjusted", "probability_better"]
NUMBERS += ["shrunken", "seeds_low", "seeds_high", "verdict", "note"]


def numbers(estimates: Estimates, sweep: Sweep, practical: float) -> dict[str, Any]:
    """``n`` to ``seeds_high``, before any adjustment, and ``p_negligible``, of an effect of ``practical`` or more."""
    step = sweep.step * estimates.size
    found = paired(estimates.values, step, sweep.shared, estimates.freedom)
    tested = np.isfinite(found.p)
    smaller = shrunken(found.mean, found.error)
    comparisons = max(int(tested.sum()), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        likely, largest = smaller / found.deviation, np.maximum(abs(found.low), abs(found.high)) / found.deviation
    return {
        "n": found.n,
        "effect": found.mean,
        "ci_low": found.low,
        "ci_high": found.high,
        "p_value": p_value(found, estimates.size),
        "p_negligible": beyond(found, practical - np.abs(found.mean), estimates.size)
        if practical
        else np.where(tested, 1.0, np.nan),
        "probability_better": found.better if sweep.upwards else 1 - found.better,
        "shrunken": smaller,
        "seeds_low": np.ceil(pairs_needed(largest, comparisons, sweep.shared) / sweep.folds),
        "seeds_high": np.ceil(pairs_needed(likely, comparisons, sweep.shared) / sweep.folds),
    }


def adjusted(rows: DataFrame) -> DataFrame:
    """With Holm's adjustment over these rows."""
    p, small = rows["p_value"].to_numpy(float), rows["p_negligible"].to_numpy(float)
    return rows.assign(p_adjusted=holm(p), p_negligible=holm(small))


def alone(rows: DataFrame, upwards: bool, practical: float) -> DataFrame:
    """The conclusions of a table by itself."""
    return bounded(concluded(adjusted(rows), upwards), upwards, practical)


def concluded(rows: DataFrame, upwards: bool) -> DataFrame:
    """With ``verdict`` and ``note``, from the adjusted p-values. An effect that is certainly too small to matter is
    none, even if it is real.
    """
    real = rows["p_adjusted"] < LEVEL
    good = (rows["effect"] > 0) == upwards
    small = rows["p_negligible"] < LEVEL
    cases = [rows["unchanged"].astype(bool), rows["p_adjusted"].isna(), small, real & good, real]
    words = np.select(cases, [UNCHANGED, TOO_FEW, NO_DIFFERENCE, HELPS, HURTS], NO_EVIDENCE)
    return rows.assign(verdict=words.astype(object), note="")


def bounded(table: DataFrame, upwards: bool, practical: float) -> DataFrame:
    """With intervals that say no less than their verdicts, which know more of variances and were perhaps reached at an
    earlier look: where the sign is known they end at zero at the latest, and of no practical difference at ±practical.
    """
    good = table["verdict"].isin([HELPS, BETTER_TOGETHER])
    bad = table["verdict"].isin([HURTS, WORSE_TOGETHER])
    above, below = (good, bad) if upwards else (bad, good)
    small = table["verdict"] == NO_DIFFERENCE
    least = np.select([above, small], [0.0, -practical], -np.inf)
    most = np.select([below, small], [0.0, practical], np.inf)
    return table.assign(ci_low=table["ci_low"].clip(lower=least), ci_high=table["ci_high"].clip(upper=most))


def check_practical(practical: float) -> None:
    """Raises UsageError."""
    if not practical >= 0:
        raise UsageError(f"practical={practical}: must be a number from 0")
