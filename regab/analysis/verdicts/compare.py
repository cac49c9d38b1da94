"""Every variant against the baseline, seed by seed: by how much, is it real, and what would tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from regab.analysis.baseline import Asked, Levels, Variants, find_baseline, off_levels, variants_of
from regab.analysis.table import compared, in_full, measured_of_all, metrics_of, replicate_words, variant_names
from regab.analysis.verdicts.contrasts import Estimates, pairs
from regab.analysis.verdicts.paired import resolution
from regab.analysis.verdicts.words import BASELINE, NUMBERS, alone, check_practical, numbers
from regab.errors import UsageError
from regab.metrics import Measures
from regab.metrics.base import DOWN, UP, Measure
from regab.records.columns import OTHERS, Column, column, headline, measures_from
from regab.targets import unknown

if TYPE_CHECKING:
    from pandas import DataFrame, MultiIndex


@dataclass(frozen=True, eq=False)
class Sweep:
    """One metric of a sweep's finished runs: ``values``, a row per replicate and a column per variant."""

    results: DataFrame
    metric: Column
    at: str
    variants: Variants
    base: str
    reference: Levels
    values: DataFrame

    @cached_property
    def step(self) -> float:
        """The metric's resolution."""
        return resolution(self.values.to_numpy(), self.values.index.get_level_values("fold"))

    @property
    def upwards(self) -> bool:
        """Whether more is better."""
        return self.metric.measure.upwards

    @property
    def shared(self) -> float:
        return overlap(self.values.index)[0]

    @property
    def folds(self) -> int:
        return overlap(self.values.index)[1]

    @cached_property
    def measured(self) -> DataFrame:
        """All that was measured of the finished runs, by variant, seed and fold."""
        columns = [c for c in self.results if c.startswith(("selected_", "last_"))]
        keyed = self.results.assign(variant=variant_names(self.results), fold=self.results["fold"].fillna(-1))
        return keyed[keyed["status"] == "finished"].set_index(["variant", "seed", "fold"]).sort_index()[columns]

    @cached_property
    def numbered(self) -> dict[str, dict[Hashable, bytes]]:
        """The same by variant, then by seed and fold, equal where all that was measured is."""
        codes = self.measured.apply(lambda column: column.factorize()[0]).to_numpy()
        found: dict[str, dict[Hashable, bytes]] = {name: {} for name in self.variants}
        for (name, *replicate), row in zip(self.measured.index, codes, strict=True):
            found[name][tuple(replicate)] = row.tobytes()
        return found

    @cached_property
    def pairs(self) -> Estimates:
        """All variants but the baseline, in order, minus the baseline."""
        return pairs(self.values.to_numpy(float), list(self.values).index(self.base))

    @property
    def others(self) -> list[str]:
        return [name for name in self.variants if name != self.base]


def sweep_of(results: DataFrame, baseline: Asked = None, metric: str | None = None, at: str = "selected") -> Sweep:
    """Raises UsageError for what the table does not have."""
    if at not in ("selected", "last"):
        raise UsageError(f"at={at}: must be selected or last")
    metric = column_of(results, metric, at)
    variants = variants_of(results)
    base = find_baseline(variants, baseline)
    reference = off_levels(variants) if baseline is None else variants[base]
    return Sweep(results, metric, at, variants, base, reference, by_replicate(results, metric, at)[list(variants)])


def compare(
    results: DataFrame,
    baseline: Asked = None,
    metric: str | None = None,
    practical: float = 0.0,
    at: str = "selected",
) -> DataFrame:
    """One row per variant, paired with the baseline by seed (and fold), for one metric of the selected or last epochs.

    * ``n``: complete pairs (for the baseline: its finished runs). ``missing``: pairs that are not, because a run of
      either failed, is unfinished, or was never asked for; ``failed``: failed runs of the variant.
    * ``mean`` over all finished runs of the variant; ``mean_difference`` (variant − baseline) over the pairs, with its
      95 % interval ``ci_low, ci_high`` and ``p_value`` by Student's paired t (``regab.analysis.verdicts.paired``).
    * ``p_adjusted``: Holm's, over all comparisons of the table. ``verdict`` goes by it: *helps* or *hurts* below 0.05,
      so that at most 5 % of sweeps in which nothing differs have such a word anywhere.
    * ``probability_better``: that one more seed would be better with the variant than without.
    * ``shrunken``: the difference without the luck by which the largest of many stand out.
    * ``seeds_low, seeds_high``: how many seeds in all would find a difference with probability 0.8, if it is as large
      as the interval allows, and if it is ``shrunken`` (infinite where that is 0).
    * ``correlation`` of the variant's runs with the baseline's, seed by seed: the higher, the more pairing helps.
    * *no practical difference*: certainly within ±``practical`` (in the metric's unit), adjusted likewise. *too few
      seeds*: fewer than three pairs, where there is no interval. *changed nothing*: all numbers of all runs are equal.
    * ``note``: what weakens a verdict, in words.

    ``metric`` has no prefix (``val_loss``, or ``loss``: on test data); the default is the headline on test data. Which
    way is better, the metric says (see ``column_of``). Raises UsageError for what the table does not have, or where
    that is not known.
    """
    check_practical(practical)
    sweep = sweep_of(results, baseline, metric, at)
    rows = variant_rows(sweep, practical)
    return variant_table(alone(rows, sweep.upwards, practical), sweep)


