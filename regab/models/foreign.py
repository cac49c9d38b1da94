"""Places in models that know nothing of regab, found by rule.

Dropout goes after activations, norms after convolutions and fully connected layers but the last. Where the model has
dropout, stochastic depth or norms of its own, their places are the ones, and no others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn.modules import activation
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.modules.instancenorm import _InstanceNorm

from regab.models.places import DropoutPlace, NormPlace, OwnNorm, ResidualPlace, pass_once, replace

NO_ACTIVATIONS = ("MultiheadAttention", "Softmax", "Softmax2d", "Softmin", "LogSoftmax")
ACTIVATIONS = tuple(getattr(activation, name) for name in activation.__all__ if name not in NO_ACTIVATIONS)
WEIGHTED = (nn.Linear, _ConvNd)
NORMS = (_BatchNorm, _InstanceNorm, nn.GroupNorm, nn.LayerNorm)
CHANNELWISE = (nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.FeatureAlphaDropout)
STOCHASTIC_DEPTH = ("StochasticDepth", "DropPath")  # torchvision's and timm's, neither of which is imported for it


class Call(NamedTuple):
    """A module was reached in a forward pass."""

    module: nn.Module
    into: tuple[int, ...]
    out: tuple[int, ...]


class Visits(nn.Module):
    """Places for a module that a forward pass reaches several times: the first for the first time, and so on."""

    def __init__(self, places: list[nn.Module]) -> None:
        super().__init__()
        self.visit = nn.ModuleList(places)
        self.done = 0

    def forward(self, x: Tensor) -> Tensor:
        place = self.visit[self.done % len(self.visit)]
        self.done += 1
        return place(x)


def is_foreign(model: nn.Module) -> bool:
    """Whether this is none of regab's own models, whose places are marked and whose ways are known."""
    return not type(model).__module__.startswith("regab.")


def adopt(model: nn.Module, example: Tensor) -> list[str]:
    """Give a model places, if it has none; what was taken over, in sentences. ``example [B, …]`` is sent through."""
    calls = _trace(model, example)
    times = Counter(id(call.module) for call in calls)
    notes = _take_over_dropout(model, times) + _switch_off_inner_dropout(model)
    if not any(isinstance(m, DropoutPlace) for m in model.modules()):
        _place_dropout(calls)
    if not any(isinstance(m, NormPlace) for m in model.modules()) and not _take_over_norms(calls):
        _place_norms(calls)
    return notes


def _trace(model: nn.Module, example: Tensor) -> list[Call]:
    calls: list[Call] = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if inputs and isinstance(output, Tensor):
            calls.append(Call(module, tuple(inputs[0].shape), tuple(output.shape)))

    pass_once(model, example, [m.register_forward_hook(note) for m in model.modules()])
    return calls


def _take_over_dropout(model: nn.Module, times: Counter[int]) -> list[str]:
    """Put places where the model drops by itself."""
    taken: dict[str, list[str]] = {}
    for module in list(model.modules()):
        place = _dropping(module)
        if place is not None:
            names = [name for name, m in model.named_modules(remove_duplicate=False) if m is module]
            for name in names:
                replace(model, name, _visited(times[id(module)], place))
            method = "stochastic_depth" if isinstance(place(), ResidualPlace) else "dropout"
            taken.setdefault(method, []).append(f"{names[0]} (p={module.p:g})")
    return [
        f"reg.{method} takes over {', '.join(names)}; at reg.{method}.rate=0 they are off"
        for method, names in taken.items()
    ]


def _dropping(module: nn.Module) -> Callable[[], nn.Module] | None:
    if isinstance(module, _DropoutNd):
        return lambda: DropoutPlace("own", channelwise=isinstance(module, CHANNELWISE))
    return ResidualPlace if type(module).__name__ in STOCHASTIC_DEPTH and hasattr(module, "p") else None


def _visited(times: int, place: Callable[[], nn.Module]) -> nn.Module:
    """Nothing where a forward pass does not come by, a place of its own for each time that it does."""
    if times == 0:
        return nn.Identity()
    return place() if times == 1 else Visits([place() for _ in range(times)])


def _switch_off_inner_dropout(model: nn.Module) -> list[str]:
    notes = []
    for name, module in model.named_modules():
        kind = type(module).__name__
        if isinstance(module, nn.MultiheadAttention | nn.RNNBase) and module.dropout:
            notes.append(f"{name}.dropout={module.dropout} is off, as reg.dropout cannot reach into {kind}")
            module.dropout = 0.0
    return notes


def _place_dropout(calls: list[Call]) -> None:
    last = max((i for i, call in enumerate(calls) if isinstance(call.module, WEIGHTED)), default=0)
    turns: dict[nn.Module, list[int]] = {}
    for turn, call in enumerate(calls[:last]):
        if isinstance(call.module, ACTIVATIONS):
            turns.setdefault(call.module, []).append(turn)
    for module, its in turns.items():
        places = [DropoutPlace("hidden", turn=turn) for turn in its]
        _follow(module, "dropout_place", places[0] if len(places) == 1 else Visits(places))


def _take_over_norms(calls: list[Call]) -> bool:
    """Mark the model's own norms as places, which another norm may take; whether it has any."""
    own = [call for call in calls if isinstance(call.module, NORMS)]
    for module, into, _ in own:
        if not _over_last_axis_alone(module, len(into)):
            module.own_norm = OwnNorm(into[1], len(into) - 2)
    return bool(own)


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


def _through_norm_place(module: nn.Module, _: object, output: Tensor) -> Tensor:
    return module.norm_place(output)


def _through_dropout_place(module: nn.Module, _: object, output: Tensor) -> Tensor:
    return module.dropout_place(output)
