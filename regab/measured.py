"""What a configuration says about its task and about what is measured: nodes ``task``, ``metrics`` and ``headline``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from regab.errors import UsageError
from regab.metrics import LOSS, SPLITS, Measures, measured_by, metrics
from regab.metrics.base import DOWN, UP, Metric
from regab.targets import locate, options, unknown
from regab.tasks import tasks
from regab.tasks.base import Task, kinds

Config = dict[str, Any]

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
        for key in node.keys() - {"_target_"}:
            raise UsageError(
                f"task.{key}: say first which task, as task=classification; there is: {', '.join(tasks())}"
            )
        return {"_target_": None}
    cls = locate(node, "task")
    if not (isinstance(cls, type) and issubclass(cls, Task)):
        raise UsageError(f"task._target_={node['_target_']}: must be a subclass of regab's Task")
    return {"_target_": node["_target_"], **options(node, "task")}


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
    if not name.isidentifier() or measured_by(name)[0] or name in metrics() or name == "objective":
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


def metric_names(config: Config, task: type[Task]) -> list[str]:
    """What is measured of a run beside the loss, in the order of its columns."""
    asked = config.get("metrics", {})
    names = asked.get("names")
    return [*(task.metrics if names is None else names), *asked.get("extra", {})]


def all_measured(config: Config, result: dict[str, Any]) -> bool:
    """Whether a run's result has all that its configuration asks to measure."""
    named = task_and_values(config.get("task"))
    task = named[0] if named else tasks().get(result["task"], Task)
    return all(f"{SPLITS[0]}_{name}" in result["last"] for name in metric_names(config, task))


def metrics_of(config: Config, task: type[Task]) -> dict[str, Metric]:
    """The metrics of a run. Raises UsageError for one that is not for its task."""
    found = {}
    for name in metric_names(config, task):
        node = config["metrics"]["extra"].get(name)
        cls = locate(node, f"metrics.extra.{name}") if node else metrics()[name]
        if cls.tasks and not set(cls.tasks) & set(kinds(task)):
            raise UsageError(f"metrics={name}: is for {' or '.join(cls.tasks)}, but this data set is a {task.name}")
        found[name] = cls(**{k: v for k, v in (node or {}).items() if k != "_target_"})
    return found


def check_measured(config: Config, task: type[Task], monitors: dict[str, str]) -> None:
    """Raises UsageError where a run's headline, or what a schedule or a stopping rule goes by, is not measured.

    ``monitors``: the latter by their keys.
    """
    known = [LOSS, *metrics_of(config, task)]
    if config["headline"] is not None and config["headline"] not in known:
        raise UsageError(_not_measured("headline", config["headline"], known, task))
    columns = [f"val_{name}" for name in known]
    for key, monitor in monitors.items():
        if monitor not in columns:
            raise UsageError(_not_measured(key, monitor, columns, task))


def _not_measured(key: str, value: str, known: list[str], task: type[Task]) -> str:
    return f"{key}={value}: this data set is a {task.name}; choose one of {', '.join(known)}"
