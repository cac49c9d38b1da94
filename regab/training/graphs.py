"""Steps that a GPU repeats by itself: CUDA graphs.

A small network's step is some hundred kernels, each of which Python launches for longer than it runs. A graph is the
kernels of one step, recorded with their addresses and numbers, and launched at once. So all that changes from step to
step must lie in tensors that stay where they are: parameters and the optimizer's state do, and the inputs of a step are
copied to where those of the recorded one lay. Recording does no work itself.

What torch asks of a step that is recorded (https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs): shapes
that stay, hence a graph for full batches and one for the last of an epoch; nothing read off the device; a few steps
before it on the same stream, in which libraries set themselves up; and no draws but by generators that the graph knows,
hence none at all (see ``regab.training.ahead``). What it refuses all the same it has not begun to do: that step and
all others are taken from Python.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from regab.errors import in_a_line
from regab.fields import numbers
from regab.own_code import is_regabs
from regab.regularizers.base import Chain
from regab.training.noise import Noise

if TYPE_CHECKING:
    from regab.training.loop import Training

WARM_UP = 3  # steps of each kind before it is recorded
REASON = 160  # characters shown of an error

Outputs = tuple[Tensor, ...]
Function = Callable[..., Outputs]


class Recorder(Protocol):
    """What runs functions of tensors, and records them."""

    def run(self, function: Function, inputs: list[Tensor]) -> Outputs:
        """What the function returns."""

    def record(self, function: Function, inputs: list[Tensor]) -> tuple[Callable[[], Any], Outputs]:
        """What repeats all that the function does with these inputs, and where its outputs then lie.

        Raises RuntimeError where it cannot be recorded.
        """


class Cuda:
    """By CUDA, on a stream of its own."""

    def __init__(self, device: torch.device) -> None:
        self.stream, self.others = torch.cuda.Stream(device), torch.cuda.current_stream(device)

    def run(self, function: Function, inputs: list[Tensor]) -> Outputs:
        self.stream.wait_stream(self.others)
        with torch.cuda.stream(self.stream):
            outputs = function(*inputs)
        self.others.wait_stream(self.stream)
        return outputs

    def record(self, function: Function, inputs: list[Tensor]) -> tuple[Callable[[], Any], Outputs]:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self.stream):
            outputs = function(*inputs)
        return graph.replay, outputs


class Graphs:
    """Takes the steps of one training: at first as they are, then by a graph of each kind there is.

    If one cannot be recorded, ``notes`` say why, and all go on as they are.
    """

    def __init__(self, noise: Noise, recorder: Recorder, notes: list[str]) -> None:
        self.noise, self.recorder, self.notes = noise, recorder, notes
        self.refused = False
        self.taken = Counter[Any]()
        self.recorded: dict[Any, Recorded] = {}

    def take(self, step: Any, chain: Chain, lr: Tensor, x: Tensor, y: Tensor) -> Outputs:
        """A step, ``step(chain, lr, x, y)``, which is a partial that says by keywords of what kind it is.

        Its outputs are good until the next one.
        """

        def of_tensors(lr: Tensor, x: Tensor, y: Tensor, *strengths: Tensor) -> Outputs:
            return step(_holding(chain, strengths), lr, x, y)

        strengths = [getattr(chain.methods[name], field) for name, field in _changing(chain)]
        inputs, kind = [lr, x, y, *strengths], (x.shape, *step.keywords.values())
        self.taken[kind] += 1
        if self.taken[kind] > WARM_UP and kind not in self.recorded and not self.refused:
            self._record(kind, of_tensors, inputs)
        if self.refused:
            return step(chain, lr, x, y)
        return self.recorded[kind](inputs) if kind in self.recorded else self.recorder.run(of_tensors, inputs)

    def _record(self, kind: Any, function: Function, inputs: list[Tensor]) -> None:
        try:
            self.recorded[kind] = Recorded(self.recorder, function, inputs)
        except RuntimeError as error:
            self.notes.append(not_recorded(f"CUDA cannot record them ({in_a_line(_first(error), REASON)})"))
            self.refused = True
            self.recorded.clear()
            self.noise.ahead.again()


class Recorded:
    """A function of tensors, to be repeated with others of the same shapes and layouts."""

    def __init__(self, recorder: Recorder, function: Function, inputs: list[Tensor]) -> None:
        self.own = [_distinct(tensor).clone() for tensor in inputs]
        places = [own.expand_as(tensor) for own, tensor in zip(self.own, inputs, strict=True)]
        self.repeat, self.outputs = recorder.record(function, places)

    def __call__(self, inputs: list[Tensor]) -> Outputs:
        torch._foreach_copy_(self.own, [*map(_distinct, inputs)])  # of one kind, by one kernel
        self.repeat()
        return self.outputs


def _first(error: BaseException) -> BaseException:
    """What an error came of: the end of a recording that has failed says no more than that."""
    return _first(error.__context__) if error.__context__ else error


def _changing(chain: Chain) -> list[tuple[str, str]]:
    """The methods and their numbers ``[V]`` that change from step to step."""
    return [(name, field) for name in chain.varying for field in sorted(numbers(type(chain.methods[name])))]


def _holding(chain: Chain, strengths: Iterable[Tensor]) -> Chain:
    """A chain with such numbers in the place of those that change."""
    now = chain.at(0, 1)  # other objects where something does
    for (name, field), strength in zip(_changing(chain), strengths, strict=True):
        setattr(now.methods[name], field, strength)
    return now


def _distinct(tensor: Tensor) -> Tensor:
    """What all runs share, once."""
    return tensor[:1] if tensor.stride(0) == 0 else tensor


def with_graphs(t: Training, asked: bool) -> Training:
    """A training whose steps are recorded, if that is ``asked`` for; where they cannot be, it says why."""
    if asked and (reason := obstacle(t)):
        t.notes.append(not_recorded(reason))
    elif asked:
        t.graphs = Graphs(t.noise, Cuda(t.noise.device), t.notes)
    return t


def not_recorded(reason: str) -> str:
    """What the user is told where steps are not recorded."""
    return f"stack.graphs: steps are launched from Python: {reason}"


def obstacle(t: Training) -> str:
    """Why the steps of a training cannot be recorded, in a few words; empty if they can.

    What is the user's own may do anything in a step, as draw numbers on the CPU.
    """
    acting: dict[str, Any] = {f"reg.{name}": method for name, method in t.chain.methods.items()}
    acting |= {"task": t.task, "optimizer": t.optimizer, "model": t.stack.skeleton}
    for key, thing in acting.items():
        if not is_regabs(type(thing)):
            return f"{key} is not regab's own"
        if getattr(thing, "waits", False):
            return f"{key} waits for the GPU in every step"
    return "" if t.stack.vmapped else "the model takes one run after the other"
