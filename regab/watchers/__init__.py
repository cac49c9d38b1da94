"""Watchers: every file in this folder is one that does not begin with an underscore, but for ``base``.

Some ``always`` listen, others by name (``watch=[name]``); those of them that are trackers by ``tracker=name`` as well.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

from regab import fields as declared
from regab.errors import UsageError
from regab.folder import classes_in
from regab.targets import declared_elsewhere, unknown
from regab.watchers._tracker import Tracker
from regab.watchers.base import Watcher

NAMED = {"watcher": ("names", "watch"), "tracker": ("trackers", "tracker")}  # what a node lists, and how it is typed


@cache
def watchers() -> dict[str, type[Watcher]]:
    """All watchers by name, in alphabetical order. What only they need, they import when they begin to listen."""
    return classes_in(__name__, __path__, Watcher)


def trackers() -> dict[str, type[Tracker]]:
    """Those of them that keep runs by another library."""
    return {name: cls for name, cls in watchers().items() if issubclass(cls, Tracker)}


def optional() -> dict[str, Any]:
    """Those whose fields are keys under ``watch.<name>``."""
    return {name: cls for name, cls in watchers().items() if is_dataclass(cls)}


def check_watch(node: dict[str, Any]) -> dict[str, Any]:
    """A configuration's node ``watch`` with all its keys. Raises UsageError, also where a library is missing."""
    lists, own = [key for key, _ in NAMED.values()], optional()
    for key in node:
        if key not in (*lists, *own, "extra"):
            raise UsageError(unknown("key", "watch.", key, [*lists, *own, "extra"]))
    node = dict.fromkeys([*lists, *own, "extra"]) | node
    node |= {key: list(dict.fromkeys(node[key] or [])) for key in lists}
    for what, (key, typed) in NAMED.items():
        for name in node[key]:
            _check_name(what, typed, name)
    for name, cls in own.items():
        node[name] = _options(cls, node[name] or {}, f"watch.{name}")
    return node | {"extra": declared_elsewhere(node["extra"] or {}, "watch.extra", watchers(), Watcher)}


def _check_name(what: str, typed: str, name: str) -> None:
    known: dict[str, Any] = dict(trackers() if what == "tracker" else watchers())
    if name not in known:
        raise UsageError(unknown(what, f"{typed}=", name, known))
    library = getattr(known[name], "library", "")
    if library and not is_installed(library):
        raise UsageError(f"{typed}={name}: is not installed; pip install {library}")


@cache
def is_installed(library: str) -> bool:
    """Whether there is such a package, and not only a folder of that name, as W&B makes them."""
    found = find_spec(library)
    return found is not None and found.origin is not None


def _options(cls: Any, values: dict[str, Any], path: str) -> dict[str, Any]:
    known = {f.name: f.default for f in fields(cls)}
    for key in values:
        if key not in known:
            raise UsageError(unknown("key", f"{path}.", key, known))
    declared.check(cls, values, path)
    return known | values
