"""Packages that are functions too: ``regab.sweep(…)`` beside ``regab.sweep.design``."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class Called(ModuleType):
    """A package that, when it is called, calls the function of its name in ``regab.api``."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return getattr(import_module("regab.api"), self.__name__.rpartition(".")[2])(*args, **kwargs)


def may_be_called(package: str) -> None:
    """Make a package one of these."""
    sys.modules[package].__class__ = Called
