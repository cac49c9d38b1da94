"""The columns of metrics.csv, in order, and those of them that follow from others."""

from __future__ import annotations

import math
from collections.abc import Iterable

from regab.errors import UsageError
from regab.tasks import MEASURES

WORDS = {"rmse": "RMSE", "r2": "R²"}


def columns(*tasks: str) -> list[str]:
    """The columns of runs of one task, or all that occur in runs of several."""
    measures = dict.fromkeys(measure for task in tasks for measure in MEASURES[task])
    measured = [f"{split}_{measure}" for split in ("train", "val", "test") for measure in measures]
    derived = ["generalization_gap", "overfitting_score"]
    weights = ["l1_norm", "l2_norm", "regularization_effect", "zero_fraction"]
    return ["epoch", "step", "lr", "train_objective", *measured, *derived, *weights, "grad_norm", "seconds"]


COLUMNS = columns("classification")


SPLITS = ("train", "val", "test")
METRICS = list(dict.fromkeys(measure for of_task in MEASURES.values() for measure in of_task))
OTHERS = {*COLUMNS}  # which can be compared by, as norms; less of them is better


class Directed(str):
    """The name of a metric that regab does not know, with which way is better: ``up`` or ``down``."""

    direction: str

    def __new__(cls, name: str, direction: str) -> Directed:
        self = super().__new__(cls, name)
        self.direction = direction
        return self


def higher_is_better(metric: str) -> bool:
    """Whether more of it is better: of accuracies and R²; of losses and errors, less is.

    Raises UsageError for a metric that regab does not know and that does not say.
    """
    if isinstance(metric, Directed):
        return metric.direction == "up"
    split, _, name = metric.partition("_")
    if metric not in (*METRICS, *OTHERS) and not (split in SPLITS and name in METRICS):
        raise UsageError(
            f"{metric}: whether more or less of it is better is not known; say so by --direction up or down"
        )
    return metric.endswith(("accuracy", "r2"))


def headline(names: Iterable[str]) -> str:
    """What to compare runs by that have these columns, ``…_accuracy`` or ``…_rmse``, without the split."""
    return "accuracy" if any(name.endswith("accuracy") for name in names) else "rmse"


def score(names: Iterable[str]) -> str:
    """What says how good a run is on a scale that people know, without the split: ``accuracy`` or ``r2``."""
    return {"accuracy": "accuracy", "rmse": "r2"}[headline(names)]


def measured(names: Iterable[str]) -> list[str]:
    """Those columns that are measured on training, validation or test data."""
    return [name for name in names if name.startswith(("train_", "val_", "test_")) and name != "train_objective"]


def words(metric: str) -> str:
    """A column's name for people: ``val accuracy``, ``test RMSE``, ``R²``."""
    return " ".join(WORDS.get(part, part) for part in metric.split("_"))


def cell(name: str, value: float | None) -> str:
    """A metric as it is shown: accuracies in percent, R² with four decimals, others with four digits."""
    if value is None or math.isnan(value):
        return "-"
    return f"{value:.2%}" if name.endswith("accuracy") else f"{value:.4f}" if name.endswith("r2") else f"{value:.4g}"


def with_derived(values: dict[str, float]) -> dict[str, float]:
    """Add generalization_gap = val_loss - train_loss and overfitting_score = val_loss / train_loss."""
    if "val_loss" not in values:
        return values
    train, val = values["train_loss"], values["val_loss"]
    return values | {
        "generalization_gap": val - train,
        "overfitting_score": val / train if train else math.inf,
    }


def to_row(values: dict[str, float]) -> dict[str, float | None]:
    """All columns in order; None where there is nothing to report (no such data, or nothing trained yet)."""
    complete, task = with_derived(values), "regression" if "train_rmse" in values else "classification"
    return {name: complete.get(name) for name in columns(task)}
