"""Examples of a ``torch.utils.data.Dataset``, read by workers of torch's DataLoader."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from regab.blame import WHOLE, users_line
from regab.data.own.tensors import Layout, is_several, one_of_several, said
from regab.errors import UsageError
from regab.processes import cores
from regab.seeding import drawn_since, global_states, restore_globals, seed_globals

LABELS = ("label", "labels", "target", "targets", "y")
PIECE = 2**22  # bytes that a worker hands over at a time: containers may have little shared memory
AT_ONCE = 0.25  # seconds that reading may take in this process before workers do it
AHEAD = 4  # pieces for each worker


class Key(NamedTuple):
    """An example by its place in the data set, and by what it is to draw; None: it draws nothing."""

    place: int
    seed: int | None = None


class Piece(NamedTuple):
    """Some examples: inputs ``[n, …]``, their targets, and whether anything was drawn that no seed was given for."""

    x: Tensor
    y: list[Any]
    drew: bool


class Reader:
    """Reads a data set by keys. ``seconds`` is what one example takes, about; ``where`` begins every complaint."""

    def __init__(self, dataset: Any, where: str) -> None:
        self.pieces, self.seconds, self.bytes = _Pieces(dataset, where), 0.0, 1

    def read(self, keys: Iterable[Key], count: int) -> Iterator[Piece]:
        """The examples of ``count`` keys, in their order, as pieces. Raises UsageError where one cannot be read."""
        workers = _workers() if count * self.seconds > AT_ONCE else 0
        loader = DataLoader(
            self.pieces,
            batch_size=None,
            sampler=self._parts(iter(keys)),
            num_workers=workers,
            prefetch_factor=AHEAD if workers else None,
            worker_init_fn=_leave_signals_to_parent,
            generator=torch.Generator(),  # without one it draws from the global generator
        )
        yield from map(_checked, loader)

    def one(self, key: Key) -> Piece:
        """A piece of one example."""
        return _checked(self.pieces[[key]])

    def _parts(self, keys: Iterator[Key]) -> Iterator[list[Key]]:
        size = max(1, min(64, PIECE // max(self.bytes, 1)))
        while part := [*islice(keys, size)]:
            yield part


def _checked(piece: Piece | str) -> Piece:
    if isinstance(piece, str):
        raise UsageError(piece)
    return piece


def _workers() -> int:
    """regab trains with a process per core; those that only read come beside them."""
    return max(1, min(4, cores() // 2))


def _leave_signals_to_parent(_: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


class _Pieces(Dataset):
    """A data set whose items are pieces; what is wrong with it comes back as a sentence."""

    def __init__(self, dataset: Any, where: str) -> None:
        self.dataset, self.where = dataset, where
        self.parts: Layout | None = None

    def __getitem__(self, keys: list[Key]) -> Piece | str:
        try:
            with _undisturbed():
                return self._piece(keys)
        except UsageError as error:
            return str(error)

    def _piece(self, keys: list[Key]) -> Piece:
        before, read = global_states(), []
        for index, seed in keys:
            if seed is not None:
                seed_globals(seed)
            read.append(as_example(self._item(index), f"{self.where}: example {index}"))
        drew = keys[0].seed is None and drawn_since(before)
        self.parts = self.parts or read[0].parts  # known from the first example that is read, before workers are made
        for key, example in zip(keys, read, strict=True):
            check_parts(example, self.parts, f"{self.where}: example {key.place}")
            x = example.x
            if x.shape != read[0].x.shape or x.dtype != read[0].x.dtype:
                raise UsageError(unlike(self.where, key.place, x, keys[0].place, read[0].x))
        return Piece(torch.stack([each.x for each in read]), [each.y for each in read], drew)

    def _item(self, index: int) -> Any:
        try:
            return self.dataset[index]
        except (Exception, SystemExit) as error:
            if WHOLE:
                raise
            told = users_line(error) or f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise UsageError(f"{self.where}: example {index}: {told} (HYDRA_FULL_ERROR=1 shows all)") from error


@contextmanager
def _undisturbed() -> Iterator[None]:
    """One thread, as in a worker, since sums depend on it; and what is drawn here is no matter of others."""
    before, threads = global_states(), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        restore_globals(before)


def unlike(where: str, index: int, x: Tensor, other: int, first: Tensor) -> str:
    """The complaint that two examples are of different shapes or types."""
    one, two = (f"{list(t.shape)} of {str(t.dtype).removeprefix('torch.')}" for t in (x, first))
    return f"{where}: example {index} is {one}, but example {other} is {two}; let its transform make them alike"


class Example(NamedTuple):
    """An input, its target, and which tensors the input has side by side, if it is of several."""

    x: Tensor
    y: Any
    parts: Layout | None


def as_example(item: Any, where: str) -> Example:
    """What a data set gives. Raises UsageError."""
    if isinstance(item, dict):
        item = _of_dict(item, where)
    if not isinstance(item, tuple | list) or len(item) != 2:
        found = f"a {type(item).__name__}" + (f" of {len(item)}" if isinstance(item, tuple | list) else "")
        raise UsageError(f"{where}: must be a pair (input, target), not {found}")
    if is_several(item[0]):
        tensors = one_of_several(item[0], f"{where}:")
        return Example(tensors.flat()[0], _target(item[1], where), tensors.layout())
    return Example(_input(item[0], where), _target(item[1], where), None)


def check_parts(example: Example, parts: Layout | None, where: str) -> None:
    """Refuse an input that is of other tensors than the first one."""
    if example.parts != parts:
        one, two = (said(p) if p else "a single tensor" for p in (example.parts, parts))
        raise UsageError(f"{where} is of {one}, but the first one of {two}; texts must be padded to one length")


def _of_dict(item: dict[str, Any], where: str) -> Any:
    labels, others = [k for k in item if k in LABELS], [k for k in item if k not in LABELS]
    if len(labels) != 1 or not others:
        known = f"one of {', '.join(LABELS)}"
        raise UsageError(f"{where}: has {', '.join(map(str, item))}; must have inputs, and one target ({known})")
    x = {name: item[name] for name in others}
    return x if len(others) > 1 else x[others[0]], item[labels[0]]


def _input(x: Any, where: str) -> Tensor:
    """Numbers as float32, images ``[C, H, W]`` of bytes as shares of 255, whole numbers of 32 or 64 bits as tokens."""
    picture = not isinstance(x, Tensor) and hasattr(x, "getbands")  # Pillow's
    if not isinstance(x, Tensor):
        array = np.asarray(x)
        if array.dtype.kind not in "fiub":
            words = "give the data set a transform that makes a tensor of it"
            raise UsageError(f"{where}: its input is a {type(x).__name__}, not numbers; {words}")
        x = torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("=")))
    x = x.detach()
    if picture:
        x = x.permute(2, 0, 1) if x.ndim == 3 else x[None]
    if x.dtype == torch.uint8 and x.ndim == 3:
        x = x.float() / 255
    if x.ndim == 0:
        raise UsageError(f"{where}: its input is a single number; must be [features] or more")
    if x.is_floating_point() and not torch.isfinite(x).all():
        raise UsageError(f"{where}: its input holds NaN or infinity")
    return x.long() if x.dtype in (torch.int32, torch.int64) else x.float().contiguous()


def _target(y: Any, where: str) -> Any:
    """A plain number, a word, or a tensor of several numbers."""
    if isinstance(y, str):
        return y
    array = y.detach().cpu().numpy() if isinstance(y, Tensor) else np.asarray(y)
    if array.dtype.kind not in "fiub":
        raise UsageError(f"{where}: its target is a {type(y).__name__}, neither numbers nor a word")
    return array.item() if array.size == 1 and array.ndim < 2 else torch.from_numpy(np.array(array))
