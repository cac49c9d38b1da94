"""How a foreign model is called with an example, and what of its answer are the logits."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from regab.errors import UsageError, in_a_line
from regab.models.places import pass_once

PADDING = 0  # as regab's texts are padded
REASON = 200  # characters shown of an error
LIBRARIES = ("timm", "transformers", "torchvision", "torch")

# What a model is told of tokens [B, L] or series [B, C, L], by where there is something, if its forward has a parameter
# of that name. Hugging Face's mask is 1 there, torch's are true elsewhere; lengths stay on the device of the input.
TOLD = {
    "attention_mask": lambda there: there.long(),
    "padding_mask": lambda there: ~there,
    "key_padding_mask": lambda there: ~there,
    "src_key_padding_mask": lambda there: ~there,
    "lengths": lambda there: there.sum(1),
}
INPUTS = {True: ("input_ids", "tokens"), False: ("pixel_values", "input_values", "input_features")}  # by: are tokens


def conform(model: nn.Module, example: Any, masked: bool | None = None, parts: Any = None) -> list[str]:
    """Let a model be called as ``model(x)`` and return logits, by hooks; what was done, in sentences.

    Tokens bring the masks that the forward's signature asks for, and so do series (see ``Call``). An example of several
    tensors (a tuple, a dict, or side by side as ``parts`` say) is passed by position where they are numbered, or by
    name. Logits are ``output.logits``, ``output["logits"]`` or the first of a tuple or dict. Raises UsageError, in one
    line, where a library's model fails on the example.
    """
    call = Call(parts=_known(model, parts)) if parts else _call(model, example, masked)
    if isinstance(example, Tensor) and not parts:
        _check_all_given(model, call)
    if call.parts or call.name or call.told or not isinstance(example, Tensor):
        model.register_forward_pre_hook(call, with_kwargs=True)
    words = f"model: the forward of {type(model).__name__} fails on an example of {_words(example)}"
    with explained(type(model), words, _cure(model, example)):
        output = pass_once(model, example, [])
    model.register_forward_hook(_answer)
    told = [f"its forward is given {', '.join(call.told)}, from the padding of the {call.what}"] if call.told else []
    return told + _said_of(output)


@dataclass(frozen=True)
class Call:
    """A forward pre-hook: under which ``name`` the input is passed (none: first), and what else is ``told``.

    ``masked``: the input is series, whose last channel says, if true, where there is a moment; None: it is tokens.
    """

    name: str = ""
    told: tuple[str, ...] = ()
    masked: bool | None = None
    parts: tuple[tuple[Any, list[int], str], ...] = ()  # name or number, shape and dtype

    @property
    def what(self) -> str:
        return "texts" if self.masked is None else "series"

    def __call__(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any] | None:
        if len(args) != 1 or kwargs:  # not regab's call
            return None
        (x,) = args
        if self.parts:
            x = self._apart(x)
        if isinstance(x, Mapping):
            return (), dict(x)
        if isinstance(x, tuple | list):
            return tuple(x), {}
        told = {name: TOLD[name](self._there(x)) for name in self.told}
        return ((), {self.name: x} | told) if self.name else (args, told)

    def _there(self, x: Tensor) -> Tensor:
        """Where there is a word or a moment, and no padding: ``[B, L]``."""
        if self.masked is None:
            return x != PADDING
        return x[:, -1] > 0.5 if self.masked else torch.ones_like(x[:, -1], dtype=torch.bool)

    def _apart(self, x: Tensor) -> Any:
        """The tensors that lie side by side in ``[B, numbers]``."""
        pieces = x.split([math.prod(shape) for _, shape, _ in self.parts], 1)
        tensors = [
            piece.reshape(len(x), *shape).to(getattr(torch, kind))
            for piece, (_, shape, kind) in zip(pieces, self.parts, strict=True)
        ]
        names = [name for name, *_ in self.parts]
        return dict(zip(names, tensors, strict=True)) if isinstance(names[0], str) else tensors


def _known(model: nn.Module, parts: Any) -> tuple[tuple[Any, list[int], str], ...]:
    """The parts, if the forward takes arguments of these names. Raises UsageError."""
    parameters = inspect.signature(model.forward).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        for name in (name for name, *_ in parts if isinstance(name, str) and name not in parameters):
            words = f"the forward of {type(model).__name__} takes no {name}, which the data have"
            raise UsageError(f"model: {words}; it takes {', '.join(parameters) or 'nothing'}")
    return tuple((name, list(shape), kind) for name, shape, kind in parts)


def _call(model: nn.Module, example: Any, masked: bool | None) -> Call:
    if not isinstance(example, Tensor):
        return Call()
    parameters = inspect.signature(model.forward).parameters
    tokens = not example.is_floating_point()
    padded = masked is not None or (tokens and example.ndim == 2)
    told = tuple(name for name in TOLD if name in parameters) if padded else ()
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    first = next((p for p in parameters.values() if p.kind is not p.VAR_KEYWORD), None)
    if first is not None and first.kind in (first.POSITIONAL_ONLY, first.POSITIONAL_OR_KEYWORD, first.VAR_POSITIONAL):
        named = [name for name in INPUTS[tokens] if name in parameters and name != first.name]
        wrong = first.name in INPUTS[not tokens]
        return Call(named[0] if wrong and named else "", told, masked)
    if first is None and open_ended:
        return Call(INPUTS[tokens][0], told, masked)
    name = "" if first is None else first.name
    return Call(name, tuple(other for other in told if other != name), masked)


def _check_all_given(model: nn.Module, call: Call) -> None:
    """Raises UsageError for arguments that a forward asks for, beside the input, and is not given."""
    asked = [
        p
        for p in inspect.signature(model.forward).parameters.values()
        if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    given = {call.name or next((p.name for p in asked), ""), *call.told}
    if lacking := [p.name for p in asked if p.default is p.empty and p.name not in given]:
        known = ", ".join(TOLD)
        words = f"the forward of {type(model).__name__} asks for {', '.join(lacking)}, which these data do not tell"
        raise UsageError(f"model: {words}; texts and series tell {known}, and examples of several tensors their names")


def _answer(module: nn.Module, args: Any, output: Any) -> Any:
    return logits_in(output)


def logits_in(output: Any) -> Any:
    """The logits in what a model returned; what is none of the known kinds is left as it is."""
    if isinstance(output, Tensor):
        return output
    if hasattr(output, "logits"):
        return output.logits
    if isinstance(output, Mapping) and output:
        return output["logits"] if "logits" in output else next(iter(output.values()))
    return output[0] if isinstance(output, tuple | list) and output else output


def _said_of(output: Any) -> list[str]:
    if isinstance(output, Tensor) or hasattr(output, "logits") or (isinstance(output, Mapping) and "logits" in output):
        return []
    if isinstance(output, tuple | list | Mapping) and len(output) > 1:
        return [f"its forward returns a {type(output).__name__} of {len(output)}: the first is taken for the logits"]
    return []


@contextmanager
def explained(thing: Any, words: str, cure: str = "") -> Iterator[None]:
    """Make one line, from ``words`` to ``cure``, of what a library's class or function raises; what the user's own
    raises keeps its traceback."""
    try:
        yield
    except UsageError:
        raise
    except Exception as error:
        if not of_a_library(thing):
            raise
        raise UsageError(f"{words}: {in_a_line(error, REASON)}{cure}") from error


def _cure(model: nn.Module, example: Any) -> str:
    """What may help where a library's model fails on an example."""
    if getattr(getattr(model, "config", None), "is_encoder_decoder", False):
        return "; an encoder with a decoder asks for marks that regab's texts lack: take a model of an encoder alone"
    if isinstance(example, Tensor) and example.ndim == 4:
        return "; give it images of another size, or tell it theirs where it has an argument for that (model.img_size)"
    return ""


def of_a_library(thing: Any) -> bool:
    """Whether a class or function is somebody else's: its errors are of how it is used, not of how it is written."""
    name = getattr(thing, "__module__", None) or ""
    file = getattr(sys.modules.get(name), "__file__", None) or ""
    return name.split(".")[0] in LIBRARIES or bool({"site-packages", "dist-packages"} & set(Path(file).parts))


def _words(example: Any) -> str:
    if isinstance(example, Tensor):
        return f"shape {list(example.shape[1:])}"
    parts = example.items() if isinstance(example, Mapping) else enumerate(example)
    return ", ".join(f"{name} {list(part.shape[1:])}" for name, part in parts)
