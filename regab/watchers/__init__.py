"""Watchers: every file in this folder, but for ``base``, is one. Those that ``always`` listen, and others by name."""

import importlib
import inspect
import pkgutil
from functools import cache
from types import ModuleType

from regab.watchers.base import Watcher


@cache
def watchers() -> dict[str, type[Watcher]]:
    """All watchers by name, in alphabetical order. What only they need, they import when they begin to listen."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name != "base")
    return {name: _watcher(importlib.import_module(f"{__name__}.{name}")) for name in names}


def _watcher(module: ModuleType) -> type[Watcher]:
    (cls,) = [
        c
        for c in vars(module).values()
        if inspect.isclass(c) and issubclass(c, Watcher) and c.__module__ == module.__name__
    ]
    return cls
