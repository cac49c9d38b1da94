"""The methods: every file in this folder that does not begin with an underscore, but for ``base``, is one."""

import importlib
import inspect
import pkgutil
from functools import cache

from regab.regularizers.base import Regularizer


@cache
def methods() -> dict[str, type[Regularizer]]:
    """All methods by name, in alphabetical order. Reads the files without importing torch."""
    names = [m.name for m in pkgutil.iter_modules(__path__) if m.name != "base" and m.name[0] != "_"]
    return {name: _method(importlib.import_module(f"{__name__}.{name}")) for name in sorted(names)}


def _method(module) -> type[Regularizer]:
    (cls,) = [
        c
        for c in vars(module).values()
        if inspect.isclass(c) and issubclass(c, Regularizer) and c.__module__ == module.__name__
    ]
    return cls


def first_field(cls: type[Regularizer]) -> str:
    """The field that ``reg.<method>=<value>`` means."""
    return next(iter(cls.__annotations__))
