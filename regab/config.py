"""The schema of a run's configuration, its checks, and what identifies a run."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field, make_dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from regab import fields as declared
from regab.errors import UsageError
from regab.measured import MEASURED, MetricOptions, check_metrics, check_task, read_for, task_and_values
from regab.models.options import model_options
from regab.optimizers import optimizer_options, optimizer_structure, schedule_options
from regab.regularizers import methods
from regab.regularizers.base import HOOKS, Regularizer
from regab.script import is_script, script_digest
from regab.stacking import StackOptions, check_stack
from regab.targets import complete, declared_elsewhere, locate, options, unknown
from regab.watchers import NAMED, check_watch, optional

_HERE = Path(__file__).resolve().parent
# A wheel carries conf/ as regab/conf; in a checkout or an editable install it lies beside regab/.
CONF = next(path for path in (_HERE / "conf", _HERE.parent / "conf") if path.is_dir())

# What cannot change a run's numbers, so that it does not belong to its identity.
PASSIVE = ("name", "stack", "curves", "watch", *MEASURED)
PASSIVE_DATA = ("root", "download")


@dataclass(frozen=True)
class Run:
    """One variant with one seed: its checked configuration, its folder, and the overrides that were asked for."""

    config: dict[str, Any]
    folder: Path
    overrides: dict[str, str]

    @cached_property
    def digest(self) -> str:
        return digest(self.config)

    @cached_property
    def structure(self) -> str:
        return self.digest if is_script(self.config) else structure(self.config)

    @cached_property
    def trajectory(self) -> str:
        return trajectory(self.config, self.digest)


def schema() -> type:
    """The configuration of one run."""
    return _schema()["Config"]


def __getattr__(name: str) -> type:
    """The classes of the schema, found by name when pickled: else what joblib's jobs return is written over them."""
    if name in ("Config", "Reg", "Watch"):
        return _schema()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _schema() -> dict[str, type]:
    """Nodes ``reg`` and ``watch`` are assembled from the files in ``regab/regularizers`` and ``regab/watchers``."""
    node: Any = dict[str, Any]
    own = [(name, cls, field(default_factory=cls)) for name, cls in methods().items()]
    reg = make_dataclass("Reg", [*own, ("extra", node, field(default_factory=dict))])
    listening: list[Any] = [(key, list[str] | None, field(default_factory=list)) for key, _ in NAMED.values()]
    listening += [(name, cls, field(default_factory=cls)) for name, cls in optional().items()]
    watch = make_dataclass("Watch", [*listening, ("extra", node, field(default_factory=dict))])
    config = make_dataclass(
        "Config",
        [
            ("name", str, "run"),
            ("seed", int, declared.fixed(0, "[0, inf)")),
            ("epochs", int, declared.fixed(20, "[1, inf)")),
            ("batch_size", int, declared.fixed(64, "[1, inf)")),
            ("device", str, "auto"),
            ("precision", str, declared.choice("fp32", "bf16")),
            ("curves", bool | None, None),
            ("headline", str | None, None),
            ("metrics", MetricOptions, field(default_factory=MetricOptions)),
            *[(n, node, field(default_factory=dict)) for n in ("task", "data", "model", "optimizer", "schedule")],
            ("reg", reg, field(default_factory=reg)),
            ("stack", StackOptions, field(default_factory=StackOptions)),
            ("watch", watch, field(default_factory=watch)),
        ],
    )
    for made in (config, reg, watch):
        made.__module__ = __name__
    return {made.__name__: made for made in (config, reg, watch)}


def plain(cfg: DictConfig) -> dict[str, Any]:
    """A composed configuration as a tree of plain values. Raises UsageError if one is missing or refers to nothing."""
    try:
        if missing := sorted(OmegaConf.missing_keys(cfg)):
            raise UsageError(f"{missing[0]}: needs a value")
        return cast(dict[str, Any], OmegaConf.to_container(cfg, resolve=True))
    except OmegaConfBaseException as error:  # a value refers to what there is not
        raise UsageError(f"{error.full_key}: {str(error).splitlines()[0]}") from error


def check(config: dict[str, Any]) -> dict[str, Any]:
    """The same configuration with the options of every node typed and complete. Raises UsageError."""
    _known(config, declared.names(schema()), "")
    declared.check(schema(), config, "")
    _check_name(config["name"])
    check_device(config["device"])
    check_stack(config["stack"])
    config = config | {
        "task": check_task(config["task"]),
        "metrics": check_metrics(config["metrics"]),
        "data": _data_options(config["data"], config["task"]),
        "model": model_options(config["model"]),
        "optimizer": optimizer_options(config["optimizer"]),
        "schedule": schedule_options(config["schedule"], config["epochs"]),
        "reg": _check_reg(config["reg"]),
        "watch": check_watch(config["watch"]),
    }
    _check_validation(config)
    return config


