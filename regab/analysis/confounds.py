"""What else may have made a difference: known traps, found in the configurations of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from regab import fields
from regab.regularizers import methods

Config = dict[str, Any]
Variants = Mapping[str, Config]  # a configuration of each variant, by its name


def confounds(variants: Variants, runs: Mapping[str, int], varied: Sequence[str]) -> list[str]:
    """A sentence for each trap that this comparison is in, with the paper that describes it.

    ``runs``: how many runs of each variant have finished. ``varied``: the keys in which variants differ.
    """
    found = [
        _where(variants, _dropout_before_batch_norm),
        _where(variants, _l2_with_adam),
        _where(variants, _decays_everything),
        _where(variants, _decay_of_normalized_weights),
        _unequal(runs),
        _chosen_on_test_data(variants),
        _untuned_rate(variants, varied),
    ]
    return [sentence for sentence in found if sentence]


def _where(variants: Variants, trap: Callable[[Config], str]) -> str:
    """The trap's sentence and the variants that are in it."""
    named = {name: sentence for name, config in variants.items() if (sentence := trap(config))}
    if not named:
        return ""
    names = "all variants" if len(named) == len(variants) else "; ".join([*named][:4])
    more = f" and {len(named) - 4} more" if len(named) > 4 and len(named) < len(variants) else ""
    return f"{next(iter(named.values()))} Concerns {names}{more}."


def _on(config: Config) -> Iterator[tuple[str, Config]]:
    """The methods that act in a run."""
    for name, cls in methods().items():
        values = config.get("reg", {}).get(name)
        if isinstance(values, dict) and not fields.is_neutral(cls, values):
            yield name, values


def _dropout_before_batch_norm(config: Config) -> str:
    on = dict(_on(config))
    if on.get("norm", {}).get("kind") == "batch" and on.get("dropout", {}).get("where") in ("hidden", "input"):
        return (
            "Dropout before a batch norm gives the norm another variance in training than in evaluation, which makes "
            "both look worse than they are (Li, Chen, Hu & Yang 2019, CVPR); try reg.dropout.where=last_hidden."
        )
    return ""


def _l2_with_adam(config: Config) -> str:
    adam = str(config.get("optimizer", {}).get("_target_")).endswith("Adam")
    if adam and "l2" in dict(_on(config)):
        return (
            "With Adam an L2 penalty is divided by the size of gradients, so weights with large ones hardly shrink; "
            "under decoupled decay they do (Loshchilov & Hutter 2019, ICLR). Compare with reg.weight_decay before "
            "concluding that decay does not help."
        )
    return ""


def _decays_everything(config: Config) -> str:
    for name, values in _on(config):
        if values.get("scope") == "all":
            return (
                f"reg.{name}.scope=all also shrinks biases and the scales of norms, which can hurt where shrinking "
                "weights alone would not (He et al. 2019, CVPR, “Bag of tricks”)."
            )
    return ""


def _decay_of_normalized_weights(config: Config) -> str:
    on = dict(_on(config))
    if "norm" in on and {"l2", "weight_decay"} & on.keys():
        return (
            "Weights before a norm have no scale, so decay does not limit what they compute but raises their effective "
            "learning rate (van Laarhoven 2017, arXiv:1706.05350): its effect may be one of the learning rate."
        )
    return ""


def _unequal(runs: Mapping[str, int]) -> str:
    counts = sorted(set(runs.values()))
    if len(counts) < 2:
        return ""
    few = [name for name, n in runs.items() if n == counts[0]]
    return (
        f"Variants have unequal numbers of runs ({counts[0]} to {counts[-1]}; fewest: {'; '.join(few[:3])}). Compared "
        "are the seeds that both have; a variant whose bad seeds failed looks better than it is."
    )


def _chosen_on_test_data(variants: Variants) -> str:
    if len(variants) < 2 or any(config.get("data", {}).get("val_fraction", 1) for config in variants.values()):
        return ""
    return (
        "There are no validation data (data.val_fraction=0), so whoever picks the best variant picks it by the test "
        "data, and its test result is too good (Cawley & Talbot 2010, JMLR 11:2079-2107)."
    )


def _untuned_rate(variants: Variants, varied: Sequence[str]) -> str:
    kinds = {config.get("reg", {}).get("norm", {}).get("kind", "none") for config in variants.values()}
    if len(kinds) < 2 or "optimizer.lr" in varied:
        return ""
    rates = {config.get("optimizer", {}).get("lr") for config in variants.values()}
    return (
        f"All variants were trained with the learning rate {', '.join(map(str, rates))}, but networks with a norm bear "
        "higher ones (Ioffe & Szegedy 2015, ICML), and untuned rates decide many comparisons (Choi et al. 2019, "
        "arXiv:1910.05446). Vary optimizer.lr for both arms."
    )
