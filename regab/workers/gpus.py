"""Which GPUs there are, by the names that CUDA_VISIBLE_DEVICES takes.

Three may ask: who has torch asks it, as it knows best; who has not, and wants all, asks the driver's program, which
takes up to a second; who is in a hurry reads the driver's files, by which no more is known than that there are some.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

DRIVER = Path("/proc/driver/nvidia")


def of_torch() -> list[str]:
    """Those that this process may use."""
    import torch

    return _named() or [str(i) for i in range(torch.cuda.device_count())]


def of_the_driver() -> list[str]:
    """Those that this process may use, without torch."""
    if (named := _named()) is not None:
        return named
    if not DRIVER.exists():
        return []
    try:
        listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [str(i) for i, line in enumerate(listed.stdout.splitlines()) if line.startswith("GPU ")]


def first() -> str | None:
    """That of a first worker, known at once; None where there is none."""
    named = ["0"] if (found := _named()) is None else found
    return named[0] if named and (DRIVER / "gpus").is_dir() else None


def _named() -> list[str] | None:
    """Those that the environment names; None where it says nothing."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return None if named is None else [gpu for gpu in named.split(",") if gpu not in ("", "-1")]
