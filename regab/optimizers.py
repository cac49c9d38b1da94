"""The options of an optimizer's and a schedule's node, and which of them runs of one stack may differ in."""

from __future__ import annotations

import inspect
import math
from typing import Any

from regab import fields
from regab.errors import UsageError
from regab.targets import complete, keywords, locate, options

Config = dict[str, Any]
SCHEDULE = "regab.training.schedule.Constant"
PARTS = "regab.training.optimizer.parts.Parts"
DECAY = "this optimizer decays nothing; reg.weight_decay is AdamW's, reg.l2 the weight_decay of torch's SGD and Adam"


def is_stacked(target: Any) -> bool:
    """Whether this is an optimizer of many runs at once, and not one as torch.optim has."""
    return getattr(target, "of_stacks", False)


def optimizer_options(node: Config) -> Config:
    """The optimizer's own options, and those of all optimizers where they act. Raises UsageError."""
    parts = options({"_target_": PARTS} | parts_of(node), "optimizer")
    return _own_options(own_options(node)) | fields.active(locate({"_target_": PARTS}, "optimizer"), parts)


def parts_of(node: Config) -> Config:
    """The options that are of parts of a model."""
    return {name: node[name] for name in ("groups", "layer_decay") if name in node}


def own_options(node: Config) -> Config:
    """The node without these."""
    return {name: value for name, value in node.items() if name not in parts_of(node)}


def _own_options(node: Config) -> Config:
    target = locate(node, "optimizer")
    if is_stacked(target) and "weight_decay" in node and "weight_decay" not in keywords(target):
        raise UsageError(f"optimizer.weight_decay: {DECAY}")
    if is_stacked(target) or not callable(target):
        return complete(node, "optimizer")
    completed = complete(node, "optimizer", [*inspect.signature(target).parameters][:1])
    _check_rate(completed.get("lr", 1.0))
    return completed


def _check_rate(lr: Any) -> None:
    if isinstance(lr, bool) or not isinstance(lr, int | float) or not 0 < lr < math.inf:
        raise UsageError(f"optimizer.lr={lr}: must be a number in (0, inf)")


def schedule_options(node: Config, epochs: int) -> Config:
    """All options. Raises UsageError."""
    made = locate(node, "schedule")
    if not (isinstance(made, type) and issubclass(made, locate({"_target_": SCHEDULE}, "schedule"))):
        cure = (
            "torch's and Hugging Face's are here as schedule=cosine, step, one_cycle and plateau, with schedule.warmup"
        )
        words = f"must be a subclass of {SCHEDULE}"
        raise UsageError(f"schedule._target_={node['_target_']}: {words}; {cure}")
    completed = complete(node, "schedule")
    if (warmup := completed.get("warmup", 0)) >= max(epochs, 1):
        raise UsageError(f"schedule.warmup={warmup:g}: must be shorter than epochs={epochs}")
    return completed


def optimizer_structure(node: Config) -> Config:
    """What runs of one stack have in common: of torch.optim's, as each has its own, the class."""
    target = locate(node, "optimizer")
    return fields.structural(target, node) if is_stacked(target) else {"_target_": node["_target_"]} | parts_of(node)
