"""Which variant the others are compared with."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from regab import fields
from regab.errors import UsageError
from regab.records.results import variant_name
from regab.targets import unknown

if TYPE_CHECKING:
    from pandas import DataFrame

Levels = dict[str, str]
Asked = str | Levels | None  # the baseline: its name, its levels, or none in particular
Variants = dict[str, Levels]  # name: what its factors are set to, in the order of first mention


def find_baseline(variants: Variants, asked: Asked = None) -> str:
    """The name of the variant that was asked for, by name or by its levels (factors left out are at neutral).

    Without a wish: the variant in which every factor is at neutral or, failing that, at its first level; where the
    design has no such variant, the first. Raises UsageError for one that does not exist.
    """
    off = off_levels(variants)
    if isinstance(asked, str):
        asked = variants[asked] if asked in variants else _levels(asked)
    if asked is not None:
        keys = {short(factor): factor for factor in off}
        named = {keys.get(short(key), key): str(level) for key, level in asked.items()}
        found = _variant(variants, off | named)
        if found is None:
            raise UsageError(unknown("variant", "baseline ", variant_name(off | named), variants))
        return found
    first = {factor: next(levels[factor] for levels in variants.values()) for factor in off}
    return _variant(variants, off) or _variant(variants, first) or next(iter(variants))


def off_levels(variants: Variants) -> Levels:
    """Every factor's neutral level or, where it has none, its first."""
    levels = {factor: dict.fromkeys(v[factor] for v in variants.values()) for factor in next(iter(variants.values()))}
    return {f: next((level for level in of if is_off(f, level)), next(iter(of))) for f, of in levels.items()}


def is_off(factor: str, level: str) -> bool:
    """Whether a regularizer is absent at this level: ``reg.l2.strength=0``, ``reg.l2={strength:0}``, ``reg=none``."""
    from regab.regularizers import methods

    group, method, field = [*factor.split("."), "", ""][:3]
    if group == "task":
        return level in _neutral_of_tasks().get(method, ())
    cls = methods().get(method)
    if group == "reg" and not method:
        return level == "none"
    if group != "reg" or cls is None:
        return False
    values = {field: _value(level)} if field else _value(level)
    if not isinstance(values, dict) or not {f.name for f in fields.switches(cls)} & values.keys():
        return False
    return fields.is_neutral(cls, values)


@cache
def _neutral_of_tasks() -> dict[str, tuple[str, ...]]:
    """At which levels the options of regab's tasks are absent: ``none`` and ``null`` of ``class_weights``, …"""
    from regab.tasks import tasks

    switches = {f.name: f.default for cls in tasks().values() for f in fields.switches(cls)}
    return {n: ("none", "null", "None") if v is None else (f"{v:g}", str(v)) for n, v in switches.items()}


def short(factor: str) -> str:
    """A key as variants are named by: without ``reg.``."""
    return factor.removeprefix("reg.")


def variants_of(results: DataFrame) -> Variants:
    """All variants of a table of results."""
    import pandas as pd

    from regab.analysis.table import factors_of, variant_names

    names = pd.Index(variant_names(results))
    rows = results.loc[~names.duplicated(), factors_of(results)].to_dict("records")
    return dict(zip(names.unique(), rows, strict=True))


def _variant(variants: Variants, levels: Levels) -> str | None:
    return next((name for name, own in variants.items() if own == levels), None)


def _levels(text: str) -> Levels:
    """``dropout.rate=0.5, widths=[8,8]`` as levels: a comma separates where a key and an equals sign follow."""
    parts = re.split(r",\s*(?=[\w.+/@]+=)", text)
    if not all("=" in part for part in parts):
        raise UsageError(f"baseline {text}: must be the name of a variant, or key=value,…")
    return dict(part.split("=", 1) for part in parts)


def _value(level: str) -> Any:
    import yaml

    if level.startswith("{"):
        return yaml.safe_load(re.sub(r":(?=\S)", ": ", level))
    try:
        return float(level)
    except ValueError:
        return level
