"""How runs are put together and spread over processes: the keys under ``stack``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from regab import fields as declared
from regab.errors import UsageError


@dataclass
class StackOptions:
    """How runs are put together and spread over processes; what cannot change a run's numbers, beyond their rounding.

    ``size``: runs per stack, or ``auto``. ``workers``: processes, ``auto`` for one per core (or GPU), 0 for this one.
    ``threads``: those of a process that trains runs one after the other (what is trained in one batch has one, as its
    runs' numbers would depend on their number with more), of which sums in convolutions and attention depend in their
    last digits; ``auto``: one in a worker, in a single run as many as there are cores or as OMP_NUM_THREADS says.
    ``checkpoint``: seconds between two of a stack, at least. ``memory``: GB that data may take before they are read
    again in every epoch; ``auto``: half of what is free. ``graphs``: on a GPU with CUDA, steps are recorded.
    """

    size: Any = "auto"
    workers: Any = "auto"
    threads: Any = "auto"
    checkpoint: float = declared.fixed(30.0, "[0, inf)")
    memory: Any = "auto"
    graphs: bool = False


# The least of each, and of what kind it is.
NUMBERS: dict[str, tuple[int, Any]] = {
    "size": (1, int),
    "workers": (0, int),
    "threads": (1, int),
    "memory": (0, int | float),
}


def lanes_for(runs: int, device: str) -> int:
    """How many lanes a stack of so many runs has on a type of device: as many on a CPU, elsewhere a power of 2.

    cuBLAS chooses its kernels by how many products there are, and with them a run's last digits: with few sizes, most
    stacks of a sweep have the same. Lanes without a run train copies of the last one, at which nobody looks.
    """
    return runs if device == "cpu" else 1 << (runs - 1).bit_length()


def check_stack(node: dict[str, Any]) -> None:
    """Raises UsageError."""
    declared.check(StackOptions, node, "stack")
    for key, (least, kinds) in NUMBERS.items():
        _check_number(f"stack.{key}", node[key], least, kinds)


def _check_number(key: str, value: Any, least: int, kinds: Any) -> None:
    if value != "auto" and not (isinstance(value, kinds) and value >= least):
        raise UsageError(f"{key}={value}: must be auto or a {'whole ' * (kinds is int)}number from {least}")
