"""Places in models that know nothing of regab, found by rule.

Dropout goes after activations, norms after convolutions and fully connected layers but the last. Where the model has
dropout, stochastic depth or norms of its own, their places are the ones, and no others.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.modules.instancenorm import _InstanceNorm

from regab.models.foreign.calling import conform
from regab.models.places import DropoutPlace, NormPlace, OwnNorm, ResidualPlace, pass_once, replace
from regab.own_code import is_regabs

NO_ACTIVATIONS = ("MultiheadAttention", "Softmax", "Softmax2d", "Softmin", "LogSoftmax")
WEIGHTED = (nn.Linear, _ConvNd)
NORMS = (_BatchNorm, _InstanceNorm, nn.GroupNorm, nn.LayerNorm)
CHANNELWISE = (nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.FeatureAlphaDropout)
# torchvision's, timm's and Hugging Face's (BeitDropPath, …), none of which is imported for it, and where it may stand.
STOCHASTIC_DEPTH, NO_DEPTH = re.compile(r"StochasticDepth|\w*DropPath"), re.compile(r"drop_?path\d*")
IN_FULL = 4  # layers that a sentence names one by one


class Call(NamedTuple):
    """A module was reached in a forward pass."""

    module: nn.Module
    into: tuple[int, ...]
    out: tuple[int, ...]


class Visits(nn.Module):
    """Places for a module that a forward pass reaches several times: the first for the first time, and so on."""

    p = drop_prob = 0.0

    def __init__(self, places: Sequence[nn.Module]) -> None:
        super().__init__()
        self.visit = nn.ModuleList(places)
        self.done = 0

    def forward(self, x: Tensor) -> Tensor:
        place = self.visit[self.done % len(self.visit)]
        self.done += 1
        return place(x)


def is_foreign(model: nn.Module) -> bool:
    """Whether this is none of regab's own models, whose places are marked and whose ways are known."""
    return not is_regabs(type(model))


def adopt(model: nn.Module, example: Any, masked: bool | None = None, parts: Any = None) -> list[str]:
    """Give a model places, if it has none; what was taken over, in sentences. ``example [B, …]`` is sent through.
    ``masked`` says of series whether their last channel is 1 where there is a moment; ``parts`` are the tensors that
    it is of, if it is of several (``regab.data.own.tensors``).

    Afterwards it is called with an example alone and returns logits (``regab.models.foreign.calling``).
    """
    notes, calls = conform(model, example, masked, parts), _trace(model, example)
    times = Counter(id(call.module) for call in calls)
    notes += _take_over_dropout(model, times) + _switch_off_inner_dropout(model)
    _keep_padding(model)
    if not any(isinstance(m, DropoutPlace) for m in model.modules()):
        _place_dropout(calls)
    if not any(isinstance(m, NormPlace) for m in model.modules()) and not _take_over_norms(model, calls):
        _place_norms(calls)
    return notes


