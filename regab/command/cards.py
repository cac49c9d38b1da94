"""``regab list reg --long``: everything that is known of each method, from its own file."""

from __future__ import annotations

import dataclasses
import inspect
import textwrap
from typing import Any

import yaml

from regab.config import CONF
from regab.regularizers import methods
from regab.regularizers.base import Regularizer

LABELS = ("Range:", "Helps", "Interactions:", "Paper:")


def cards() -> str:
    """One card per method."""
    return "\n".join(card(name, cls) for name, cls in methods().items())


def card(name: str, cls: type[Regularizer]) -> str:
    """Title, keys with their neutral values, preset, and the docstring: formula, range, advice, cost, interactions,
    paper."""
    fields = sorted(dataclasses.fields(cls), key=lambda f: f.name in ("during", "until"))
    keys = ", ".join(f"{f.name}={_default(f)}" for f in fields)
    rows = [f"reg.{name}: {title(cls)}", _wrapped(f"Keys: {keys}")]
    rows += [_wrapped(f"reg={name}: {preset}")] if (preset := _preset(name)) else []
    acts = [f"{what} only" for what in map(" and ".join, (cls.inputs, cls.tasks)) if what]
    rows += [_wrapped(f"For: {', '.join(acts)}")] if acts else []
    return "\n".join([*rows, *map(_wrapped, parts(cls)), ""])


def _default(field: dataclasses.Field) -> Any:
    made = field.default_factory
    return field.default if made is dataclasses.MISSING else made()


def title(cls: type) -> str:
    """What a method is called."""
    return str(inspect.getdoc(inspect.getmodule(cls))).splitlines()[0].rstrip(".")


def formula(cls: type) -> str:
    """The first sentence of a method's docstring."""
    return parts(cls)[0].rstrip(".")


def _preset(name: str) -> str:
    """The values of the preset that is called like a method; a method need not have one."""
    path = CONF / "reg" / f"{name}.yaml"
    values = yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)[name] if path.is_file() else {}
    return ", ".join(f"{key}={value}" for key, value in values.items())


def parts(cls: type) -> list[str]:
    """The paragraphs of a docstring and its labelled parts, each as one line."""
    parts: list[str] = []
    for line in str(inspect.getdoc(cls)).replace("``", "").splitlines():
        if not parts or not line or line.startswith(LABELS):
            parts.append(line)
        else:
            parts[-1] = f"{parts[-1]} {line}".strip()
    return [part for part in parts if part]


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 100, initial_indent="  ", subsequent_indent="    ", break_long_words=False)
