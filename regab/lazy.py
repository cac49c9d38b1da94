"""torch and pandas at first use, so that a command which needs none of them never pays for it.

``import torch`` takes over a second, and ``regab --help``, ``regab list`` and every press of Tab read the dataclasses
of all regularizers, optimizers and schedules. Those files therefore write ``from regab.lazy import torch``: importing
that name costs nothing, and the first attribute asked of it imports the real module. An attribute is remembered once
found, so in a training loop ``torch.where`` costs what it always costs.

So does pandas (0.3 s, with pyarrow) in ``regab.data``, which training imports whole: few data sets are tables of typed
columns or hold dates.
"""

import importlib
from typing import TYPE_CHECKING, Any


class Lazy:
    """Stands for a module until one of its attributes is needed."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(importlib.import_module(self._name), attribute)
        setattr(self, attribute, value)
        return value


if TYPE_CHECKING:
    import pandas as pandas
    import torch as torch
    from torch.nn import functional as functional
else:
    pandas = Lazy("pandas")
    torch = Lazy("torch")
    functional = Lazy("torch.nn.functional")