def _known(config: dict[str, Any], known: list[str], path: str) -> None:
    if strange := [key for key in config if key not in known]:
        raise UsageError(unknown("key", f"{path}." if path else "", strange[0], known))


def _check_name(name: str) -> None:
    if name in ("", ".", "..") or "/" in name or not name.isprintable():
        raise UsageError(f"name={name!r}: must be the name of a folder, without / and what cannot be printed")


def check_device(device: str) -> None:
    """Raises UsageError for what is the name of no device."""
    if not re.fullmatch(r"auto|(cpu|cuda|mps)(:\d+)?", device):
        raise UsageError(f"device={device}: must be auto, cpu, cuda or mps")


def _data_options(node: dict[str, Any], task: dict[str, Any]) -> dict[str, Any]:
    from regab.data.split import Division

    node = read_for(task, node)
    common = declared.names(Division)
    division = {"_target_": "regab.data.split.Division"} | {k: v for k, v in node.items() if k in common}
    loader = {k: v for k, v in node.items() if k not in common}
    return complete(loader, "data") | options(division, "data")


def _check_reg(reg: dict[str, Any]) -> dict[str, Any]:
    _known(reg, [*methods(), "extra"], "reg")
    for name, cls in methods().items():
        _known(reg[name], declared.names(cls), f"reg.{name}")
        declared.check(cls, reg[name], f"reg.{name}")
    extra = declared_elsewhere(reg["extra"], "reg.extra", methods(), Regularizer)
    for name, node in extra.items():
        for clash in {*node}.intersection(HOOKS):
            target = f"reg.extra.{name}._target_={node['_target_']}"
            raise UsageError(f"{target}: its field {clash} has the name of a hook; rename it")
    return reg | {"extra": extra}


def _check_validation(config: dict[str, Any]) -> None:
    if config["data"]["val_fraction"] or config["data"]["folds"]:
        return
    stopping = config["reg"]["early_stopping"]
    if not declared.is_neutral(methods()["early_stopping"], stopping):
        key = "patience" if stopping["rule"] == "patience" else "rule"
        raise UsageError(f"reg.early_stopping.{key}={stopping[key]}: needs data.val_fraction above 0")
    if config["schedule"]["_target_"] == "regab.training.schedule.Plateau":
        raise UsageError("schedule=plateau: needs data.val_fraction above 0")


def regularizers(config: dict[str, Any]) -> dict[str, tuple[type[Regularizer], dict[str, Any]]]:
    """Every method of a run, neutral ones too: its class and its values."""
    own = {name: (cls, config["reg"][name]) for name, cls in methods().items()}
    for name, node in config["reg"]["extra"].items():
        own[name] = locate(node, f"reg.extra.{name}"), {k: v for k, v in node.items() if k != "_target_"}
    return own


def digest(config: dict[str, Any]) -> str:
    """What identifies a run: a hash of everything that can change its numbers.

    A method at neutral is absent, whatever its other fields say, and so it is here.
    """
    return script_digest(config) if is_script(config) else _hash(config, regularizers(config))


def trajectory(config: dict[str, Any], own: str) -> str:
    """What identifies a run's weights in every epoch: as its ``own`` digest, without rules that only read curves."""
    methods = {} if is_script(config) else regularizers(config)
    rules = [n for n, (c, values) in methods.items() if c.reads_curves_only() and not declared.is_neutral(c, values)]
    return _hash(config, {n: method for n, method in methods.items() if n not in rules}) if rules else own


def _hash(config: dict[str, Any], methods: dict[str, tuple[type[Regularizer], dict[str, Any]]]) -> str:
    relevant = {k: v for k, v in config.items() if k not in PASSIVE}
    relevant["data"] = {k: v for k, v in config["data"].items() if k not in PASSIVE_DATA}
    if not relevant.get("task", {}).get("_target_"):
        relevant.pop("task", None)  # that of the data, which are told apart already
    relevant["schedule"] = declared.active(locate(config["schedule"], "schedule"), config["schedule"])
    relevant["reg"] = {
        name: [cls.__qualname__, values]
        for name, (cls, values) in methods.items()
        if not declared.is_neutral(cls, values)
    }
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()[:16]


def structure(config: dict[str, Any]) -> str:
    """What runs must have in common to be trained in one stack: all but the seed and the numbers ``[V]``."""
    common = {k: v for k, v in config.items() if k not in ("name", "seed", "curves", "watch", "headline")}
    if named := task_and_values(config["task"]):
        common["task"] = [config["task"]["_target_"], declared.structural(*named)]
    common["reg"] = {
        name: declared.structural(cls, values)
        for name, (cls, values) in regularizers(config).items()
        if not cls.reads_curves_only()
    }
    return json.dumps(common | {"optimizer": optimizer_structure(config["optimizer"])}, sort_keys=True)
