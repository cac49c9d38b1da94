"""Whether runs belong into one table: what their configurations differ in, and what sweeps call the same thing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regab.errors import UsageError
from regab.records.load import load_config, load_text
from regab.records.log import CONFIG
from regab.targets import flat

if TYPE_CHECKING:
    from pandas import DataFrame

_REPLICATE = re.compile(r"^(seed|  fold): .*$", re.MULTILINE)  # what one variant's runs may differ in
_ABSENT = object()

Config = dict[str, Any]


def same_configuration(folders: Iterable[str], names: Iterable[str]) -> None:
    """Raises UsageError for runs under one name whose configurations differ in more than seed and fold."""
    first: dict[str, tuple[str, str]] = {}
    for folder, name in zip(folders, names, strict=True):
        text = _REPLICATE.sub("", _text(folder))
        known, where = first.setdefault(name, (text, folder))
        if text and known and text != known:
            for key, a, b in _differences(where, folder, []):
                raise UsageError(
                    f"{name}: its runs differ in {key} ({a} against {b}), which was not varied; "
                    "report runs of different configurations apart"
                )


def aligned(tables: list[DataFrame], factors: list[list[str]]) -> list[DataFrame]:
    """The tables with all factors in each, and one text for one value.

    Raises UsageError for sweeps that differ in what none of them varies.
    """
    every = list(dict.fromkeys(factor for own in factors for factor in own))
    (first, *others) = [table["folder"].iloc[0] for table in tables]
    for other in others:
        for key, a, b in _differences(first, other, every):
            one, two = Path(first).parent, Path(other).parent
            raise UsageError(f"{one} and {two} differ in {key} ({a} against {b}), which neither varies: not comparable")
    texts: dict[str, list[tuple[Any, str]]] = {factor: [] for factor in every}
    return [table.assign(**{f: _column(texts[f], table, f) for f in every}) for table in tables]


def _column(texts: list[tuple[Any, str]], table: DataFrame, factor: str) -> list[str]:
    given = table[factor] if factor in table else [None] * len(table)
    return [_common(texts, folder, level, factor) for folder, level in zip(table["folder"], given, strict=True)]


def _common(texts: list[tuple[Any, str]], folder: str, given: str | None, factor: str) -> str:
    """The text by which a run's value is known, ``texts`` holding values and their texts."""
    value = value_of(folder, factor)
    same = [text for known, text in texts if (known == value if value is not _ABSENT else text == given)]
    if not same:
        if given is None and (value is _ABSENT or isinstance(value, dict)):
            raise UsageError(f"{Path(folder).parent}: its {factor} is none of {', '.join(text for _, text in texts)}")
        same = [as_text(value) if given is None else given]
        texts.append((value, same[0]))
    return same[0]


def _differences(one: str, other: str, varied: list[str]) -> Iterator[tuple[str, str, str]]:
    """Keys that count and have two values: not the seed, not what is varied, nor what cannot change the numbers."""
    from regab.config import PASSIVE, PASSIVE_DATA

    passive = ["seed", "data.fold", *PASSIVE, *(f"data.{key}" for key in PASSIVE_DATA), *varied]
    a, b = dict(flat(configuration(one))), dict(flat(configuration(other)))
    for key in dict.fromkeys([*a, *b]):
        if a.get(key) != b.get(key) and not any(f"{key}.".startswith(f"{p}.") for p in passive):
            yield key, as_text(a.get(key)), as_text(b.get(key))


def value_of(folder: str, key: str) -> Any:
    """What a run's configuration has under a dotted key."""
    node: Any = configuration(folder)
    for part in key.split("."):
        node = node.get(part, _ABSENT) if isinstance(node, dict) else _ABSENT
    return node


def as_text(value: Any) -> str:
    """A value as it is written on a command line."""
    if isinstance(value, list):
        return f"[{','.join(map(as_text, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{k}:{as_text(v)}' for k, v in value.items())}}}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return "null" if value is None or value is _ABSENT else str(value)


def _text(folder: str) -> str:
    path = Path(folder) / CONFIG
    return load_text(path) if path.is_file() else ""


def written(folder: str, method: str) -> str:
    """How a regularizer stands in a run's configuration, if on lines of its own: what is written alike is alike."""
    found = re.search(rf"^  {method}:\n(?:    .*\n)+", _text(folder), re.MULTILINE)
    return found[0] if found else ""


def configuration(folder: str) -> Config:
    """A run's configuration (see ``load_config``), read once as long as its file stays as it is: parsing takes 3 ms."""
    path = Path(folder) / CONFIG
    return _configuration(folder, path.stat().st_mtime_ns if path.is_file() else 0)


@lru_cache(maxsize=1024)
def _configuration(folder: str, changed: int) -> Config:
    return load_config(Path(folder))
