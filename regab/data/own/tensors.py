"""Examples of several tensors, each for another argument of the model: kept side by side as one row of numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regab.data.inputs.scaling import Standard, standardize
from regab.errors import UsageError

Layout = list[list[Any]]  # of each tensor its name (in a tuple its number), its shape in an example, its dtype
KINDS = {"f": "float32", "i": "int64", "u": "int64", "b": "bool"}
EXACT = 2**24  # up to which float32 holds whole numbers


def is_several(x: Any) -> bool:
    """Whether these are several tensors: a dict, or a tuple of arrays."""
    arrays = isinstance(x, tuple) and len(x) > 1 and all(hasattr(part, "shape") for part in x)
    return isinstance(x, Mapping) or (arrays and any(part.shape for part in x))


@dataclass
class Several:
    """Inputs of several ``tensors``, ``[N, …]`` each, with their ``names``."""

    names: list[Any]
    tensors: list[Tensor]

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitem__(self, rows: Any) -> Several:
        return Several(self.names, [tensor[rows] for tensor in self.tensors])

    def layout(self) -> Layout:
        kinds = [str(tensor.dtype).removeprefix("torch.") for tensor in self.tensors]
        return [[n, list(t.shape[1:]), kind] for n, t, kind in zip(self.names, self.tensors, kinds, strict=True)]

    def flat(self) -> Tensor:
        """``[N, numbers]``, float32."""
        return torch.cat([_column(tensor).flatten(1).float() for tensor in self.tensors], 1)

    def largest(self) -> int | None:
        """Of whole numbers, which may be tokens."""
        return max((int(t.max()) for t in self.tensors if t.dtype == torch.int64 and t.numel()), default=None)


def several(x: Any, where: str) -> Several:
    """The tensors of a dict, in the order of their names, or of a tuple. Raises UsageError for what is no number."""
    named = sorted(x.items()) if isinstance(x, Mapping) else list(enumerate(x))
    found = Several([name for name, _ in named], [_tensor(part, f"{where} {name}") for name, part in named])
    lengths = {str(name): len(tensor) for name, tensor in zip(found.names, found.tensors, strict=True)}
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{name} of {count}" for name, count in lengths.items())
        raise UsageError(f"{where}: the tensors are of different numbers of examples: {counts}")
    return found


def one_of_several(x: Any, where: str) -> Several:
    """As ``several``, of a single example."""
    parts = {name: np.asarray(part)[None] for name, part in (x.items() if isinstance(x, Mapping) else enumerate(x))}
    return several(parts, where)


def _tensor(part: Any, where: str) -> Tensor:
    array = part.detach().cpu().numpy() if isinstance(part, Tensor) else np.asarray(part)
    if array.dtype.kind not in KINDS or not array.ndim:
        raise UsageError(f"{where}: is a {type(part).__name__} of {array.dtype}, not numbers for each example")
    tensor = torch.from_numpy(np.array(array)).to(getattr(torch, KINDS[array.dtype.kind]))
    if tensor.is_floating_point() and not torch.isfinite(tensor).all():
        raise UsageError(f"{where}: holds NaN or infinity")
    if tensor.dtype == torch.int64 and tensor.numel() and int(tensor.abs().max()) > EXACT:
        raise UsageError(f"{where}: holds whole numbers above {EXACT}; number them anew, from 0")
    return tensor


@dataclass
class Packed:
    """Puts the tensors of an example side by side; those of fractions are standardized by ``scales``, each its own."""

    layout: Layout
    scales: list[Standard | None]

    def __call__(self, examples: Any) -> Tensor:
        if isinstance(examples, Tensor):  # of a data set, read one by one
            return examples
        if examples.layout() != [list(part) for part in self.layout]:
            raise UsageError(f"data: examples are of {said(examples.layout())}, but in training of {said(self.layout)}")
        scaled = [_scaled(t, scale) for t, scale in zip(examples.tensors, self.scales, strict=True)]
        return Several(examples.names, scaled).flat()


def fit_several(examples: Several) -> tuple[Packed, dict[str, Any]]:
    """What is learned of training examples; models that ask for ``parts`` are told the layout."""
    scales = [standardize(_column(t))[0] if t.is_floating_point() else None for t in examples.tensors]
    layout, largest = examples.layout(), examples.largest()
    return Packed(layout, scales), {"parts": layout} | ({} if largest is None else {"vocabulary": largest + 1})  # type: ignore[arg-type]


def _column(tensor: Tensor) -> Tensor:
    return tensor[:, None] if tensor.ndim == 1 else tensor


def _scaled(tensor: Tensor, scale: Standard | None) -> Tensor:
    return tensor if scale is None else scale(_column(tensor)).reshape(tensor.shape)


def said(layout: Layout) -> str:
    """The tensors in a line."""
    return ", ".join(f"{name} {list(shape)} of {kind}" for name, shape, kind in layout)


def made_up(layout: Layout, count: int) -> Tensor:
    """Some examples, side by side: fractions between 0 and 1, and ones, which are a token of every vocabulary."""
    tensors = []
    for _, shape, kind in layout:
        whole = (count, *shape)
        spread = torch.linspace(0, 1, math.prod(whole)).view(whole)
        tensors.append(spread if kind == "float32" else torch.ones(whole))
    return Several([name for name, *_ in layout], tensors).flat()