def variant_rows(sweep: Sweep, practical: float) -> DataFrame:
    """A row per variant but the baseline, before adjustment and verdict."""
    import pandas as pd

    own, base = sweep.values[sweep.others], sweep.values[sweep.base]
    either = own.notna().to_numpy(bool) | base.notna().to_numpy()[:, None]
    rows = pd.DataFrame(numbers(sweep.pairs, sweep, practical), index=sweep.others)
    same = [unchanged(sweep, name, sweep.base) for name in sweep.others]
    correlation = [_correlation(own[name].to_numpy(float), base.to_numpy(float)) for name in own]
    return rows.assign(missing=either.sum(0) - rows["n"], correlation=correlation, unchanged=same)


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's, over the pairs that are there; NaN where there are fewer than three, or all are equal."""
    both = np.stack([one, other])[:, ~np.isnan(one + other)]
    return float(np.corrcoef(both)[0, 1]) if both.shape[1] > 2 and both.std(1).all() else np.nan


def unchanged(sweep: Sweep, one: str, other: str) -> bool:
    """Whether all that was measured of two variants is equal to the last digit, in at least one pair of runs."""
    differences = sweep.values[one].to_numpy(float) - sweep.values[other].to_numpy(float)  # NaN without a pair
    if 0 not in differences or np.nansum(np.abs(differences)):
        return False
    runs, others = sweep.numbered[one], sweep.numbered[other]
    return all(runs[replicate] == others[replicate] for replicate in runs.keys() & others.keys())


def variant_table(rows: DataFrame, sweep: Sweep) -> DataFrame:
    """``compare``'s table, from the concluded rows of the others."""
    import pandas as pd

    named = pd.DataFrame(list(sweep.variants.values()), index=list(sweep.variants)).rename_axis("variant")
    table = named.join(rows.rename(columns={"effect": "mean_difference"}))
    own = {"n": sweep.values[sweep.base].count(), "verdict": BASELINE, "missing": 0, "note": ""}
    table.loc[sweep.base, list(own)] = list(own.values())
    table = table.astype({"n": int, "missing": int})
    table = table.assign(metric=sweep.metric, mean=sweep.values.mean(), failed=_failed(sweep.results, sweep.variants))
    return table.reset_index()[["variant", *sweep.reference, *COLUMNS]]


COLUMNS = ["metric", "mean", *NUMBERS, "correlation", "missing", "failed"]
COLUMNS[COLUMNS.index("effect")] = "mean_difference"


def _failed(results: DataFrame, variants: Iterable[str]) -> list[int]:
    failed = Counter(n for n, s in zip(variant_names(results), results["status"], strict=True) if s == "failed")
    return [failed[name] for name in variants]


def default_metric(results: DataFrame, at: str = "selected") -> str:
    """What a table says of itself, or the first metric of what is ``compared`` by."""
    known, said, splits = metrics_of(results, at), results.attrs.get("headline"), compared(results)
    wanted = [said, *(f"{split}_{said or headline(measured_of_all(results, at))}" for split in splits)]
    wanted += [] if said else [*(f"{split}_loss" for split in splits), *(results.attrs.get("metrics") or {})]
    others = [] if said else [m for m in known if m not in OTHERS]  # of scripts, of tables made elsewhere
    return next((m for m in (*wanted, *others) if m in known), str(wanted[1]))


def column_of(results: DataFrame, metric: str | None = None, at: str = "selected") -> Column:
    """What to compare by, ``metric`` or the default, which knows how it is compared and shown. Of metrics that are none
    of regab's, ``results.attrs`` says so: ``{"metrics": {"auroc": {"direction": "up"}}}``.

    Raises UsageError for a metric that the table does not have, and for one of which the direction is not known.
    """
    metric = in_full(results, metric, at) or default_metric(results, at)
    if f"{at}_{metric}" not in results:
        raise UsageError(unknown("metric", "", metric, metrics_of(results, at)))
    found = column(metric, own_measures(results), Measure(str(metric)))
    if found.measure.direction not in (UP, DOWN):
        words = f"say so by --direction up or down (of a script: metrics.{metric}.direction=up)"
        raise UsageError(f"{metric}: whether more or less of it is better is not known; {words}")
    return found


def own_measures(results: DataFrame) -> Measures:
    """What a table says of its metrics."""
    return measures_from(results.attrs.get("metrics"))


def with_direction(results: DataFrame, metric: str | None, direction: str | None) -> DataFrame:
    """The same table, which says which way of a metric is better. Raises UsageError if regab's own says otherwise."""
    if not direction:
        return results
    results, metric = results.copy(), metric or default_metric(results)
    if (known := column(metric, None, Measure(metric)).measure.direction) in (UP, DOWN) and known != direction:
        better = "more" if known == UP else "less"
        raise UsageError(f"direction={direction}: of {metric} {better} is better; leave the direction out")
    facts = asdict(column(metric, own_measures(results), Measure(metric)).measure) | {"direction": direction}
    results.attrs["metrics"] = {**(results.attrs.get("metrics") or {}), metric: facts}
    return results


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
    twice = table.duplicated(["variant", "seed", "fold"])
    for row in table[twice].itertuples() if twice.any() else ():  # of no row too, pandas makes it column by column
        raise UsageError(f"{row.variant}: {replicate_words(row.seed, row.fold)} is there twice")


def overlap(index: MultiIndex) -> tuple[float, int]:
    """Of replicates that are k folds, the size of a test set over that of its training set 1/(k − 1), and k.

    Without cross-validation 0 and 1.
    """
    folds = index.unique("fold").size
    return (1 / (folds - 1) if folds > 1 else 0.0), folds
