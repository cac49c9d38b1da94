"""What a folder of single files holds: one class in each."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterable
from typing import Any


def classes_in(package: str, path: Iterable[str], base: type) -> dict[str, Any]:
    """The subclass of ``base`` in every file of a package, by the file's name, in alphabetical order; ``base`` itself
    and files that begin with an underscore are none."""
    names = [m.name for m in pkgutil.iter_modules(path) if m.name != "base" and m.name[0] != "_"]
    return {name: _class(importlib.import_module(f"{package}.{name}"), base) for name in sorted(names)}


def _class(module: Any, base: type) -> type:
    (cls,) = [
        c
        for c in vars(module).values()
        if inspect.isclass(c) and issubclass(c, base) and c.__module__ == module.__name__
    ]
    return cls
