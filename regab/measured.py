"""What a configuration says about its task and about what is measured: nodes ``task``, ``metrics`` and ``headline``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from regab.errors import UsageError
from regab.lazy import torch
from regab.metrics import LOSS, SPLITS, Measures, first_column, measured_by, metrics, of_a_class
from regab.metrics.base import DOWN, UP, Metric
from regab.targets import locate, options, unknown
from regab.tasks import tasks
from regab.tasks.base import Task

if TYPE_CHECKING:
    from torch import Tensor

    from regab.data.split import Data

Config = dict[str, Any]

BALANCED = "balanced_accuracy"
# Keys that cannot change a run's weights, only which columns there are of it and what it is compared by.
MEASURED = ("metrics", "headline")


@dataclass
class MetricOptions:
    """``names``: what is measured beside the loss, of regab's own metrics; null: what the task says. ``extra``:
    metrics of the user's own by name, each a node with a ``_target_``, which are measured besides."""

    names: list[str] | None = None
    extra: dict[str, Any] = field(default_factory=dict)


def check_task(node: Config) -> Config:
    """The same node with its options typed; without a ``_target_``, the task is that of the data. Raises UsageError."""
    if not node.get("_target_"):
        options_said = [key for key in node if key != "_target_"]
        if not options_said:
            return {"_target_": None}
        node = node | {"_target_": _having(options_said)}
    cls = locate(node, "task")
    if not (isinstance(cls, type) and issubclass(cls, Task)):
        raise UsageError(f"task._target_={node['_target_']}: must be a subclass of regab's Task")
    return {"_target_": node["_target_"], **options(node, "task")}


def _having(said: list[str]) -> str:
    """The one task that these options are of; of some that extend each other, the plainest. Raises UsageError."""
    declared = {cls: {f.name for f in dataclasses.fields(cls)} for cls in tasks().values()}
    found = [cls for cls, names in declared.items() if set(said) <= names]
    plainest = [cls for cls in found if all(issubclass(other, cls) for other in found)]
    if not plainest:
        there = ", ".join(tasks())
        raise UsageError(f"task.{said[0]}: say first which task, as task=classification; there is: {there}")
    return f"{plainest[0].__module__}.{plainest[0].__qualname__}"


def task_and_values(node: Config | None) -> tuple[type[Task], Config] | None:
    """The task that a configuration names, and its options; None where it is that of the data."""
    if not node or not node.get("_target_"):
        return None
    return locate(node, "task"), {k: v for k, v in node.items() if k != "_target_"}


def read_for(task: Config, data: Config) -> Config:
    """A data node whose labels are read as the named task wants, if it does not say how."""
    named = task_and_values(task)
    return data | {"task": named[0].reads} if named and data.get("task") == "auto" else data


def check_metrics(node: Config) -> Config:
    """The same node with the options of the user's own metrics typed. Raises UsageError."""
    for name in node["names"] or []:
        if not isinstance(name, str) or name not in metrics():
            raise UsageError(unknown("metric", "metrics=", name, metrics()))
    names = None if node["names"] is None else [n for n in dict.fromkeys(node["names"]) if n != LOSS]
    return {"names": names, "extra": {name: _check_extra(extra, name) for name, extra in node["extra"].items()}}


def _check_extra(node: Any, name: str) -> Config:
    path = f"metrics.extra.{name}"
    if not name.isidentifier() or measured_by(name)[0] or name in (*metrics(), "objective") or of_a_class(name):
        raise UsageError(f"{path}: regab has a metric or a column of that name; choose another")
    cls = locate(node if isinstance(node, dict) else {}, path)
    if not (isinstance(cls, type) and issubclass(cls, Metric)):
        raise UsageError(f"{path}._target_={node['_target_']}: must be a subclass of regab's Metric")
    if cls.direction not in (UP, DOWN):
        raise UsageError(f'{path}._target_={node["_target_"]}: must say direction = "up" or direction = "down"')
    try:
        cls.measure(name).cell(0.5), cls.measure(name).bounds
    except ValueError as error:
        raise UsageError(f"{path}._target_={node['_target_']}: {error}; see its form and range") from error
    return {"_target_": node["_target_"], **options(node, path)}


def own_measures(config: Config) -> Measures:
    """How the metrics of the user's own are compared and shown."""
    extra = config.get("metrics", {}).get("extra", {})
    return {name: locate(node, f"metrics.extra.{name}").measure(name) for name, node in extra.items()}


def metric_names(config: Config, task: type[Task], imbalanced: bool = False) -> list[str]:
    """What is measured of a run beside the loss, in the order of its columns: what is asked for, else what the task
    says and the headline; of imbalanced classes balanced accuracy before accuracy."""
    asked = config.get("metrics", {})
    names = asked.get("names")
    if names is None:
        first = [BALANCED] if imbalanced and task.metrics[:1] == ("accuracy",) else []
        headline = [config["headline"]] if config.get("headline") in {*metrics()} - {LOSS} else []
        names = dict.fromkeys([*first, *task.metrics, *headline])
    return [*names, *asked.get("extra", {})]


