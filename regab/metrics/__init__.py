"""The metrics: every file in this folder that does not begin with an underscore, but for ``base``, is one."""

from collections.abc import Mapping
from functools import cache

from regab.errors import UsageError
from regab.folder import classes_in
from regab.metrics.base import Measure, Metric
from regab.targets import unknown

SPLITS = ("train", "val", "test")
EACH = "_per_class"  # how the name of a metric ends that has a column for each class
LOSS = "loss"  # what every task measures of itself
OBJECTIVE = "train_objective"  # what was minimized in training, which is no metric

Measures = Mapping[str, Measure]


@cache
def metrics() -> dict[str, type[Metric]]:
    """All metrics by name, in alphabetical order. Reads the files without importing torch."""
    return classes_in(__name__, __path__, Metric)


@cache
def measures() -> dict[str, Measure]:
    """How each of them is compared and shown."""
    return {name: cls.measure(name) for name, cls in metrics().items()}


@cache
def measured_by(column: str) -> tuple[str, str]:
    """The split and the metric of a column, ``val`` and ``accuracy`` of ``val_accuracy``; no split if it has none."""
    split, _, metric = column.partition("_")
    return (split, metric) if split in SPLITS and metric and column != OBJECTIVE else ("", column)


def measure_of(column: str, own: Measures | None = None, otherwise: Measure | None = None) -> Measure:
    """How a column is compared and shown, with metrics of the user's ``own`` besides.

    Raises UsageError for an unknown one, if it is not said how that is taken ``otherwise``.
    """
    known = measures() | dict(own or {})
    split, metric = measured_by(column)
    found = known.get(column) or known.get(metric) or of_a_class(metric) or otherwise
    if found is None:
        raise UsageError(unknown("metric", f"{split}_" if split else "", metric, known))
    return found


def first_column(name: str) -> str:
    """The first column of a metric: ``f1_0`` of ``f1_per_class``."""
    return f"{name.removesuffix(EACH)}_0" if name.endswith(EACH) else name


def of_a_class(column: str) -> Measure | None:
    """How ``f1_3`` is compared and shown."""
    stem, _, number = column.rpartition("_")
    found = metrics().get(f"{stem}{EACH}") if number.isdecimal() else None
    return found.measure(column) if found else None
