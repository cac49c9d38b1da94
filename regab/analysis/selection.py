"""Which metrics can be compared: those that are there, and that no rule of selection makes look better."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from regab.analysis.merge import configuration, written
from regab.analysis.table import metrics_of, variant_names
from regab.analysis.verdicts.compare import default_metric
from regab.errors import UsageError
from regab.script import own_part

if TYPE_CHECKING:
    from pandas import DataFrame

# What a rule that selects by validation data makes look better at the epoch that it selects: with the same weights and
# a patience as long as the training, val accuracy "helped" by 0.39 points while test accuracy fell by 0.89.
REWARDED = ("val_", "generalization_gap", "overfitting_score")


def rules_differ(results: DataFrame) -> bool:
    """Whether variants choose their epochs by different rules of early stopping, by their configurations or levels."""
    if any(name.startswith("reg.early_stopping") and results[name].nunique() > 1 for name in results):
        return True
    if "folder" not in results:
        return False
    firsts = results.groupby(variant_names(results), sort=False)["folder"].first()
    distinct = {written(folder, "early_stopping") or folder: folder for folder in firsts}  # parsing takes 3 ms
    rules = [own_part(configuration(folder)).get("reg", {}).get("early_stopping") for folder in distinct.values()]
    return any(rule != rules[0] for rule in rules)


def check_selected(results: DataFrame, metric: str | None, at: str) -> None:
    """Raises UsageError for a metric that the rules by which epochs are selected make look better in some variants."""
    chosen = metric or default_metric(results, at)
    if at == "selected" and chosen.startswith(REWARDED) and rules_differ(results):
        raise UsageError(f'metric {chosen}: variants select their epochs by different rules; compare at="last"')


def check_measured(results: DataFrame, metric: str, at: str) -> None:
    """Raises UsageError for a metric that is there but has no number in any run."""
    column = results.get(f"{at}_{metric}")
    if column is not None and not np.isfinite(column[results["status"] == "finished"].astype(float)).any():
        known = ", ".join(name for name in metrics_of(results, at) if name not in ("epoch", metric))
        raise UsageError(f"metric {metric}: no run has a number for it; there is: {known}")
