"""What a run keeps for predictions, read and checked."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from regab.data.unseen.kept import VERSION, restored, with_present_names
from regab.errors import UsageError
from regab.own_code import own_code
from regab.records.files import checksum
from regab.records.home import resume
from regab.records.load import finished, load_json, load_yaml
from regab.records.log import CONFIG, ENCODING, MODEL, RESULT
from regab.records.results import SOURCE
from regab.script import is_script
from regab.tasks.base import Scale
from regab.workers.store import load_command

Config = dict[str, Any]


@dataclass(frozen=True)
class Kept:
    """The files of a finished run: its configuration, what ``kept.described`` gave of the data, weights by name."""

    folder: Path
    config: Config
    encoding: Config
    state: dict[str, Tensor]

    @staticmethod
    def of(folder: Path) -> Kept:
        """Raises UsageError where something is missing or damaged, or the code of the user's own has changed."""
        if (folder / SOURCE).is_file():
            raise UsageError(f"{folder}: its results were made elsewhere, so there is no model of regab's")
        result, config = finished(folder), load_yaml(folder / CONFIG)
        if is_script(config):
            raise UsageError(f"{folder}: was trained by a script, whose model regab does not know")
        encoding = _encoding(folder)
        _find_own_classes(folder)
        _check_code(folder, config, encoding, result)
        return Kept(folder, config, encoding, _state(folder, result))

    @property
    def scale(self) -> Scale:
        """That of the targets."""
        numbers: Any = (tuple(v) if isinstance(v, list) else v for v in self.encoding["scale"])
        return Scale(*numbers)

    def part(self, name: str) -> Any:
        """The ``reader``, the ``encoder``, or what is ``given`` to a model. Raises UsageError where it was not kept."""
        value = self.encoding[name]
        if isinstance(value, dict) and "lost" in value:
            cure = "let the fit of your Source return a dataclass of plain values" if name == "encoder" else ""
            words = f"the {name} of {self.config['data']['_target_']} could not be kept ({value['lost']})"
            raise UsageError(f"{self.folder}: {words}{cure and f'; {cure}'}")
        return restored(value, f"{ENCODING}: {name}")


def _encoding(folder: Path) -> Config:
    path = folder / ENCODING
    if not path.is_file():
        words = "was trained by a version of regab that kept nothing for predictions; train it again in another folder"
        raise UsageError(f"{folder}: has no {ENCODING}: it {words}")
    found = load_json(path)
    if found is None:
        raise UsageError(f"{path}: is damaged; {_again(folder)}")
    if found["version"] > VERSION:
        raise UsageError(f"{path}: was written by a later version of regab; update this one")
    return with_present_names(found)


def _state(folder: Path, result: Config) -> dict[str, Tensor]:
    path = folder / MODEL
    try:
        content = path.read_bytes()
    except OSError as error:
        cleaned = result.get("files", {}).get(MODEL, "") is None  # --resume does not miss them
        again = f"without {folder / RESULT}, {_again(folder)}" if cleaned else _again(folder)
        raise UsageError(f"{path}: there is no such file, as its weights were cleared away; {again}") from error
    if checksum(content) != result.get("files", {}).get(MODEL, checksum(content)):
        raise UsageError(f"{path}: is damaged; {_again(folder)}")
    return torch.load(path, "cpu", weights_only=True)


def _again(folder: Path) -> str:
    return f"{resume(folder)} trains it again"


def _find_own_classes(folder: Path) -> None:
    """Classes of the user's own are in the folder that the run was trained from, if not in this one."""
    for root in (folder, folder.parent):
        try:
            there = load_command(root).folder
        except UsageError:
            continue
        if there and there not in sys.path:
            sys.path.append(there)


def _check_code(folder: Path, config: Config, encoding: Config, result: Config) -> None:
    """Raises UsageError where the code that a prediction depends on is not what it was."""
    from regab.targets import locate

    built = {name: node for name, node in config["reg"]["extra"].items() if name in encoding["built"]}
    used = {"model": config["model"], "task": config["task"], "reg.extra": built, "encoding": encoding}
    for path, node in _nodes(used, ""):
        if node["_target_"]:
            locate(node, path)
    now = own_code(used)
    for name, digest in (result.get("code") or {}).items():
        if now.get(name, digest) != digest:
            words = f"the code in module {name} has changed since this run was trained"
            raise UsageError(f"{folder}: {words}, and its model may be another; undo the change, or train it again")


def _nodes(node: Any, path: str) -> Any:
    """Nodes with a ``_target_``, by their keys."""
    if isinstance(node, dict):
        if "_target_" in node:
            yield path, node
        for key, child in node.items():
            yield from _nodes(child, f"{path}.{key}".lstrip("."))