def all_measured(config: Config, result: dict[str, Any]) -> bool:
    """Whether a run's result has all that its configuration asks to measure."""
    named = task_and_values(config.get("task"))
    task = named[0] if named else tasks().get(result["task"], Task)
    return all(f"{SPLITS[0]}_{first_column(name)}" in result["last"] for name in metric_names(config, task))


def metrics_of(config: Config, data: Data) -> dict[str, Metric]:
    """The metrics of a run by their columns. Raises UsageError for one that is not for its task, or lacks a library."""
    found: dict[str, Metric] = {}
    task = type(data.task)
    for name in metric_names(config, task, data.imbalance is not None):
        node = config["metrics"]["extra"].get(name)
        cls = locate(node, f"metrics.extra.{name}") if node else metrics()[name]
        if not cls.is_for(task):
            raise UsageError(f"metrics={name}: is for {' or '.join(cls.tasks)}, but the task is {task.name}")
        if cls.needs and find_spec(cls.needs) is None:
            raise UsageError(f"metrics={name}: needs {cls.needs}; pip install 'regab[metrics]'")
        metric = cls(**{k: v for k, v in (node or {}).items() if k != "_target_"})
        found |= {name: metric} if node else metric.columns(name, _views(data, data.train.y))
    return found


def with_libraries(metrics: dict[str, Metric]) -> dict[str, Metric]:
    """The same once the libraries that they need are imported, which takes seconds that are none of a run's."""
    for library in {metric.needs for metric in metrics.values()} - {""}:
        import_module(library)
    return metrics


def _views(data: Data, y: Tensor) -> list[tuple[Tensor, Tensor]]:
    """What metrics see of these targets, with the outputs of no run."""
    return data.task.predictions(torch.empty(0, len(y), *data.task.answers(data.train.y, data.classes)[0]), y.cpu())


def undefined(metrics: Mapping[str, Metric], data: Data) -> dict[str, str]:
    """The columns that have no value whatever a model says, and why: ``val_auroc``: all examples are of one class."""
    found, scales = {}, data.scale.each()
    for part in SPLITS:
        if len(y := getattr(data, part).y):
            targets = [target for _, target in _views(data, y)]
            both = list(zip(targets, scales * (len(targets) // len(scales)), strict=True))
            for name, metric in metrics.items():
                why = [metric.undefined(y if metric.standardized else scale.back(y)) for y, scale in both]
                if all(why if metric.target is None else [why[metric.target]]):
                    found[f"{part}_{name}"] = why[metric.target or 0]
    return found


def undefined_words(metrics: Mapping[str, Metric], data: Data) -> list[str]:
    """The same in a line for each reason."""
    found = undefined(metrics, data)
    by_reason = {why: [column for column, other in found.items() if other == why] for why in found.values()}
    return [f"not defined (nan): {', '.join(columns)}; {why}" for why, columns in by_reason.items()]


def check_measured(config: Config, data: Data, monitors: dict[str, str]) -> None:
    """Raises UsageError where a run's headline, or what a schedule or a stopping rule goes by, is not measured, or has
    no value on the data that it is for.

    ``monitors``: the latter by their keys.
    """
    found, task = metrics_of(config, data), type(data.task)
    known, nothing = [LOSS, *found], undefined(found, data)
    if (headline := config["headline"]) is not None:
        if headline not in known:
            raise UsageError(_not_measured("headline", headline, known, task))
        column = f"{'test' if len(data.test) else 'val'}_{headline}"
        _refuse_undefined("headline", headline, column, nothing)
    columns = [f"val_{name}" for name in known]
    for key, monitor in monitors.items():
        if monitor not in columns:
            raise UsageError(_not_measured(key, monitor, columns, task))
        _refuse_undefined(key, monitor, monitor, nothing)


def _refuse_undefined(key: str, value: str, column: str, nothing: dict[str, str]) -> None:
    if column in nothing:
        raise UsageError(f"{key}={value}: {column} is not defined: {nothing[column]}")


def _not_measured(key: str, value: str, known: list[str], task: type[Task]) -> str:
    """Where it is one of regab's metrics for the task, that it must be asked for."""
    cls = metrics().get(measured_by(value)[1])
    if cls is not None and cls.is_for(task) and measured_by(value)[0] == measured_by(known[0])[0]:
        asked = [measured_by(name)[1] for name in (*known, value)]
        return f"{key}={value}: is not measured; say metrics=[{','.join(n for n in asked if n != LOSS)}]"
    return f"{key}={value}: the task is {task.name}; choose one of {', '.join(known)}"
