"""regab: which regularizers help this model on this data, by how much, and can the answer be trusted?

From Python: ``regab.train``, ``regab.sweep``, ``regab.load``, ``regab.compare`` and ``regab.report`` (``regab.api``).
Importing this imports nothing else; what a function needs it imports when it is called.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.2.0"

_API = ("compare", "load", "train", "Run", "Sweep")  # sweep and report are packages that can be called
_ERRORS = ("CannotWrite", "Interrupted", "RunsFailed", "UsageError")


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _API:
        return getattr(import_module("regab.api"), name)
    if name in _ERRORS:
        return getattr(import_module("regab.errors"), name)
    if name in ("sweep", "report"):
        return import_module(f"regab.{name}")
    raise AttributeError(f"module 'regab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_API, *_ERRORS, "sweep", "report"])
