"""Marked places in a model: where a regularizer may put something. Until it does, they are the identity."""

from functools import partial
from typing import Any, NamedTuple

import torch
from torch import nn

from regab.errors import UsageError


class DropoutPlace(nn.Identity):
    """After an activation (``hidden``), on the logits (``output``), on the ``input``, or where a model had its ``own``.

    ``channelwise``: whole channels are dropped whatever the kind of dropout. ``turn``: places are reached in this
    order, if it is not that in which they stand in the model.
    """

    p = 0.0  # where a dropout layer stood, its model may ask for its rate

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

    p = drop_prob = 0.0


class WordPlace(nn.Module):
    """After the embedding of so many ``words``: called with embedded tokens ``[B, L, D]`` and the tokens ``[B, L]``."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.words = words

    def forward(self, x: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        return x


class Perturbed(nn.Module):
    """Multiplies by a factor that the named method draws for every training step; the identity in evaluation.

    ``shape`` is that of one example here; ``site`` is the place's name, whichever methods act at it; ``depth`` is l/L
    in the l-th of the method's L places; ``channelwise`` is what the ``DropoutPlace`` here was. At ``neutral`` nothing
    is perturbed. Examples are counted along ``axis``, each ``parts`` times (the windows of an image, say, which then
    are the first axis of ``shape``); None: what passes is the same for all examples, and so is the factor.
    """

    neutral = 1.0
    p = drop_prob = 0.0
    factor: torch.Tensor
    shape: tuple[int, ...] = ()
    axis: int | None = 0

    def __init__(self, method: str, site: str = "", depth: float = 1.0, channelwise: bool = False) -> None:
        super().__init__()
        self.method, self.site, self.depth, self.channelwise, self.parts = method, site, depth, channelwise, 1
        self.register_buffer("factor", torch.full((), self.neutral), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        return x * self.factor if self.axis == 0 and self.parts == 1 else self._along_axis(x, torch.mul)

    def _along_axis(self, x: torch.Tensor, act: Any) -> torch.Tensor:
        if self.axis is None:
            return act(x, self.factor[0])
        moved = x.movedim(self.axis, 0)
        if self.parts > 1:
            return act(moved.unflatten(0, (-1, self.parts)), self.factor).flatten(0, 1).movedim(0, self.axis)
        return act(moved, self.factor).movedim(0, self.axis)

    def measure(self, one: tuple[int, ...], several: tuple[int, ...], batch: int) -> None:
        """Take note of the shapes of what passes for one example and for ``batch`` of them."""
        differing = [i for i, (a, b) in enumerate(zip(one, several, strict=True)) if a != b]
        if len(differing) != 1:
            self.axis, self.shape = None, tuple(several)
            return
        (self.axis,) = differing
        self.parts = several[self.axis] // batch
        parts = (self.parts,) if self.parts > 1 else ()
        self.shape = (*parts, *several[: self.axis], *several[self.axis + 1 :])

    def size(self, batch: int) -> tuple[int, ...]:
        """The shape of a factor for so many examples."""
        return (1 if self.axis is None else batch, *self.shape)


class Shifted(Perturbed):
    """Adds a term that the named method draws; ``then`` is the place as it was before, for other methods."""

    neutral = 0.0

    def __init__(self, method: str, site: str, then: nn.Module) -> None:
        super().__init__(method, site)
        self.then = then

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            x = x + self.factor if self.axis == 0 and self.parts == 1 else self._along_axis(x, torch.add)
        return self.then(x)


class PerturbedWords(Perturbed):
    """Multiplies what was embedded by a factor for each word, so all occurrences of a word by the same.

    ``shape`` is the number of words.
    """

    def __init__(self, method: str, site: str, words: int) -> None:
        super().__init__(method, site)
        self.shape = (words,)

    def forward(self, x: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:  # type: ignore[override]  # words, too
        return x * self.factor.gather(1, tokens)[..., None] if self.training else x

    def measure(self, one: tuple[int, ...], several: tuple[int, ...], batch: int) -> None:
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


def dropout_places(model: nn.Module, where: str, method: str = "dropout") -> list[str]:
    """Names of the places that ``hidden``, ``last_hidden``, ``output`` or ``input`` means, for a method to act at.

    Where a model had dropout of its own, both of the first two mean all of that. Raises UsageError where there is none.
    """
    places = [(n, m) for n, m in model.named_modules() if isinstance(m, DropoutPlace)]
    hidden, own = where in ("hidden", "last_hidden"), any(m.where == "own" for _, m in places)
    kinds = ("hidden", "own") if hidden else (where,)
    found = [name for name, m in sorted(places, key=lambda place: place[1].turn) if m.where in kinds]
    if not found:
        known = ", ".join(dict.fromkeys(m.where for _, m in places)) or "none"
        cure = "" if places else " (DropoutPlace, nn.Dropout, or an activation layer like nn.ReLU; F.relu is invisible)"
        raise UsageError(f"reg.{method}.where={where}: this model has no such place for dropout; it has: {known}{cure}")
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
        replace(model, name, PerturbedWords(method, name, place.words))


def perturb_at(model: nn.Module, names: list[str], method: str) -> None:
    """Let a method multiply what passes the places so named, in this order, by its noise."""
    for i, name in enumerate(names, 1):
        channelwise = getattr(model.get_submodule(name), "channelwise", False)
        replace(model, name, Perturbed(method, _site(model, name), i / len(names), channelwise))


def shift_at(model: nn.Module, names: list[str], method: str) -> None:
    """Let a method add its noise to what passes the places so named; they stay places for other methods, after it."""
    for name in names:
        replace(model, name, Shifted(method, _site(model, name), model.get_submodule(name)))


def _site(model: nn.Module, name: str) -> str:
    """What a place was called before another method came to act at it."""
    parent, _, child = name.rpartition(".")
    return _site(model, parent) if child == "then" and isinstance(model.get_submodule(parent), Shifted) else name


def replace(model: nn.Module, name: str, module: nn.Module) -> None:
    """Put a module in the place of the one so named."""
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, module)


def perturbed_places(model: nn.Module, example: torch.Tensor) -> dict[str, Perturbed]:
    """All perturbed places by name, each with the shape of what passes it, found by passes of ``example [B, …]``.

    Where that does not begin with the batch, what one example alone makes of it tells which axis is the batch's.
    """
    places, batch = {n: m for n, m in model.named_modules() if isinstance(m, Perturbed)}, len(example)
    several = _shapes(model, example, places)
    plain = all(shape[0] == batch for shape in several.values())
    one = {n: (1, *shape[1:]) for n, shape in several.items()} if plain else _shapes(model, example[:1], places)
    for name, shape in several.items():
        places[name].measure(one[name], shape, batch)
    return places


def _shapes(model: nn.Module, example: torch.Tensor, places: dict[str, Perturbed]) -> dict[str, torch.Size]:
    """The shapes of what passes the places."""
    shapes: dict[str, torch.Size] = {}

    def note(name: str, _: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        shapes[name] = inputs[0].shape

    pass_once(model, example, [m.register_forward_pre_hook(partial(note, n)) for n, m in places.items()])
    return shapes


def output_layer(model: nn.Module, example: torch.Tensor) -> str:
    """The name of the last layer with a matrix of weights that a forward pass reaches."""
    reached: list[str] = []
    layers = {n: m for n, m in model.named_modules() if getattr(getattr(m, "weight", None), "ndim", 0) > 1}
    hooks = [m.register_forward_hook(lambda *_, n=n: reached.append(n)) for n, m in layers.items()]
    pass_once(model, example, hooks)
    return reached[-1] if reached else "\0"


def pass_once(model: nn.Module, example: torch.Tensor, hooks: list[Any]) -> Any:
    """What the model returns for an example in evaluation mode; hooks are removed afterwards."""
    was_training = model.training
    output = model.eval()(example)  # with gradients: without, torch's transformer layers pass their parts by
    model.train(was_training)
    for hook in hooks:
        hook.remove()
    return output
