"""torchvision's transforms by name."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

from regab.errors import UsageError, in_a_line
from regab.lazy import torch
from regab.targets import locate, unknown


def made(operations: Any, key: str) -> Any:
    """One transform of a name, ``{name: {argument: value}}`` or a list of these, done one after the other.

    A name without a point is one of ``torchvision.transforms.v2``; arguments that are transforms (of RandomApply, …)
    are written alike. Raises UsageError.
    """
    v2 = importlib.import_module("torchvision.transforms.v2")  # 1-4 s, so only where something is transformed
    several = operations if isinstance(operations, list) else [operations]
    if not several:
        raise UsageError(f"{key}=[]: names no transform; as in {key}=[RandAugment]")
    transforms = [_made(each, key, v2) for each in several]
    return transforms[0] if len(transforms) == 1 else v2.Compose(transforms)


def _made(operation: Any, key: str, v2: Any) -> Any:
    if isinstance(operation, str):
        operation = {operation: {}}
    if not isinstance(operation, dict) or len(operation) != 1:
        raise UsageError(f"{key}: must be a list of names or of {{name: {{argument: value}}}}, not {operation!r}")
    ((name, arguments),) = operation.items()
    if not isinstance(arguments or {}, dict):
        raise UsageError(f"{key}: {name} needs arguments by name, as {{{name}: {{p: 0.5}}}}, not {arguments!r}")
    cls = locate({"_target_": name}, key) if "." in str(name) else _of_torchvision(str(name), key, v2)
    try:
        return cls(**{k: _argument(k, v, key, v2) for k, v in (arguments or {}).items()})
    except UsageError:  # of a transform among the arguments
        raise
    except Exception as error:  # a class's own checks
        raise UsageError(f"{key}: {name} cannot be made of {arguments or 'nothing'}: {in_a_line(error)}") from error


def _of_torchvision(name: str, key: str, v2: Any) -> Any:
    known = sorted(_names(v2))
    if name not in known:
        raise UsageError(unknown("transform", f"{key}=", name, known))
    return getattr(v2, name)


def _names(v2: Any) -> Iterator[str]:
    for name, value in vars(v2).items():
        if isinstance(value, type) and issubclass(value, v2.Transform) and value is not v2.Transform:
            yield name


def _argument(name: str, value: Any, key: str, v2: Any) -> Any:
    """Lists of transforms, and the types and kinds of interpolation that Python has no words for."""
    if name == "transforms" and isinstance(value, list):
        return [_made(each, key, v2) for each in value]
    if name == "interpolation" and isinstance(value, str):
        return v2.InterpolationMode(value)
    if name == "policy" and isinstance(value, str):
        return v2.AutoAugmentPolicy(value)
    if name == "dtype" and isinstance(value, str):
        return getattr(torch, value)
    return value
