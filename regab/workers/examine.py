"""Checking all configurations of a sweep, before anything is written."""

from __future__ import annotations

from typing import Any

from regab.config import check, structure
from regab.errors import UsageError
from regab.training.facts import Facts
from regab.training.setup import examine

Config = dict[str, Any]


def examine_all(configs: list[Config], elsewhere: bool = False) -> tuple[list[Config], dict[str, Facts]]:
    """Configurations checked and completed, and what the runs of each structure are like.

    With ``elsewhere`` they are trained on other machines, and this one need not have their device.

    Raises UsageError, with the index of the offending configuration as its second argument.
    """
    checked, groups = [], dict[str, list[int]]()
    for index, config in enumerate(configs):
        with _blaming(index):
            checked.append(check(config))
        groups.setdefault(structure(checked[-1]), []).append(index)
    here = [config | {"device": "cpu"} for config in checked] if elsewhere else checked
    return checked, {key: _facts([here[i] for i in members], members) for key, members in groups.items()}


def _facts(configs: list[Config], members: list[int]) -> Facts:
    try:
        return examine(configs)
    except UsageError:
        for config, index in zip(configs, members, strict=True):
            with _blaming(index):
                examine([config])
        raise
    except Exception:
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
