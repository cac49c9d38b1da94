"""``regab list``: what there is to choose from, one line each."""

from __future__ import annotations

from regab.command.cards import cards, parts, title
from regab.config import CONF
from regab.errors import UsageError
from regab.metrics import metrics
from regab.regularizers import first_field, methods
from regab.tasks import tasks
from regab.watchers import trackers, watchers

GROUPS = ["data", "model", "task", "metric", "optimizer", "schedule", "reg", "watcher", "experiment"]


def list_group(group: str, heading: bool, long: bool = False) -> str:
    """The options of a config group, all metrics or tasks, or (``reg``) all methods, then the presets; ``long``: a card
    of every method."""
    if group == "reg" and long:
        return cards()
    if long:
        raise UsageError(f"list {group} --long: only methods have cards; try: regab list reg --long")
    rows = LISTED[group]() if group in LISTED else _options(group)
    if group == "reg":
        rows = _methods() + [(f"reg={name}", f"preset: {text}") for name, text in rows]
    width = max((len(name) for name, _ in rows), default=0)
    lines = [f"  {name:{width}}  {text}" for name, text in rows]
    return "\n".join([f"{group}:", *lines, ""] if heading else [line[2:] for line in lines])


def _options(group: str) -> list[tuple[str, str]]:
    files = sorted((CONF / group).glob("*.yaml"))
    return [(file.stem, _comment(file.read_text("utf-8"))) for file in files]


def _comment(text: str) -> str:
    comments = [line for line in text.splitlines() if line.startswith("#") and "@package" not in line]
    return comments[0].removeprefix("#").strip() if comments else ""


def _methods() -> list[tuple[str, str]]:
    return [(f"reg.{name}.{first_field(cls)}", f"{title(cls)} [{_paper(cls)}]") for name, cls in methods().items()]


def _watchers() -> list[tuple[str, str]]:
    keys = {name: "" if cls.always else f" (watch=[{name}])" for name, cls in watchers().items()}
    keys |= {name: f" (tracker={name})" for name in trackers()}
    return [(name, title(cls) + keys[name]) for name, cls in watchers().items()]


def _metrics() -> list[tuple[str, str]]:
    """Every metric, which way is better, and the tasks that it is for."""
    return [(name, f"{title(cls)} [{', '.join([cls.direction, *cls.tasks])}]") for name, cls in metrics().items()]


def _tasks() -> list[tuple[str, str]]:
    """Every task, and what is measured if nothing is said."""
    return [(name, f"{title(cls)} [{', '.join(['loss', *cls.metrics])}]") for name, cls in tasks().items()]


LISTED = {"metric": _metrics, "task": _tasks, "watcher": _watchers}


def _paper(cls: type) -> str:
    papers = [part for part in parts(cls) if part.startswith("Paper: ")]
    return papers[0].removeprefix("Paper: ").rstrip(".") if papers else "no paper"
