"""Learning rates and decays of parts of a model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from regab.errors import UsageError
from regab.fields import fixed

if TYPE_CHECKING:
    from torch.nn import Module

    from regab.training.stack import Stack

Factors = dict[str, float]
KEYS = ("lr", "decay")


@dataclass
class Parts:
    """What the run's learning rate and decay are multiplied by in parts of a model.

    ``groups``: by names or patterns of parameters, as of ``model.freeze``: ``{backbone: 0.1}`` is a tenth of the rate,
    ``{head: {lr: 2, decay: 0}}`` twice the rate and no decay. Where two fit, the later one counts. A decay is that of
    reg.weight_decay and reg.l2, and a weight_decay that an optimizer of torch has.
    ``layer_decay``: each layer has so many times the rate of the one behind it, the output layer the full one. Layers
    are those of ``regab.models.foreign.depth``. Both together multiply.
    Range: factors in [0, inf), layer_decay in (0, 1]. Neutral: {} and 1.
    Papers: Howard & Ruder 2018, ACL; Clark, Luong, Le & Manning 2020, ICLR; Bao, Dong, Piao & Wei 2022, ICLR.
    """

    groups: dict[str, Any] = field(default_factory=dict, metadata={"switch": True})
    layer_decay: float = fixed(1.0, "(0, 1]", switch=True)

    def apply(self, stack: Stack, example: Any) -> list[str]:
        """Give a stack the factors, before its first pass; what was done, in sentences. Nothing, at neutral."""
        if not self.groups and self.layer_decay == 1:
            return []
        rates, decays, notes = self.factors(stack.skeleton, example)
        stack.set_factors(rates, decays)
        return notes

    def factors(self, model: Module, example: Any) -> tuple[Factors, Factors, list[str]]:
        """Of rate and decay by parameter, and what was done. Raises UsageError for a pattern that fits nothing."""
        held = {id(p): name for name, p in model.named_parameters() if p.requires_grad}
        every = model.named_parameters(remove_duplicate=False)  # what is shared by each of its names
        chosen, trained = self._chosen({name: held[id(p)] for name, p in every if id(p) in held}), [*held.values()]
        rates, decays = ({n: chosen[n].get(key, 1.0) if n in chosen else 1.0 for n in trained} for key in KEYS)
        notes = []
        if self.layer_decay != 1:
            from regab.models.foreign.depth import layers_of

            layers = layers_of(model, example)
            own = {n: self.layer_decay ** (len(layers) - i) for i, names in enumerate(layers, 1) for n in names}
            rates = {name: rate * own[name] for name, rate in rates.items()}
            notes = [_said(self.layer_decay, layers)]
        return rates, decays, notes

    def _chosen(self, names: dict[str, str]) -> dict[str, Factors]:
        """The factors of the last pattern that fits each parameter; ``names`` say what the stack calls it."""
        from regab.models.foreign.finetuning import matches

        chosen = {held: pattern for pattern in self.groups for name, held in names.items() if matches(name, pattern)}
        for pattern in self.groups:
            if not any(matches(name, pattern) for name in names):
                raise UsageError(f"optimizer.groups: no parameter fits {pattern}; there is {_briefly([*names])}")
            if pattern not in chosen.values():
                raise UsageError(
                    f"optimizer.groups: all that fits {pattern} fits a later pattern too; put it after that"
                )
        return {name: _read(pattern, self.groups[pattern]) for name, pattern in chosen.items()}


def _read(pattern: str, value: Any) -> Factors:
    factors = value if isinstance(value, dict) else {"lr": value}
    for key, factor in factors.items():
        if key not in KEYS:
            raise UsageError(f"optimizer.groups.{pattern}.{key}: unknown key; there is: {', '.join(KEYS)}")
        if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 <= factor < float("inf"):
            raise UsageError(f"optimizer.groups.{pattern}={factor}: must be a number in [0, inf), a factor of {key}")
    return {key: float(factor) for key, factor in factors.items()}


def _briefly(names: list[str]) -> str:
    from regab.models.foreign.places import briefly

    return briefly(names)


def _said(layer_decay: float, layers: list[list[str]]) -> str:
    words, share = f"optimizer.layer_decay={layer_decay:g}: {len(layers)} layers", layer_decay ** (len(layers) - 1)
    return (
        f"{words}, the first ({layers[0][0]}, …) at {share:.2g} of the rate, the last ({layers[-1][0]}, …) at all of it"
    )
