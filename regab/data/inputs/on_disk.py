"""Inputs that lie decoded in a file without a name, since they do not fit in memory."""

from __future__ import annotations

import copy
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regab.data.inputs.examples import Examples, Rows
from regab.errors import UsageError

CHUNK = 2**24  # bytes that are read at once where all are
LASTING = Path("/var/tmp")  # on a disk, where /tmp often is memory


class OnDisk(Examples):
    """Inputs ``[N, …]`` of bytes or floats in a file, in an order of rows, each read when it is asked for.

    The file goes with the last process that holds it open. It is read, not mapped, so that no memory of this process is
    taken: what the kernel keeps of it, it gives up when memory is short. As fast as a map: 0.5 ms for 64 images of
    64×64, from the kernel's memory.
    """

    def __init__(self, shape: torch.Size, dtype: torch.dtype, key: str) -> None:
        self.shape, self.dtype, self.stored = shape, dtype, dtype
        self.size = math.prod(shape[1:]) * dtype.itemsize
        self.file = _Nameless(_place(shape[0] * self.size, key))
        self.rows = torch.arange(shape[0])
        self.encode: Callable[[Tensor], Tensor] | None = None

    def append(self, images: np.ndarray) -> None:
        """Write the next ones."""
        with open(self.file.number, "ab", closefd=False) as file:
            file.write(np.ascontiguousarray(images).data)

    def encoded(self, encode: Callable[[Tensor], Tensor]) -> OnDisk:
        """The same, each to be encoded to float32 when it is read."""
        part = copy.copy(self)
        part.encode, part.dtype = encode, torch.float32
        return part

    def chunks(self) -> Iterator[Tensor]:
        """All of them, some at a time."""
        step = max(1, CHUNK // self.size)
        return self.read([slice(start, start + step) for start in range(0, len(self), step)])

    def read(self, batches: list[Rows], noise: Any = None) -> Iterator[Tensor]:
        for now, soon in zip(batches, [*batches[1:], slice(0)], strict=True):
            self._ask_ahead(self.rows[soon].flatten().tolist())
            yield self._read(self.rows[now])

    def _ask_ahead(self, rows: list[int]) -> None:
        if hasattr(os, "posix_fadvise"):
            for row in rows:
                os.posix_fadvise(self.file.number, row * self.size, self.size, os.POSIX_FADV_WILLNEED)

    def _read(self, rows: Tensor) -> Tensor:
        found = torch.empty(rows.numel(), *self.shape[1:], dtype=self.stored)
        file, places = self.file.number, found.view(rows.numel(), -1).view(torch.uint8).numpy()
        for row, place in zip(rows.flatten().tolist(), places, strict=True):
            if os.preadv(file, [place.data], row * self.size) < self.size:
                raise OSError(f"the file of {len(self)} decoded images has become shorter")
        images = found if self.encode is None else self.encode(found)
        return images.view(*rows.shape, *self.shape[1:]).to(self.device)


class _Nameless:
    """A file that is gone once it is closed, which it is with the last who refers to it."""

    def __init__(self, folder: Path) -> None:
        self.number, name = tempfile.mkstemp(dir=folder)
        os.unlink(name)

    def __del__(self) -> None:
        os.close(self.number)


def _place(size: int, key: str) -> Path:
    """A folder with room for a file of this size. Raises UsageError."""
    chosen = os.environ.get("TMPDIR") is None and LASTING.is_dir() and os.access(LASTING, os.W_OK)
    folder = LASTING if chosen else Path(tempfile.gettempdir())
    free = shutil.disk_usage(folder).free
    if size > free:
        words = f"decoded they take {size / 1e9:.1f} GB, which neither memory nor {folder} ({free / 1e9:.1f} GB) has"
        raise UsageError(f"{key}: {words}; set data.size, or TMPDIR to a folder on a larger disk")
    return folder
