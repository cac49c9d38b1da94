"""Data from a configuration, divided and on a device."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import torch

from regab import fields
from regab.blame import users_code
from regab.data.division.checks import examined
from regab.data.fingerprint import fingerprint
from regab.data.inputs.room import limited
from regab.data.own.loaded import taken
from regab.data.split import Data, Division, Source, divide
from regab.measured import task_and_values
from regab.seeding import seeded
from regab.targets import arguments, locate

Config = dict[str, Any]


def load_data(node: Config, device: torch.device, task: Config | None = None, memory: float | str = "auto") -> Data:
    """The data of a config node, divided and on the device, for the task of another (or their own). The two last used
    stay in memory, where they may take so much (see ``room.limited``).
    """
    with limited(memory):
        return _load_data(json.dumps(node), str(device), json.dumps(_structural(task)))


def _structural(task: Config | None) -> Config | None:
    """The task's node without numbers that runs of one stack may differ in, which do not concern data."""
    named = task_and_values(task)
    return {"_target_": task["_target_"]} | fields.structural(*named) if task and named else None


@lru_cache(maxsize=2)
def _load_data(node: str, device: str, task: str) -> Data:
    config, named = json.loads(node), task_and_values(json.loads(task))
    by = Division(**{name: config.pop(name) for name in Division.__dataclass_fields__})
    source = (_kept_source if by.folds else _source)(json.dumps(config), by.split_seed)
    return examined(divide(source, by, named and named[0](**named[1])), source).to(torch.device(device))


def _source(node: str, split_seed: int) -> Source:
    config = json.loads(node)
    key = f"data._target_={config['_target_']}"
    with users_code(key), seeded(split_seed, "loader"):
        source = locate(config, "data")(**arguments(config))
    if not config["_target_"].startswith("regab."):
        source = taken(source, key)
    return source._replace(fingerprint=source.fingerprint or fingerprint(source))


_kept_source = lru_cache(maxsize=1)(_source)  # the folds of a sweep are parts of one source
