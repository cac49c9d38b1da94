"""The columns of metrics.csv, in order, those of them that follow from others, and how each is compared and shown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from regab.metrics import LOSS, OBJECTIVE, SPLITS, Measures, measure_of, measured_by
from regab.metrics.base import DOWN, UP, Measure

GAP, SCORE = "generalization_gap", "overfitting_score"
WEIGHTS = ["l1_norm", "l2_norm", "regularization_effect", "zero_fraction"]
# Columns that are no metric of a split. What has no direction here can be shown, but not be compared by.
OTHERS = {name: Measure(name, DOWN) for name in (OBJECTIVE, GAP, SCORE, "seconds")}
OTHERS |= {name: Measure(name) for name in ("epoch", "step", "lr", *WEIGHTS, "grad_norm")}


class Column(str):
    """The name of a column that knows its ``measure``: how its values are compared and shown."""

    measure: Measure

    def __new__(cls, name: str, measure: Measure) -> Column:
        self = super().__new__(cls, name)
        self.measure = measure
        return self

    def __getnewargs__(self) -> tuple[str, Measure]:  # type: ignore[override]
        """What a copy is made of, in another process too."""
        return str(self), self.measure


def column(name: str, own: Measures | None = None, otherwise: Measure | None = None) -> Column:
    """A column by its name, with metrics of the user's ``own`` besides. Raises UsageError for an unknown one, if it
    is not said how that is taken ``otherwise``."""
    if isinstance(name, Column):
        return name
    if name in OTHERS and name not in (own or {}):
        return Column(name, OTHERS[name])
    return Column(name, measure_of(name, own, otherwise))


def columns(measured: Iterable[str]) -> list[str]:
    """The columns of runs of which these metrics are measured, beside the loss."""
    every = dict.fromkeys([LOSS, *measured])
    of_splits = [f"{split}_{metric}" for split in SPLITS for metric in every]
    return ["epoch", "step", "lr", OBJECTIVE, *of_splits, GAP, SCORE, *WEIGHTS, "grad_norm", "seconds"]


def measured(names: Iterable[str]) -> list[str]:
    """Those columns that are measured on training, validation or test data."""
    return [name for name in names if measured_by(name)[0]]


def metrics_in(names: Iterable[str]) -> list[str]:
    """The metrics of these columns beside the loss, in their order."""
    return [*_metrics_in(tuple(names))]


@lru_cache(maxsize=256)  # the runs of a sweep have the same columns
def _metrics_in(names: tuple[str, ...]) -> list[str]:
    found = dict.fromkeys(measured_by(name)[1] for name in measured(names))
    return [metric for metric in found if metric != LOSS]


def headline(names: Iterable[str]) -> str:
    """What to compare runs by that have these columns, without the split: the first that is measured beside the loss,
    or that."""
    return next(iter(metrics_in(names)), LOSS)


def score(names: Iterable[str], own: Measures | None = None) -> str:
    """What says how good a run is on a scale that people know, without the split: the first metric of which 1 is the
    best there can be, such as accuracy or R²; if there is none, the headline."""
    found = metrics_in(names)
    best = (m for m in found if (known := measure_of(m, own)).direction == UP and known.best == 1)
    return next(best, headline(names))


def higher_is_better(metric: str) -> bool:
    """Whether more of it is better. Raises UsageError where that is not known."""
    return column(metric).measure.upwards


def words(metric: str) -> str:
    """A column's name for people: ``val accuracy``, ``test RMSE``, ``R²``."""
    split, name = measured_by(metric)
    known = column(metric).measure
    return f"{split} {known.label}" if split and name == known.name else known.label


def cell(metric: str, value: float | None) -> str:
    """A metric as it is shown, in percent or with as many digits as it says."""
    return "-" if value is None or math.isnan(value) else column(metric).measure.cell(value)


def with_derived(values: dict[str, float]) -> dict[str, float]:
    """Add generalization_gap = val_loss - train_loss and overfitting_score = val_loss / train_loss."""
    if "val_loss" not in values:
        return values
    train, val = values["train_loss"], values["val_loss"]
    return values | {GAP: val - train, SCORE: val / train if train else math.inf}


def to_row(values: dict[str, float]) -> dict[str, float | None]:
    """All columns in order; None where there is nothing to report (no such data, or nothing trained yet)."""
    complete = with_derived(values)
    return {name: complete.get(name) for name in columns(metrics_in(values))}


def measures_from(kept: Mapping[str, Mapping[str, Any]] | None) -> dict[str, Measure]:
    """How metrics are compared and shown, as a result or ``metrics.json`` keeps it."""
    return {name: Measure(**{"name": name, **facts}) for name, facts in (kept or {}).items()}
