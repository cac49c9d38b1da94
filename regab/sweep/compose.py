"""Composing the configurations of a sweep: Hydra's answer at a fraction of its 60 ms per run."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException


class Composer:
    """Composes once for every distinct choice of groups, and sets plain values on a copy of that.

    Whatever is no plain change of a value (``+``, ``~``, a group, a package) takes Hydra's own road, and so does what
    fails, so that Hydra words the error.
    """

    def __init__(self, loader, master: DictConfig) -> None:
        self.loader, self.master = loader, master
        self.parser = OverridesParser.create(config_loader=loader)
        self._composed: dict[tuple[str, ...], DictConfig] = {}

    def __call__(self, overrides: Sequence[str]) -> DictConfig:
        """The configuration of one run, without the ``hydra`` node."""
        parsed = self.parser.parse_overrides(list(overrides))
        values = [o for o in parsed if self._is_plain(o)]
        rest = tuple(o.input_line for o in parsed if not self._is_plain(o))
        cfg = copy.deepcopy(self._base(rest))
        try:
            for override in values:
                OmegaConf.update(cfg, override.key_or_group, override.value(), merge=True)
        except OmegaConfBaseException:
            return without_hydra(self.loader.load_sweep_config(self.master, list(overrides)))
        return cfg

    def _base(self, rest: tuple[str, ...]) -> DictConfig:
        if rest not in self._composed:
            self._composed[rest] = without_hydra(self.loader.load_sweep_config(self.master, list(rest)))
        return self._composed[rest]

    def _is_plain(self, override: Override) -> bool:
        return (
            override.type is OverrideType.CHANGE
            and override.package is None
            and not override.is_hydra_override()
            and not self.loader.repository.group_exists(override.key_or_group)
        )


def without_hydra(cfg: DictConfig) -> DictConfig:
    """A copy of a composed configuration with the run's own keys only."""
    own = copy.copy(cfg)
    with read_write(own), open_dict(own):
        own.pop("hydra", None)
    return own
