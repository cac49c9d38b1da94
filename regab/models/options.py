"""The options of a model's node: its own, what the data tell it in their place, and those that all models have."""

from __future__ import annotations

from typing import Any

from regab.targets import complete, keywords, locate, options

# What a data set tells a model that asks for it: keyword arguments that no config sets.
GIVEN = ("shape", "classes", "vocabulary", "categories", "masked", "parts")
# The same by the names that other people's models have for it, if the config does not set them.
OTHERWISE_GIVEN = (
    *("num_classes", "n_classes", "out_features"),  # classes
    *("in_channels", "in_chans", "in_features"),  # the first of shape, and the product
    "vocab_size",
)
SAVED = (".pt", ".pth", ".bin", ".safetensors")  # files of weights


def model_options(node: dict[str, Any]) -> dict[str, Any]:
    """The model's own options, and those of all models; of the latter ``init`` always, the others where they act."""
    tuning = fine_tuning(node)
    own = {k: v for k, v in node.items() if k != "init" and k not in tuning}
    given = (*GIVEN, *(name for name in OTHERWISE_GIVEN if name not in own))
    initialization = {"_target_": "regab.models.parts.initial.Initialization", "init": node.get("init", "default")}
    tuned = options({"_target_": "regab.models.foreign.finetuning.FineTuning"} | tuning, "model")
    active = {name: value for name, value in tuned.items() if value}
    return complete(own, "model", given) | options(initialization, "model") | active


def fine_tuning(node: dict[str, Any]) -> dict[str, Any]:
    """The options of fine-tuning in a model's node. ``weights`` may be the model's own, as torchvision's are names."""
    found: dict[str, Any] = {name: node[name] for name in ("weights", "freeze", "freeze_norms") if name in node}
    if (
        "weights" in found
        and not str(found["weights"]).endswith(SAVED)
        and "weights" in keywords(locate(node, "model"))
    ):
        del found["weights"]
    return found
