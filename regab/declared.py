"""What a class or function declares of its parameters, as a structured config."""

from __future__ import annotations

import dataclasses
import inspect
import json
import typing
from collections.abc import Callable, Collection
from dataclasses import field, is_dataclass, make_dataclass
from enum import Enum
from functools import cache
from pathlib import PurePath
from typing import Any

from omegaconf import MISSING, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from regab.errors import UsageError


@cache  # 10 ms
def schema_of(target: Callable[..., Any], path: str, given: tuple[str, ...]) -> tuple[Any, frozenset[str]]:
    """The target's parameters as a structured config, and those of them that are left to the target if no value is
    given, as their defaults cannot stand in one (``nn.ReLU``, None for a float); None if it takes any keyword."""
    parameters = inspect.signature(target).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return None, frozenset()
    own = {name: parameter.default for name, parameter in parameters.items() if name not in given}
    left = set() if is_dataclass(target) else {name for name, default in own.items() if not _is_plain(default)}
    while True:
        try:
            return OmegaConf.structured(make_dataclass("Options", _declared(target, own, left))), frozenset(left)
        except OmegaConfBaseException as error:
            if is_dataclass(target) or str(error.key) in left:
                key, why = f"{path}.{error.key}", str(error).splitlines()[0]
                raise UsageError(f"{key}: its default is not what it is declared to be ({why})") from error
            left.add(str(error.key))


def _declared(target: Callable[..., Any], own: dict[str, Any], left: Collection[str]) -> list[tuple[str, Any, Any]]:
    """Fields of a dataclass that has the target's parameters; of those that are left to it with None."""
    hints = hints_of(target)
    made = {f.name: f.default_factory for f in dataclasses.fields(target)} if is_dataclass(target) else {}
    declared: list[tuple[str, Any, Any]] = []
    for name, default in own.items():
        hint = hints.get(name, Any)
        value = None if name in left else MISSING if default is inspect.Parameter.empty else default
        if (make := made.get(name, dataclasses.MISSING)) is not dataclasses.MISSING:
            value = make()
        factory = field(default_factory=lambda value=value: value)  # type: ignore[misc]  # cannot infer type of lambda
        declared.append((name, _supported(_or_none(hint) if name in left else hint), factory))
    return declared


def _or_none(hint: Any) -> Any:
    try:
        return hint | None
    except TypeError:  # no type
        return Any


def _is_plain(default: Any) -> bool:
    """Whether JSON can keep it; what is not there is."""
    try:
        json.dumps(None if default is inspect.Parameter.empty else default, default=plain)
    except (TypeError, ValueError):
        return False
    return True


def plain(value: Any) -> Any:
    """What JSON keeps of a path or an enumeration's member (see ``arguments``)."""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"JSON cannot keep {value!r}")


def hints_of(target: Callable[..., Any]) -> dict[str, Any]:
    """Declared types; none where they name what only a type checker imports."""
    try:
        return typing.get_type_hints(target if is_dataclass(target) or inspect.isfunction(target) else target.__init__)
    except NameError:
        return {}


def _supported(hint: Any) -> Any:
    try:
        OmegaConf.structured(make_dataclass("Probe", [("value", hint, field(default=MISSING))]))
    except (OmegaConfBaseException, ValueError):
        return Any
    return hint
