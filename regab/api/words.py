"""What is asked for in Python, as the words of a command line."""

from __future__ import annotations

import inspect
import itertools
import os
import re
import shlex
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from numbers import Number
from typing import Any

from regab.errors import UsageError
from regab.workers.store import quoted

Values = str | Mapping[str, Any] | Sequence[str]

WRITTEN = (bool, str, os.PathLike, Number)
OBJECTS = "regab_objects"  # the module that holds classes and functions that no other module has by their name
NODES = re.compile(r"^(model|data|task|optimizer|schedule|(reg|metrics|watch)\.extra\.\w+)$")
UNQUOTED = re.compile(r"[^\s'\"{}$\\]+")


def words_of(values: Sequence[Values], more: Mapping[str, Any], sweep: bool) -> list[str]:
    """The words of all values, in their order. Raises UsageError."""
    words: list[str] = []
    for value in [*values, more]:
        if isinstance(value, str):
            words += shlex.split(value)
        elif isinstance(value, Mapping):
            words += [word(str(key), given, sweep) for key, given in value.items()]
        else:
            words += map(str, value)
    return words


def word(key: str, value: Any, sweep: bool) -> str:
    """``key=value``; in a sweep, a list has the values that the key takes."""
    if getattr(value, "ndim", 0) == 1 and hasattr(value, "tolist"):
        value = value.tolist()
    for odd in _unwritten(value):
        cure = "hand over a class, or a function that makes or returns them (lambda: …)"
        raise UsageError(f"{key}: {type(odd).__name__} objects are no values of a configuration; {cure}")
    if sweep and isinstance(value, list | tuple | range):
        if not value:
            raise UsageError(f"{key}: has no values, so there is nothing to train")
        named = {key_for(key, each) for each in value}
        if len(named) > 1:
            raise UsageError(f"{key}: some values are classes and some are not; give one kind")
        return f"{named.pop()}={','.join(text(each) for each in value)}"
    return f"{key_for(key, value)}={text(value)}"


def _unwritten(value: Any) -> Iterator[Any]:
    """What in a value cannot be written as words: an array, a frame, or a model, metric or optimizer that is made."""
    if isinstance(value, list | tuple | range):
        yield from itertools.chain.from_iterable(map(_unwritten, value))
    elif isinstance(value, Mapping):
        yield from _unwritten([*value.values()])
    elif (hasattr(value, "state_dict") and not inspect.isclass(value)) or not (
        value is None or isinstance(value, WRITTEN) or is_object(value) or _is_number(value)
    ):
        yield value


def _is_number(value: Any) -> bool:
    """Whether this is a number of NumPy's or torch's."""
    return hasattr(value, "item") and getattr(value, "ndim", None) == 0


def key_for(key: str, value: Any) -> str:
    """The key that a value is for: of a class, the ``_target_`` of its node."""
    return f"{key}._target_" if is_object(value) and NODES.match(key) else key


def is_object(value: Any) -> bool:
    """Whether a value is a class or a function of the user's."""
    return inspect.isclass(value) or callable(value)


def text(value: Any) -> str:
    """A value as a command line has it."""
    if is_object(value):
        return path_of(value)
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{','.join(map(text, value))}]"
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{key}:{text(each)}' for key, each in value.items())}}}"
    if isinstance(value, str | os.PathLike):
        as_it_is = UNQUOTED.fullmatch(str(value)) and not (isinstance(value, os.PathLike) or os.path.exists(value))
        return str(value) if as_it_is else quoted(str(value))
    return repr(value.item() if hasattr(value, "item") else value)  # a number, of NumPy's too


def path_of(thing: Any) -> str:
    """Where a class or a function is found: in its module or, made elsewhere than at its top, in one of ours.

    Workers are forked, so that they have what this process has.
    """
    name = getattr(thing, "__qualname__", type(thing).__name__)
    module = sys.modules.get(getattr(thing, "__module__", ""))
    if module is not None and getattr(module, name, None) is thing:
        return f"{module.__name__}.{name}"
    ours = sys.modules.setdefault(OBJECTS, types.ModuleType(OBJECTS, "Classes and functions that were given to regab."))
    plain = re.sub(r"\W+", "_", name).strip("_") or "thing"
    names = itertools.chain([plain], (f"{plain}_{i}" for i in itertools.count(2)))
    name = next(n for n in names if vars(ours).setdefault(n, thing) is thing)
    return f"{OBJECTS}.{name}"
