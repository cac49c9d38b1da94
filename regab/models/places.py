"""Marked places in a model: where a regularizer may put something. Until it does, they are the identity."""

from typing import Any, NamedTuple

import torch
from torch import nn

from regab.errors import UsageError


class DropoutPlace(nn.Identity):
    """After an activation (``hidden``), on the logits (``output``), on the ``input``, or where a model had its ``own``.

    ``channelwise``: whole channels are dropped whatever the kind of dropout. ``turn``: places are reached in this
    order, if it is not that in which they stand in the model.
    """

    def __init__(self, where: str = "hidden", channelwise: bool = False, turn: int = 0) -> None:
        super().__init__()
        self.where, self.channelwise, self.turn = where, channelwise, turn


class NormPlace(nn.Identity):
    """Before a nonlinearity: ``features`` features, or channels of so many ``spatial`` axes (of an image: 2)."""

    def __init__(self, features: int, spatial: int = 0) -> None:
        super().__init__()
        self.features, self.spatial = features, spatial


class OwnNorm(NamedTuple):
    """What ``NormPlace`` says, as the attribute ``own_norm`` of a norm that the model had before."""

    features: int
    spatial: int


class ResidualPlace(nn.Identity):
    """At the end of a residual branch, before it is added."""


class WordPlace(nn.Module):
    """After the embedding of so many ``words``: called with embedded tokens ``[B, L, D]`` and the tokens ``[B, L]``."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.words = words

    def forward(self, x: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        return x


class Perturbed(nn.Module):
    """Multiplies by a factor that the named method draws for every training step; the identity in evaluation.

    ``shape`` is that of one example here; ``depth`` is l/L in the l-th of the method's L places; ``channelwise`` is
    what the ``DropoutPlace`` here was.
    """

    def __init__(self, method: str, depth: float = 1.0, channelwise: bool = False) -> None:
        super().__init__()
        self.method, self.depth, self.channelwise, self.shape = method, depth, channelwise, ()
        self.register_buffer("factor", torch.ones(()), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.factor if self.training else x

    def measure(self, x: torch.Tensor) -> None:
        """Take note of the shape of what passes."""
        self.shape = tuple(x.shape[1:])


class PerturbedWords(Perturbed):
    """Multiplies what was embedded by a factor for each word, so all occurrences of a word by the same.

    ``shape`` is the number of words.
    """

    def __init__(self, method: str, words: int) -> None:
        super().__init__(method)
        self.shape = (words,)

    def forward(self, x: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        return x * self.factor.gather(1, tokens)[..., None] if self.training else x

    def measure(self, x: torch.Tensor) -> None:
        """The shape is known."""


def norm_places(model: nn.Module) -> list[tuple[str, NormPlace | OwnNorm]]:
    """Norm places by name, in order. Raises UsageError where the model has none."""
    known = [(n, getattr(m, "own_norm", m)) for n, m in model.named_modules()]
    found = [(n, m) for n, m in known if isinstance(m, NormPlace | OwnNorm)]
    if not found:
        raise UsageError(
            "reg.norm: this model has no place for a normalization (a transformer brings its own); "
            "leave reg.norm.kind=none"
        )
    return found


def dropout_places(model: nn.Module, where: str) -> list[str]:
    """Names of the places that ``hidden``, ``last_hidden``, ``output`` or ``input`` means.

    Where a model had dropout of its own, both of the first two mean all of that. Raises UsageError where there is none.
    """
    places = [(n, m) for n, m in model.named_modules() if isinstance(m, DropoutPlace)]
    hidden, own = where in ("hidden", "last_hidden"), any(m.where == "own" for _, m in places)
    kinds = ("hidden", "own") if hidden else (where,)
    found = [name for name, m in sorted(places, key=lambda place: place[1].turn) if m.where in kinds]
    if not found:
        known = ", ".join(dict.fromkeys(m.where for _, m in places)) or "none"
        cure = "" if places else " (DropoutPlace, nn.Dropout, or an activation layer like nn.ReLU; F.relu is invisible)"
        raise UsageError(f"reg.dropout.where={where}: this model has no such place for dropout; it has: {known}{cure}")
    return found[-1:] if where == "last_hidden" and not own else found


def residual_places(model: nn.Module) -> list[str]:
    """Names of the residual places, in order. Raises UsageError where the model has none."""
    found = [name for name, module in model.named_modules() if isinstance(module, ResidualPlace)]
    if not found:
        raise UsageError("reg.stochastic_depth: this model has no residual branches; leave reg.stochastic_depth.rate=0")
    return found


def perturb_words(model: nn.Module, method: str) -> None:
    """Let a method multiply embedded words by its noise. Raises UsageError where the model embeds none."""
    found = [(name, module) for name, module in model.named_modules() if isinstance(module, WordPlace)]
    if not found:
        raise UsageError(f"reg.{method}: this model has no place for it, since it embeds no words; leave it at neutral")
    for name, place in found:
        replace(model, name, PerturbedWords(method, place.words))


def perturb_at(model: nn.Module, names: list[str], method: str) -> None:
    """Let a method multiply what passes the places so named, in this order, by its noise."""
    for i, name in enumerate(names, 1):
        channelwise = getattr(model.get_submodule(name), "channelwise", False)
        replace(model, name, Perturbed(method, i / len(names), channelwise))


def replace(model: nn.Module, name: str, module: nn.Module) -> None:
    """Put a module in the place of the one so named."""
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, module)


def perturbed_places(model: nn.Module, example: torch.Tensor) -> dict[str, Perturbed]:
    """All perturbed places by name, each with the shape of what passes it, found by one pass of ``example [B, …]``."""
    places = {n: m for n, m in model.named_modules() if isinstance(m, Perturbed)}
    pass_once(model, example, [m.register_forward_pre_hook(_measure) for m in places.values()])
    return places


def pass_once(model: nn.Module, example: torch.Tensor, hooks: list[Any]) -> None:
    """Send an example through the model in evaluation mode, for the sake of hooks, which are removed afterwards."""
    was_training = model.training
    model.eval()(example)  # with gradients: without, torch's transformer layers pass their parts by
    model.train(was_training)
    for hook in hooks:
        hook.remove()


def _measure(module: Perturbed, inputs: tuple[torch.Tensor, ...]) -> None:
    module.measure(inputs[0])
