"""Composing the configurations of a sweep: Hydra's answer at a fiftieth of its 60 ms per run."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cache
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import OverrideType
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from regab.config import plain

Config = dict[str, Any]


class Composer:
    """Has Hydra compose once for every distinct choice of groups, and OmegaConf convert every distinct value once.

    A run's configuration is then put together from these. Where one value may refer to another, or a whole node is
    set, OmegaConf sets all of the run's values in a copy. What is no change of a value (``+``, ``~``, a group, a
    package) goes Hydra's own road, and so does what fails, so that Hydra words the error.
    """

    def __init__(self, loader: Any, master: DictConfig) -> None:
        self.loader, self.master = loader, master
        self._parsed = cache(OverridesParser.create(config_loader=loader).parse_override)
        self._is_group = cache(loader.repository.group_exists)  # it looks at the disk
        self._sets_a_value, self._is_whole = cache(self._is_plain), cache(lambda word: _stands_alone(self._value(word)))
        self._base, self._tree, self._converted = cache(self._compose), cache(self._as_tree), cache(self._convert)
        self._scratch = cache(lambda rest: copy.deepcopy(self._base(rest)))

    def __call__(self, overrides: Sequence[str]) -> Config:
        """The configuration of one run, without the ``hydra`` node. Raises UsageError if a value is missing."""
        values = [o for o in overrides if self._sets_a_value(o)]
        rest = tuple(o for o in overrides if not self._sets_a_value(o))
        try:
            if (tree := self._tree(rest)) is None or not all(map(self._is_whole, values)):
                return plain(self._updated(rest, values))
            return self._assembled(tree, rest, values)
        except OmegaConfBaseException:
            return plain(self._composed_by_hydra([*overrides]))

    def _assembled(self, tree: Config, rest: tuple[str, ...], values: list[str]) -> Config:
        """Nodes in which nothing is set are the same objects in all runs: less to compose, and to send."""
        config = {**tree}
        for override in values:
            *path, last = self._parsed(override).key_or_group.split(".")
            node = config
            for key in path:
                node[key] = {**node.get(key, {})}
                node = node[key]
            node[last] = self._converted(rest, override)
        return config

    def _updated(self, rest: tuple[str, ...], values: list[str]) -> DictConfig:
        cfg = copy.deepcopy(self._base(rest))
        for override in values:
            self._set(cfg, override)
        return cfg

    def _set(self, cfg: DictConfig, word: str) -> None:
        override = self._parsed(word)
        new = override.type is OverrideType.FORCE_ADD
        OmegaConf.update(cfg, override.key_or_group, override.value(), merge=True, force_add=new)

    def _convert(self, rest: tuple[str, ...], override: str) -> Any:
        key, cfg = self._parsed(override).key_or_group, self._scratch(rest)
        before = OmegaConf.select(cfg, key)
        if before is None or OmegaConf.is_config(before):  # what is set there may depend on what was set before
            cfg = self._updated(rest, [override])
        else:
            self._set(cfg, override)
        value = OmegaConf.select(cfg, key)
        return OmegaConf.to_container(value) if OmegaConf.is_config(value) else value

    def _as_tree(self, rest: tuple[str, ...]) -> Config | None:
        """The base as plain values; None if values in it refer to others or are missing."""
        tree: Any = OmegaConf.to_container(self._base(rest))
        return tree if _stands_alone(list(_leaves(tree))) else None

    def _compose(self, rest: tuple[str, ...]) -> DictConfig:
        return self._composed_by_hydra([*rest])

    def _composed_by_hydra(self, overrides: list[str]) -> DictConfig:
        return without_hydra(self.loader.load_sweep_config(self.master, overrides))

    def _value(self, word: str) -> Any:
        return self._parsed(word).value()

    def _is_plain(self, word: str) -> bool:
        override = self._parsed(word)
        return (
            override.type in (OverrideType.CHANGE, OverrideType.FORCE_ADD)
            and override.package is None
            and not override.is_hydra_override()
            and not self._is_group(override.key_or_group)
        )


def _stands_alone(value: Any) -> bool:
    """Whether this is a value, or a list of values, of which none refers to another or is still missing."""
    values = value if isinstance(value, list) else [value]
    return not any(isinstance(v, dict) or (isinstance(v, str) and ("${" in v or v == "???")) for v in values)


def _leaves(tree: Any) -> Any:
    if isinstance(tree, dict | list):
        for child in tree.values() if isinstance(tree, dict) else tree:
            yield from _leaves(child)
    else:
        yield tree


def without_hydra(cfg: DictConfig) -> DictConfig:
    """A copy of a composed configuration with the run's own keys only."""
    own = copy.copy(cfg)
    with read_write(own), open_dict(own):
        own.pop("hydra", None)
    return own
