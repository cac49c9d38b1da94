"""What the data of a run were, in sixteen characters: by content, whatever files or code they came from."""

from __future__ import annotations

import hashlib
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from regab.data.inputs.on_disk import OnDisk

if TYPE_CHECKING:
    from regab.data.split import Source

SAMPLED = 256  # examples read of inputs that are made when asked for


def fingerprint(source: Source) -> str:
    """Hexadecimal digits of a hash of all examples and labels, the same on every machine and for every path.

    Inputs may be tensors, arrays, dataclasses of these (columns of a table), or lists of texts, at 1.4 GB/s. Of others,
    which make examples when indexed by an array of rows, up to 256 in equal distances stand for all, unless they have a
    method ``fingerprint()`` that returns a string.
    """
    digest = hashlib.sha256()
    test = (None, None) if source.test is None else source.test
    keys = [key for key in (source.groups, source.order) if key is not None]
    _feed(digest, [source.task, source.classes, *source.train, *test, *keys, *(source.val or ())])
    return digest.hexdigest()[:16]


def _feed(digest: Any, value: Any) -> None:
    value = value.detach().cpu().numpy() if isinstance(value, Tensor) else value
    if isinstance(value, np.ndarray) and value.dtype != object:
        digest.update(f"{value.dtype.str}{value.shape}".encode())
        plain = value.view(np.int64) if value.dtype.kind in "mM" else value  # times have no buffer
        digest.update(np.ascontiguousarray(plain).data)
    elif isinstance(value, np.ndarray | list | tuple):
        digest.update(f"{len(value)}[".encode())
        for item in value:
            _feed(digest, item)
    elif isinstance(value, OnDisk):  # as a tensor of the same
        digest.update(f"{np.dtype(str(value.dtype).removeprefix('torch.')).str}{tuple(value.shape)}".encode())
        for part in value.chunks():
            digest.update(part.numpy().data)
    elif value is None or isinstance(value, str | int | float | Decimal):
        digest.update(f"{value!r},".encode())
    elif is_dataclass(value):
        _feed(digest, [getattr(value, field.name) for field in fields(value)])
    elif hasattr(value, "fingerprint"):
        _feed(digest, str(value.fingerprint()))
    else:
        rows = np.unique(np.linspace(0, len(value) - 1, SAMPLED).astype(int))
        _feed(digest, [len(value), *_plain(value[rows])])


def _plain(examples: Any) -> list[Any]:
    return [examples] if isinstance(examples, Tensor | np.ndarray) else list(examples)