def _trace(model: nn.Module, example: Any) -> list[Call]:
    calls: list[Call] = []

    def note(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if inputs and isinstance(inputs[0], Tensor) and isinstance(output, Tensor):
            calls.append(Call(module, tuple(inputs[0].shape), tuple(output.shape)))

    pass_once(model, example, [m.register_forward_hook(note) for m in model.modules()])
    return calls


def _take_over_dropout(model: nn.Module, times: Counter[int]) -> list[str]:
    """Put places where the model drops by itself, and where it may drop whole branches."""
    taken: dict[str, dict[str, Any]] = {"stochastic_depth": {}, "dropout": {}, "none": {}}
    for name, module in list(model.named_modules()):
        place, rate, visits = _place_for(name, module), _rate(module), times[id(module)]
        if place is None:
            continue
        for each in [name for name, m in model.named_modules(remove_duplicate=False) if m is module]:
            replace(model, each, _visited(visits, place))
        if isinstance(module, _DropoutNd):
            taken["dropout" if visits else "none"][name] = rate
        elif visits and rate is not None:
            taken["stochastic_depth"][name] = rate
    off = {name: rate for name, rate in taken.pop("none").items() if rate}
    notes = [
        f"reg.{method} takes over {_with_rates(rates)}; at reg.{method}.rate=0 they are off"
        for method, rates in taken.items()
        if rates
    ]
    words = "reg.dropout cannot reach there, as the forward does not call them (attention reads their rate)"
    return notes + ([f"off: {_with_rates(off)}; {words}"] if off else [])


def _place_for(name: str, module: nn.Module) -> Callable[[], nn.Module] | None:
    if isinstance(module, _DropoutNd):
        return lambda: DropoutPlace("own", channelwise=isinstance(module, CHANNELWISE))
    dropped = STOCHASTIC_DEPTH.fullmatch(type(module).__name__) and _rate(module) is not None
    kept = type(module) is nn.Identity and NO_DEPTH.fullmatch(name.rpartition(".")[2])  # what timm has at a rate of 0
    return ResidualPlace if dropped or kept else None


def _rate(module: nn.Module) -> float | None:
    """The rate of a layer that drops; one that was never set is 0."""
    name = next((name for name in ("p", "drop_prob") if hasattr(module, name)), None)
    return None if name is None else getattr(module, name) or 0.0


def _visited(times: int, place: Callable[[], nn.Module]) -> nn.Module:
    """Nothing where a forward pass does not come by, a place of its own for each time that it does."""
    if times == 0:
        return nn.Dropout(0.0)
    return place() if times == 1 else Visits([place() for _ in range(times)])


def _switch_off_inner_dropout(model: nn.Module) -> list[str]:
    """Dropout within attention and recurrent layers, which is a number there and no layer."""
    found: dict[str, list[str]] = {}
    for name, module in model.named_modules():
        for key in _inner_rates(module):
            found.setdefault(type(module).__name__, []).append(f"{name}.{key}={getattr(module, key)}".lstrip("."))
            setattr(module, key, 0.0)
    return [f"{briefly(names)} is off, as reg.dropout cannot reach into {kind}" for kind, names in found.items()]


def _inner_rates(module: nn.Module) -> list[str]:
    if isinstance(module, nn.RNNBase):
        return ["dropout"] if module.dropout else []
    attends = "attention" in type(module).__name__.lower()
    return [
        key
        for key, value in vars(module).items()
        if isinstance(value, float) and 0 < value < 1 and "drop" in key and (attends or "att" in key)
    ]


def briefly(names: list[str]) -> str:
    """Names of layers in a sentence; where there are many, those that differ in numbers alone as one."""
    return ", ".join(f"{name} ({len(its)} times)" if len(its) > 1 else name for name, its in _alike(names).items())


def _with_rates(rates: dict[str, float]) -> str:
    words = []
    for name, its in _alike([*rates]).items():
        low, high = (pick(rates[each] for each in its) for pick in (min, max))
        p = f"p={low:g}" if low == high else f"p={low:g} to {high:g}"
        words.append(f"{name} ({f'{len(its)} times, ' if len(its) > 1 else ''}{p})")
    return ", ".join(words)


def _alike(names: list[str]) -> dict[str, list[str]]:
    """Names by what is said of them: few by themselves, many with ``*`` for a number."""
    groups: dict[str, list[str]] = {}
    for name in names:
        key = name if len(names) <= IN_FULL else re.sub(r"(?<=\.)\d+(?=\.)", "*", name)
        groups.setdefault(key, []).append(name)
    return {key if len(its) > 1 else its[0]: its for key, its in groups.items()}


def _keep_padding(model: nn.Module) -> None:
    """Let embeddings of padding get no gradient by what passes, as torch's own way (2.14) serves the first run alone
    where runs are batched."""
    for module in model.modules():
        if isinstance(module, nn.Embedding) and module.padding_idx is not None:
            module.register_forward_hook(partial(_without_gradient_at, module.padding_idx), with_kwargs=True)
            module.padding_idx = None


def _without_gradient_at(index: int, _: nn.Module, args: tuple[Any, ...], kwargs: Any, output: Tensor) -> Tensor:
    """What was embedded, detached where the index was looked up."""
    looked_up = next(iter((*args, *kwargs.values())))
    if looked_up.shape != output.shape[:-1]:  # of a class of its own, which is called with something else
        return output
    return torch.where((looked_up == index)[..., None], output.detach(), output)


def _place_dropout(calls: list[Call]) -> None:
    last = max((i for i, call in enumerate(calls) if isinstance(call.module, WEIGHTED)), default=0)
    turns: dict[nn.Module, list[int]] = {}
    for turn, call in enumerate(calls[:last]):
        if _activates(call.module):
            turns.setdefault(call.module, []).append(turn)
    for module, its in turns.items():
        places = [DropoutPlace("hidden", turn=turn) for turn in its]
        _follow(module, "dropout_place", places[0] if len(places) == 1 else Visits(places))


def _activates(module: nn.Module) -> bool:
    """Whether this is an activation layer of torch (nn.modules.activation), timm or Hugging Face (activations)."""
    kinds = [cls for cls in type(module).__mro__ if cls.__module__.rpartition(".")[2].startswith("activation")]
    return bool(kinds) and kinds[0].__name__ not in NO_ACTIVATIONS


def _take_over_norms(model: nn.Module, calls: list[Call]) -> bool:
    """Mark the model's own norms as places, which another norm may take; whether it has any.

    One that holds layers (timm's, with an activation in it) is no place, as more than a norm would be replaced.
    """
    for module, into, _ in calls:
        alone = isinstance(module, NORMS) and not list(module.children())
        if alone and not _over_last_axis_alone(module, len(into)):
            module.own_norm = OwnNorm(into[1], len(into) - 2)  # type: ignore[assignment]  # torch: Tensor | Module
    return any("Norm" in type(m).__name__ for m in model.modules())


def _over_last_axis_alone(module: nn.Module, axes: int) -> bool:
    """Whether this is the layer norm of a sequence, whose features stand last."""
    return isinstance(module, nn.LayerNorm) and len(module.normalized_shape) < axes - 1


def _place_norms(calls: list[Call]) -> None:
    weighted = {id(call.module): call for call in calls if isinstance(call.module, WEIGHTED)}
    for module, _, out in list(weighted.values())[:-1]:
        if isinstance(module, _ConvNd) or len(out) == 2:
            _follow(module, "norm_place", NormPlace(out[1], len(out) - 2))


def _follow(module: nn.Module, name: str, place: nn.Module) -> None:
    """Let what a module returns pass a place, without another name for anything that the module holds."""
    module.add_module(name, place)
    module.register_forward_hook(_through_norm_place if name == "norm_place" else _through_dropout_place)


def _through_norm_place(module: Any, _: object, output: Tensor) -> Tensor:
    return module.norm_place(output)


def _through_dropout_place(module: Any, _: object, output: Tensor) -> Tensor:
    return module.dropout_place(output)
