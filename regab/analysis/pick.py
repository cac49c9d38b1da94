"""Which configuration to use: the one that does best on validation data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.analysis.baseline import variants_of
from regab.analysis.compare import by_replicate, column_of, metrics_of
from regab.records.columns import headline, higher_is_better

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
