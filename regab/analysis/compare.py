"""Every variant against the baseline, seed by seed: by how much, is it real, and what would tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from regab.analysis.baseline import Levels, find_baseline, variants_of
from regab.analysis.paired import BASELINE, holm, in_words, paired, pairs_needed, resolution, verdicts
from regab.analysis.table import replicate_words, variant_names
from regab.errors import UsageError
from regab.records.columns import headline, higher_is_better
from regab.targets import unknown

if TYPE_CHECKING:
    from pandas import DataFrame, MultiIndex


def compare(
    results: DataFrame,
    baseline: str | Levels | None = None,
    metric: str | None = None,
    practical: float = 0.0,
    at: str = "selected",
) -> DataFrame:
    """One row per variant, paired with the baseline by seed (and fold), for one metric of the selected or last epochs.

    * ``n``: complete pairs (for the baseline: its finished runs). ``missing``: pairs that are not, because a run of
      either failed, is unfinished, or was never asked for; ``failed``: failed runs of the variant.
    * ``mean`` over all finished runs of the variant; ``mean_difference`` (variant − baseline) over the pairs, with its
      95 % interval ``ci_low, ci_high`` and ``p_value`` by Student's paired t (``regab.analysis.paired``).
    * ``p_adjusted``: Holm's, over all comparisons of the table. ``verdict`` goes by it: *helps* or *hurts* below 0.05,
      so that at most 5 % of sweeps in which nothing differs have such a word anywhere.
    * ``probability_better``: that one more seed would be better with the variant than without.
    * ``seeds_needed``: how many seeds in all would give a difference like this one its verdict with probability 0.8.
    * *no practical difference*: the interval lies within ±``practical`` (in the metric's unit), whatever ``p`` is. *too
      few seeds*: fewer than three pairs, where there is no interval.

    ``metric`` has no prefix (``val_loss``); the default is test accuracy, or RMSE. Accuracies and R² are better when
    they are higher, all others when they are lower. Raises UsageError for what the table does not have.
    """
    import pandas as pd

    check_options(practical, at)
    metric = metric or default_metric(results, at)
    variants = variants_of(results)
    base = find_baseline(variants, baseline)
    values = by_replicate(results, metric, at)[list(variants)]
    rows = pd.DataFrame(list(variants.values()), index=list(variants)).rename_axis("variant")
    rows = rows.join(_against(values, base, higher_is_better(metric), practical))
    rows = rows.assign(metric=metric, mean=values.mean(), failed=_failed(results, variants))
    return rows.reset_index()[["variant", *variants[base], *COLUMNS]]


COLUMNS = ["metric", "n", "mean", "mean_difference", "ci_low", "ci_high", "p_value", "p_adjusted"]
COLUMNS += ["probability_better", "seeds_needed", "verdict", "missing", "failed"]


def _against(values: DataFrame, base: str, upwards: bool, practical: float) -> DataFrame:
    """The columns that come from pairs; of the baseline, only how many runs it has."""
    import pandas as pd

    others = values.drop(columns=base)
    differences = others.sub(values[base], axis=0).to_numpy(float).T
    step = resolution(values.to_numpy(), values.index.get_level_values("fold"))
    columns = judged(differences, values.index, step, upwards, practical)
    either = others.notna().to_numpy(bool).T | values[base].notna().to_numpy()
    columns["missing"] = either.sum(1) - columns["n"]
    rows = pd.DataFrame(columns, index=others.columns).astype({"verdict": object}).reindex(values.columns)
    own = {"n": values[base].count(), "verdict": BASELINE, "missing": 0}
    return rows.fillna(own).astype({"n": int, "missing": int})


def judged(differences: np.ndarray, index: MultiIndex, step: Any, upwards: bool, practical: float) -> dict[str, Any]:
    """The columns from ``n`` to ``verdict`` of a family of comparisons, ``differences [comparisons, replicates]``."""
    shared, folds = overlap(index)
    found = paired(differences, step, shared)
    adjusted = holm(found.p)
    comparisons = max(int(np.isfinite(found.p).sum()), 1)
    needed = np.ceil(pairs_needed(found.effect, comparisons, shared) / folds)
    seeds = [index[~np.isnan(row)].unique("seed").size for row in differences]
    words = verdicts(found, adjusted, practical, upwards)
    return {
        "n": found.n,
        "mean_difference": found.mean,
        "ci_low": found.low,
        "ci_high": found.high,
        "p_value": found.p,
        "p_adjusted": adjusted,
        "probability_better": found.better if upwards else 1 - found.better,
        "seeds_needed": needed,
        "verdict": [in_words(*three) for three in zip(words, seeds, needed, strict=True)],
    }


def _failed(results: DataFrame, variants: Iterable[str]) -> list[int]:
    failed = Counter(n for n, s in zip(variant_names(results), results["status"], strict=True) if s == "failed")
    return [failed[name] for name in variants]


def check_options(practical: float, at: str) -> None:
    """Raises UsageError."""
    if not practical >= 0:
        raise UsageError(f"practical={practical}: must be a number from 0")
    if at not in ("selected", "last"):
        raise UsageError(f"at={at}: must be selected or last")


def metrics_of(results: DataFrame, at: str = "selected") -> list[str]:
    """What was measured of the selected or the last epochs, without that prefix."""
    own = [column for column in results if column.startswith(f"{at}_") and results[column].notna().any()]
    return [column.removeprefix(f"{at}_") for column in own]


def default_metric(results: DataFrame, at: str = "selected") -> str:
    """The test accuracy (regression: RMSE), or the validation data's where there are no test data, or their loss."""
    metrics = metrics_of(results, at)
    name = headline(metrics)
    return next((m for m in (f"test_{name}", f"val_{name}", "test_loss", "val_loss") if m in metrics), f"test_{name}")


def by_replicate(results: DataFrame, metric: str, at: str = "selected") -> DataFrame:
    """A metric of the finished runs: a row per replicate (index: seed, fold, −1 for none), a column per variant.

    NaN where there is no finished run with a finite value. Raises UsageError for an unknown metric, and for a run that
    is there twice.
    """
    column = f"{at}_{metric}"
    if column not in results:
        raise UsageError(unknown("metric", "", metric, metrics_of(results, at)))
    value = results[column].astype(float)
    value = value.where((results["status"] == "finished") & np.isfinite(value))
    table = results.assign(variant=variant_names(results), value=value)
    _no_repetitions(table)
    table["fold"] = table["fold"].fillna(-1)
    return table.pivot(index=["seed", "fold"], columns="variant", values="value")


def _no_repetitions(table: DataFrame) -> None:
    for row in table[table.duplicated(["variant", "seed", "fold"])].itertuples():
        raise UsageError(f"{row.variant}: {replicate_words(row.seed, row.fold)} is there twice")


def overlap(index: MultiIndex) -> tuple[float, int]:
    """Of replicates that are k folds, the size of a test set over that of its training set 1/(k − 1), and k.

    Without cross-validation 0 and 1.
    """
    folds = index.unique("fold").size
    return (1 / (folds - 1) if folds > 1 else 0.0), folds
