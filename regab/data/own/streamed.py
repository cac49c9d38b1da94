"""Data sets of the user's own that are read again in every epoch, and what is found out about them beforehand."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from regab.data.inputs.examples import Examples, Rows, take
from regab.data.inputs.room import room
from regab.data.own.reading import Key, Reader, as_example, check_parts, unlike
from regab.errors import UsageError
from regab.seeding import seeded, stream_seed

PROBED = 16  # examples that are read twice before all are read


class Streamed(Examples):
    """Examples of a data set, in an order of rows, read when they are asked for.

    ``kept`` are they all as they are evaluated, where these fit in memory. An example that is drawn depends on the
    run's seed, the epoch and its place in the data set alone.
    """

    def __init__(self, reader: Reader, first: Tensor, count: int, draws: bool, kept: Tensor | None) -> None:
        self.reader, self.draws, self.kept = reader, draws, kept
        self.rows = torch.arange(count)
        self.shape, self.dtype = torch.Size([count, *first.shape]), first.dtype

    @property
    def nbytes(self) -> int:
        return 0 if self.kept is None else self.kept.nbytes

    def take(self, rows: Tensor) -> Self:
        part = super().take(rows)
        part.kept = None if self.kept is None else self.kept[rows]
        return part

    def read(self, batches: list[Rows], noise: Any = None) -> Iterator[Tensor]:
        if noise is None and self.kept is not None:
            return (take(self.kept, rows).to(self.device) for rows in batches)
        return self._anew([take(self.rows, rows) for rows in batches], noise)

    def _anew(self, batches: list[Tensor], noise: Any) -> Iterator[Tensor]:
        keys = (key for rows in batches for key in self._keys(rows, noise))
        read = self.reader.read(keys, sum(rows.numel() for rows in batches))
        pieces, left = (piece.x for piece in read), torch.empty(0, *self.shape[1:], dtype=self.dtype)
        for rows in batches:
            parts, have = [left], len(left)
            while have < rows.numel():
                parts.append(next(pieces))
                have += len(parts[-1])
            batch, left = torch.cat(parts).tensor_split([rows.numel()])
            yield batch.view(*rows.shape, *self.shape[1:]).to(self.device)

    def _keys(self, rows: Tensor, noise: Any) -> list[Key]:
        if not self.draws:
            return [Key(index) for index in rows.flatten().tolist()]
        if noise is None:
            return [_as_evaluated(index) for index in rows.flatten().tolist()]
        return [
            Key(index, stream_seed(seed, "example", noise.epoch, index))
            for seed, own in zip(noise.seeds, rows.tolist(), strict=True)
            for index in own
        ]


def _as_evaluated(index: int) -> Key:
    return Key(index, stream_seed(0, "example", "evaluated", index))


@dataclass
class Found:
    """What a data set is: inputs in memory or streamed, and targets; whether examples are drawn; the largest token;
    the tensors that an input is of (``regab.data.own.tensors``), if it is of several."""

    x: Any
    y: Any
    fingerprint: str
    draws: bool
    largest: int | None
    parts: Any = None


def read_all(dataset: Any, where: str) -> Found:
    """Read a data set once. Where it fits and nothing is drawn, it is kept; else its inputs are ``Streamed``.

    Examples that are drawn are read as they are evaluated. Raises UsageError, which begins with ``where``, for what is
    no data set, and for examples that change although the global generators are seeded.
    """
    count = _length(dataset, where)
    reader = Reader(dataset, where)
    first, draws = _probe(reader, count, where)
    all_read = _read_all(reader, count, first, draws, where) or _read_all(reader, count, first, True, where)
    assert all_read, "what is given a seed is never said to draw without one"
    return all_read


def _length(dataset: Any, where: str) -> int:
    try:
        count = len(dataset)
    except TypeError as error:
        raise UsageError(f"{where}: has no length; a data set needs __len__ and __getitem__, or __iter__") from error
    if not count:
        raise UsageError(f"{where}: is empty")
    return count


def _probe(reader: Reader, count: int, where: str) -> tuple[Tensor, bool]:
    """The first example, and whether some that are read several times draw; how long they take is noted."""
    first, draws, begin = reader.one(Key(0)).x[0], False, time.perf_counter()
    indices = np.unique(np.linspace(0, count - 1, PROBED).astype(int)).tolist()
    for index in indices:
        once, again, other = map(reader.one, (*2 * [_as_evaluated(index)], Key(index, 1)))
        if not (torch.equal(once.x, again.x) and _same(once.y[0], again.y[0])):
            cure = "let it draw from torch, numpy.random or random, which regab seeds for every example"
            raise UsageError(f"{where}: example {index} is another at every reading, by its own generator; {cure}")
        if not _same(once.y[0], other.y[0]):
            raise UsageError(f"{where}: its targets change with what is drawn; draw its inputs alone")
        draws |= reader.one(Key(index)).drew
    reader.seconds, reader.bytes = (time.perf_counter() - begin) / (4 * len(indices)), first.nbytes
    return first, draws


def _same(one: Any, two: Any) -> bool:
    return torch.equal(one, two) if isinstance(one, Tensor) else one == two


def _read_all(reader: Reader, count: int, first: Tensor, draws: bool, where: str) -> Found | None:
    """None where an example draws although those that were probed do not."""
    keys = (_as_evaluated(index) if draws else Key(index) for index in range(count))
    fits = 2 * count * first.nbytes <= room()  # once whole, and once in parts
    kept = torch.empty(count, *first.shape, dtype=first.dtype) if fits else None
    survey = _Survey(first, where)
    for piece in reader.read(keys, count):
        if piece.drew:
            return None
        if kept is not None:
            kept[len(survey.y) : len(survey.y) + len(piece.x)] = piece.x
        survey.note(piece.x, piece.y)
    x = kept if kept is not None and not draws else Streamed(reader, first, count, draws, kept)
    return replace(survey.found(x, draws), parts=reader.pieces.parts)


def read_once(dataset: Any, where: str) -> Found:
    """Read an iterable data set once, as it comes by a fixed seed, and keep it."""
    xs, survey, first = [], None, None
    with seeded(0, "iterable"):
        for index, item in enumerate(dataset):
            x, y, parts = example = as_example(item, f"{where}: example {index}")
            first = first or example
            check_parts(example, first.parts, f"{where}: example {index}")
            survey = survey or _Survey(x, where)
            survey.note(x[None], [y])
            xs.append(x)
            if 2 * len(xs) * x.nbytes > room():
                raise UsageError(f"{where}: {len(xs)} examples, and more to come, do not fit in memory")
    if survey is None:
        raise UsageError(f"{where}: is empty")
    return replace(survey.found(torch.stack(xs), False), parts=parts)


class _Survey:
    """What is noted of examples as they are read."""

    def __init__(self, first: Tensor, where: str) -> None:
        self.first, self.where, self.y = first, where, list[Any]()
        self.largest: int | None = None
        self.digest = hashlib.sha256(f"{list(first.shape)}{first.dtype}".encode())

    def note(self, x: Tensor, y: list[Any]) -> None:
        if x.shape[1:] != self.first.shape or x.dtype != self.first.dtype:
            raise UsageError(unlike(self.where, len(self.y), x[0], 0, self.first))
        self.digest.update(x.contiguous().numpy().data)
        if not x.is_floating_point():
            self.largest = max(self.largest or 0, int(x.max()))
        self.y += y

    def found(self, x: Any, draws: bool) -> Found:
        several = [type(y) for y in self.y if isinstance(y, Tensor)]
        if several and (len(several) < len(self.y) or len({y.shape for y in self.y}) > 1):
            raise UsageError(f"{self.where}: its targets are of several shapes")
        y: Any = torch.stack(self.y) if several else self.y
        self.digest.update(repr(y.tolist() if several else y).encode())
        return Found(x, y, self.digest.hexdigest()[:16], draws, self.largest)
