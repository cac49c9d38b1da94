"""From a configuration to one run's model."""

from __future__ import annotations

import inspect
import math
from typing import Any, NamedTuple

from torch import nn

from regab.data.split import Data
from regab.errors import UsageError
from regab.models.foreign.calling import PADDING, explained
from regab.models.foreign.finetuning import FineTuning
from regab.models.foreign.kinds import check_kind, not_seen
from regab.models.foreign.places import adopt, briefly, is_foreign
from regab.models.options import fine_tuning
from regab.models.parts.initial import Initialization
from regab.regularizers.base import Chain
from regab.seeding import seeded
from regab.targets import arguments, is_node, keywords, locate

Config = dict[str, Any]


GUESSED = "num_classes"  # what is told to whatever takes any keyword, as torchvision's models do and MONAI's do not


class Built(NamedTuple):
    """One run's model, and what there is to say of how it was made, if it is the user's own."""

    model: nn.Module
    notes: list[str]


def build_model(config: Config, data: Data, chain: Chain, seed: int) -> Built:
    """One run's model with what the regularizers build into it. Its initial weights depend on the seed alone."""
    node = config["model"]
    initialize, tuning = Initialization(node["init"]), fine_tuning(node)
    own = {k: v for k, v in node.items() if k != "init" and k not in tuning}
    _check_text(node["_target_"], locate(node, "model"), data)
    with seeded(seed, "init"):
        model = make(own, data, "model")
        if not isinstance(model, nn.Module):
            raise UsageError(f"model._target_={node['_target_']}: must give a torch.nn.Module")
        if getattr(model.forward, "__func__", None) is nn.Module.forward:
            raise UsageError(f"model._target_={node['_target_']}: {type(model).__name__} has no forward")
        initialize(model)
        notes = FineTuning(**tuning)(model, data.classes)
        if not is_foreign(model):
            chain.build(model)
        else:
            check_kind(model)
            told = data.given.get("masked"), data.given.get("parts")
            notes += adopt(model, data.train.x[:2].cpu(), *told) + _build_aloud(model, chain) + not_seen(model)
    return Built(model, notes)


def make(node: Config, data: Data, path: str) -> Any:
    """What a node names, made with its arguments, nodes among them, and with what the data tell."""
    target = locate(node, path)
    given = {k: make(v, data, f"{path}.{k}") if is_node(v) else v for k, v in arguments(node).items()}
    told = _told(target, data)
    with explained(target, f"model: {node['_target_']} cannot be made of {', '.join(given) or 'nothing'}"):
        try:
            return target(**told | given)
        except TypeError as error:
            if GUESSED in given or f"unexpected keyword argument '{GUESSED}'" not in str(error):
                raise
            return target(**{name: value for name, value in told.items() if name != GUESSED} | given)


def _build_aloud(model: nn.Module, chain: Chain) -> list[str]:
    """What each method put where."""
    notes = []
    for name, method in chain.having("build"):
        before = dict(model.named_modules())
        method.build(model)
        new = [key for key, module in model.named_modules() if module is not before.get(key)]
        notes.append(f"reg.{name} acts at {briefly(new)}")
    return notes


def _told(factory: Any, data: Data) -> dict[str, Any]:
    """What the data tell a model, as far as it asks: by regab's names for it or by those that others use.

    One that takes any keyword, as torchvision's do, is told ``num_classes``.
    """
    given = {"shape": data.shape, "classes": data.classes} | data.given
    given |= dict.fromkeys(("num_classes", "n_classes", "out_features"), data.classes)
    given |= dict.fromkeys(("in_channels", "in_chans"), data.shape[0]) | {"in_features": math.prod(data.shape)}
    if "vocabulary" in data.given:
        given["vocab_size"] = data.given["vocabulary"]
    if factory.__module__.startswith("transformers."):
        return _told_to_hugging_face(factory, data, given)
    if getattr(factory, "__init__", None) is nn.Module.__init__:  # it has none of its own, and takes nothing
        return {}
    parameters = inspect.signature(factory).parameters
    told = {name: value for name, value in given.items() if name in parameters}
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()) and not {"classes", "n_classes"} & told.keys():
        told[GUESSED] = data.classes
        if factory.__module__.startswith("timm.") and data.kind == "images":
            told["in_chans"] = data.shape[0]
    return told


def _told_to_hugging_face(factory: Any, data: Data, given: dict[str, Any]) -> dict[str, Any]:
    """A configuration is told all that it has a name for, ``from_pretrained`` how many labels there are."""
    given = {"num_labels": data.classes} | ({"vocab_size": given["vocab_size"]} if "vocab_size" in given else {})
    if data.kind == "tokens":
        given["pad_token_id"] = PADDING
    if data.kind == "images":
        given |= {"num_channels": data.shape[0], "image_size": data.shape[-1]}
    if factory.__name__ == "for_model":
        return given
    if isinstance(factory, type):
        return {name: value for name, value in given.items() if name in keywords(factory)}
    return {"num_labels": data.classes} if factory.__name__ == "from_pretrained" else {}


def _check_text(target: str, factory: Any, data: Data) -> None:
    """A model that takes a vocabulary needs text; of regab's own, it alone reads text."""
    name, reads = target.rpartition(".")[2], "vocabulary" in inspect.signature(factory).parameters
    if data.kind == "several" and target.startswith("regab."):
        tensors = ", ".join(str(part) for part, *_ in data.given["parts"])
        raise UsageError(f"model: {name} takes one tensor, but examples are of several ({tensors}); bring your own")
    if data.kind == "tokens" and not reads and target.startswith("regab."):
        raise UsageError(f"model: {name} reads no text, as it takes no vocabulary; use model=transformer or text_cnn")
    if reads and data.kind not in ("tokens", "several"):
        raise UsageError(f"model: {name} reads text, but this data set has {data.kind}; use data=text_csv")
