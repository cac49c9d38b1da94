"""What drawn variants are compared with: the configuration without what a sweep varies."""

from __future__ import annotations

from collections.abc import Callable

from regab import fields
from regab.analysis.baseline import is_off
from regab.regularizers import methods
from regab.sweep.design import Assignment, Range, Ranged


def reference(factors: Ranged, standing: Callable[[str], str | None]) -> Assignment | None:
    """A level for every factor: a method's neutral value; of other keys, the first of a list, or in place of a range
    what stands in the configuration (``standing``). None where that is nothing."""
    found = {key: _neutral(key, levels) or _of_others(key, levels, standing) for key, levels in factors.items()}
    known = {key: level for key, level in found.items() if level is not None}
    return known if len(known) == len(found) else None


def _neutral(key: str, levels: list[str] | Range) -> str | None:
    if listed := [level for level in levels if is_off(key, level)] if isinstance(levels, list) else []:
        return listed[0]
    group, method, field = [*key.split("."), "", ""][:3]
    cls = methods().get(method) if group == "reg" else None
    default = {declared.name: declared.default for declared in fields.switches(cls)}.get(field) if cls else None
    return None if default is None else f"{default:g}" if isinstance(default, float) else str(default)


def _of_others(key: str, levels: list[str] | Range, standing: Callable[[str], str | None]) -> str | None:
    return standing(key) if isinstance(levels, Range) else levels[0]
