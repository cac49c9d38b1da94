"""Checking all configurations of a sweep, before anything is written."""

from __future__ import annotations

import pickle
from contextlib import suppress
from typing import Any

from regab import fields
from regab.config import check, schema, structure
from regab.errors import UsageError
from regab.targets import flat
from regab.training.assembly.facts import Facts
from regab.training.assembly.likeness import Likeness
from regab.training.assembly.setup import examine

Config = dict[str, Any]


def examine_all(configs: list[Config], elsewhere: bool = False) -> tuple[list[Config], list[str], dict[str, Facts]]:
    """Configurations checked and completed, the structure of each, and what the runs of each structure are like.

    With ``elsewhere`` they are trained on other machines, and this one need not have their device.

    Raises UsageError, with the index of the offending configuration as its second argument.
    """
    checked, firsts = _checked(configs)
    groups = dict[str, list[int]]()
    for index in dict.fromkeys(firsts):
        groups.setdefault(structure(checked[index]), []).append(index)
    structures = {index: key for key, members in groups.items() for index in members}
    here = [config | {"device": "cpu"} for config in checked] if elsewhere else checked
    seeds: dict[str, set[int]] = {}
    for config, first in zip(checked, firsts, strict=True):
        seeds.setdefault(structures[first], set()).add(config["seed"])
    facts = {key: _facts([here[i] for i in members], members, seeds[key]) for key, members in groups.items()}
    _refuse_alike(here, [members[0] for members in groups.values()])
    return checked, [structures[first] for first in firsts], facts


def _checked(configs: list[Config]) -> tuple[list[Config], list[int]]:
    """Configurations checked and completed, and of each the index of the first that differs from it in no more than
    its seed: what is found of one holds for every seed, and takes 1 ms to find."""
    checked, firsts, known = list[Config](), list[int](), dict[bytes, int]()
    for index, config in enumerate(configs):
        first = known.setdefault(pickle.dumps(config | {"seed": None}), index)
        firsts.append(first)
        with _blaming(index):
            if first == index:
                checked.append(check(config))
            else:
                fields.check(schema(), {"seed": config["seed"]}, "")
                checked.append(checked[first] | {"seed": config["seed"]})
    return checked, firsts


def _refuse_alike(configs: list[Config], firsts: list[int]) -> None:
    """Raise UsageError for a model with dropout or drop paths of its own that differs from another in its options
    alone, and is the same all the same.

    Such a key (its own dropout's, which reg.dropout takes over) would get a verdict although it does nothing.
    """
    groups: dict[str, list[int]] = {}
    for index in firsts:
        model = {"_target_": configs[index]["model"]["_target_"]}
        groups.setdefault(structure(configs[index] | {"model": model}), []).append(index)
    for members in groups.values():
        found: dict[int, Likeness] = {}
        for index in members if len(members) > 1 else []:
            alike = ""
            with suppress(Exception, SystemExit):  # training will meet it again
                made = Likeness(configs[index])
                other = next((other for other, one in found.items() if made.refuses(one)), None)
                found[index] = made
                alike = "" if other is None else _alike(configs[index]["model"], configs[other]["model"])
            if alike:
                raise UsageError(alike, index)


def _alike(model: Config, other: Config) -> str:
    key, one, two = _first_difference(model, other)
    words = f"{key}={one}: makes the same model as {key}={two}, in training too"
    return f"{words}; the model's own dropout is taken over, so vary reg.dropout or reg.stochastic_depth instead"


def _first_difference(model: Config, other: Config) -> tuple[str, Any, Any]:
    one, two = dict(flat(model, "model.")), dict(flat(other, "model."))
    return next((key, one.get(key), two.get(key)) for key in [*one, *two] if one.get(key) != two.get(key))


def _facts(configs: list[Config], members: list[int], seeds: set[int]) -> Facts:
    try:
        return examine(configs, sorted(seeds))
    except UsageError:
        for config, index in zip(configs, members, strict=True):
            with _blaming(index):
                examine([config], sorted(seeds))
        raise
    except (Exception, SystemExit):
        return Facts()  # training will meet it again, and keep its traceback


class _blaming:
    """Adds to a UsageError which configuration it is about."""

    def __init__(self, index: int) -> None:
        self.index = index

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, UsageError):
            raise UsageError(str(error), self.index) from error
