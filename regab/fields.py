"""How a configurable dataclass (regularizer, optimizer, schedule) declares its fields.

A field is one of two things:

* a number that may differ between the runs of a stack (``strength``, ``number``): a float in a config, a tensor ``[V]``
  in a stack;
* structure (``fixed``, ``choice`` and every field that is no float): one Python value, the same for a whole stack.

A bare ``name: float = 0.0`` is a strength without limits, so a user's own class needs none of these helpers.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, TypeVar, cast

from regab.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])


def _kept(function: F) -> F:
    """``functools.cache``, which type checkers take to refuse classes whose instances have no hash."""
    return cast(F, cache(function))


@dataclass(frozen=True)
class Interval:
    """A range as it is written in mathematics: ``[0, 1)``, ``(0, inf]``."""

    text: str

    @cached_property
    def ends(self) -> tuple[float, float]:
        """The least and the largest number, or what lies just beyond them."""
        low, high = map(float, self.text[1:-1].split(","))
        return low, high

    def __contains__(self, value: float) -> bool:
        low, high = self.ends
        above = value >= low if self.text[0] == "[" else value > low
        below = value <= high if self.text[-1] == "]" else value < high
        return above and below

    def __str__(self) -> str:
        return f"in {self.text}"


@dataclass(frozen=True)
class Options:
    """A fixed list of words."""

    choices: tuple[str, ...]

    def __contains__(self, value: Any) -> bool:
        return value in self.choices

    def __str__(self) -> str:
        return f"one of {', '.join(self.choices)}"


def strength(neutral: float, within: str) -> Any:
    """A number that says how much. At ``neutral`` the method is exactly absent."""
    return field(default=neutral, metadata={"within": Interval(within), "stacked": True, "switch": True})


def number(default: float, within: str) -> Any:
    """A number that may differ between the runs of a stack but does not switch its method on or off."""
    return field(default=default, metadata={"within": Interval(within), "stacked": True, "switch": False})


def fixed(default: float, within: str, switch: bool = False) -> Any:
    """A number that is structure: runs that differ in it are trained in different stacks; with ``switch``, the default
    means that what it is of is absent."""
    return field(default=default, metadata={"within": Interval(within), "stacked": False, "switch": switch})


def structure(default: Any, within: Any) -> Any:
    """Anything that is structure. ``within`` tells by ``in`` whether a value is allowed, and by its text which are."""
    return field(default=default, metadata={"within": within, "stacked": False, "switch": False})


def option(within: Any) -> Any:
    """Anything that may differ between the runs of a stack, None being neutral: there, a tuple with one per run.

    ``within`` is as in ``structure``.
    """
    return field(default=None, metadata={"within": within, "stacked": True, "switch": True})


def choice(*choices: str, switch: bool = False) -> Any:
    """One of some words, the first being the default; with ``switch``, the default means that the method is absent."""
    return field(default=choices[0], metadata={"within": Options(choices), "stacked": False, "switch": switch})


def stacked(field: dataclasses.Field) -> bool:
    """Whether runs of one stack may differ in this field."""
    return field.metadata.get("stacked", field.type in (float, "float"))


@_kept  # this and the next are asked of every method of every run
def names(cls: type) -> list[str]:
    """The names of all fields."""
    return [f.name for f in dataclasses.fields(cls)]


@_kept
def switches(cls: type) -> list[dataclasses.Field]:
    """The fields whose defaults, all together, mean that the method is absent."""
    return [f for f in dataclasses.fields(cls) if f.metadata.get("switch", stacked(f))]


@_kept
def numbers(cls: type) -> frozenset[str]:
    """The fields in which runs of one stack may differ."""
    return frozenset(f.name for f in dataclasses.fields(cls) if stacked(f))


@_kept
def _neutral(cls: type) -> list[tuple[str, Any]]:
    return [(f.name, f.default) for f in switches(cls)]


def is_neutral(cls: type, values: dict[str, Any]) -> bool:
    """Whether these values leave the method exactly absent."""
    own = _neutral(cls)
    for name, default in own:  # all(…) takes three times as long, and a sweep asks of every method of every run
        if values.get(name, default) != default:
            return False
    return bool(own)


def active(cls: Any, values: dict[str, Any]) -> dict[str, Any]:
    """The values without those of a (data)class's switches that mean that something is absent."""
    own = {f.name: _default(f) for f in dataclasses.fields(cls) if f.metadata.get("switch")} if _declares(cls) else {}
    return {name: value for name, value in values.items() if name not in own or value != own[name]}


def _default(own: dataclasses.Field) -> Any:
    return own.default if own.default_factory is dataclasses.MISSING else own.default_factory()


def _declares(cls: Any) -> bool:
    return isinstance(cls, type) and dataclasses.is_dataclass(cls)


def problems(cls: type, values: dict[str, Any], path: str) -> Iterator[str]:
    """What is out of range, one sentence each."""
    for name, default, within in _limits(cls):
        value = values.get(name, default)
        if isinstance(value, float) and math.isnan(value):
            yield f"{path}.{name}={value}: must be a number".lstrip(".")
        elif within is not None and value is not None and value not in within:
            yield f"{path}.{name}={value}: must be {within}".lstrip(".")


@_kept
def _limits(cls: type) -> list[tuple[str, Any, Any]]:
    return [(f.name, f.default, f.metadata.get("within")) for f in dataclasses.fields(cls)]


def check(cls: type, values: dict[str, Any], path: str) -> None:
    """Raise UsageError for the first value that is out of range."""
    for problem in problems(cls, values, path):
        raise UsageError(problem)


def structural(cls: type, values: dict[str, Any]) -> dict[str, Any]:
    """The values that all runs of a stack have in common."""
    own = numbers(cls)
    return {name: value for name, value in values.items() if name not in own}


def join(cls: type, runs: list[dict[str, Any]], array: Callable[[list[float]], Any]) -> Any:
    """One instance for a whole stack: numbers become arrays ``[V]``, structure is taken from the first run."""
    own, options = numbers(cls), {f.name for f in dataclasses.fields(cls) if stacked(f) and f.default is None}
    joined = {k: array([float(r[k]) for r in runs]) for k in runs[0].keys() & own - options}
    return cls(**runs[0] | joined | {k: tuple(r[k] for r in runs) for k in runs[0].keys() & options})


def per_run(value: Any, runs: int, hook: str) -> Any:
    """What a hook returned for a stack, if it is a number of each run ``[V]``.

    Raises UsageError for all else: a single number would be a mean over runs, and make each depend on its neighbours.
    """
    if hasattr(value, "cpu") and value.shape == (runs,) and not value.is_complex():
        return value
    found = f"a tensor {list(value.shape)} of {value.dtype}" if hasattr(value, "cpu") else type(value).__name__
    raise UsageError(f"{hook}: must return a tensor with one number for each run, here [{runs}], not {found}")


def of_kind(value: Any, kind: type, hook: str) -> Any:
    """What a hook returned, if it is of a kind. Raises UsageError if not."""
    if isinstance(value, kind):
        return value
    raise UsageError(f"{hook}: must return {kind.__name__}, not {type(value).__name__}")
