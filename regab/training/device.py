"""What runs are trained on."""

from __future__ import annotations

from typing import Any

import torch

from regab.config import check_device
from regab.errors import UsageError


def device_of(config: dict[str, Any]) -> torch.device:
    """That of a run. Raises UsageError where this machine lacks it, or it has no graphs though they are asked for."""
    device = pick_device(config["device"])
    if config["stack"]["graphs"] and device.type != "cuda":
        raise UsageError(f"stack.graphs=true: only CUDA has them, and device={device.type} not; leave it out")
    return device


def pick_device(name: str) -> torch.device:
    """``auto`` is the first there is of CUDA, MPS and CPU. Raises UsageError for what is none or this machine lacks."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, available in there.items() if available)
    check_device(name)
    if not there[name.split(":")[0]]:
        raise UsageError(f"device={name}: this machine has no such device; use device=auto or device=cpu")
    return torch.device(name)
