"""Which configuration to use: the one that does best on validation data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from regab.analysis.baseline import variants_of
from regab.analysis.table import metrics_of, replicate_words, variant_names
from regab.analysis.verdicts.compare import by_replicate, column_of
from regab.errors import UsageError
from regab.records.columns import cell, headline, higher_is_better, words

if TYPE_CHECKING:
    from pandas import DataFrame


def ranking(results: DataFrame, metric: str | None = None, at: str = "selected") -> DataFrame:
    """One row per variant, the best first: ``variant, <factors>, metric, n, mean, deviation, complete``.

    ``mean`` and ``deviation`` of a validation metric (default: the headline) over all seeds and folds; equal means
    are ordered by the mean of the validation loss. ``complete``: whether every seed and fold of the table was trained
    to its end; variants that were not stand last, since they may have been spared the hard ones. The mean of the best
    of many is too good by its luck: what to expect of new data, the test metrics say, which take no part.

    Raises UsageError for an unknown metric. Empty where there are no validation data.
    """
    import pandas as pd

    known = metrics_of(results, at)
    if "val_loss" not in known:
        return pd.DataFrame(columns=["variant", "metric", "n", "mean", "deviation", "complete"])
    first = results.attrs.get("headline") or headline(known)
    metric = column_of(results, metric or next(m for m in (f"val_{first}", "val_loss") if m in known), at)
    variants = variants_of(results)
    values, losses = (by_replicate(results, name, at)[list(variants)] for name in (metric, "val_loss"))
    rows = pd.DataFrame(list(variants.values()), index=list(variants)).rename_axis("variant")
    rows = rows.assign(
        metric=str(metric), n=values.count(), mean=values.mean(), deviation=values.std(), complete=values.notna().all()
    )
    order = pd.DataFrame({"complete": ~rows["complete"], "mean": rows["mean"], "loss": losses.mean()})
    if higher_is_better(metric):
        order["mean"] *= -1
    return rows.loc[order.sort_values(list(order), kind="stable").index].reset_index()


class Best(NamedTuple):
    """The folder of a run of the variant to use, and why it, in a sentence."""

    folder: Path
    why: str


def best(results: DataFrame, metric: str | None = None) -> Best:
    """The first of a ranking, and of its runs the first that was asked for.

    Raises UsageError where there are no validation data, or no run has finished.
    """
    order = ranking(results, metric)
    if not len(order) or not order["n"].iloc[0]:
        raise UsageError("there is nothing to choose the best by: no finished run was measured on validation data")
    first = order.iloc[0]
    runs = results[[name == first["variant"] for name in variant_names(results)]]
    run = runs[runs["status"] == "finished"].iloc[0]
    by = column_of(results, first["metric"], "selected")
    runs_of = f"{first['n']} runs" if first["n"] > 1 else "one run"
    chosen = (
        f"{first['variant']} has the best {words(by)} of {len(order)} variants ({cell(by, first['mean'])}, {runs_of})"
    )
    return Best(Path(run["folder"]), f"{chosen}; its run with {replicate_words(run['seed'], run['fold'])} is taken")
