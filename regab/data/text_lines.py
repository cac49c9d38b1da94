"""A text file, for models that predict what comes next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regab.data.scaling import Encode, Fit
from regab.data.split import Source, Split
from regab.data.text import UNKNOWN
from regab.errors import UsageError
from regab.tasks.language_modelling import LanguageModelling

WORD = re.compile(r"\w+(?:['’]\w+)*|['’]\w+|[^\w\s]|\n")
TOKENS = ("bytes", "words")


def load(
    path: str, test_path: str | None = None, tokens: str = "bytes", length: int = 64, min_count: int = 2
) -> Source:
    """A text file (UTF-8), cut into pieces of ``length`` tokens, each with the one that follows it.

    ``tokens`` are ``bytes``, of which there are 256, or ``words``: runs of letters and digits (with apostrophes) as
    they are written, other characters but spaces, and ends of lines. Words that occur at least ``min_count`` times in
    the training pieces are numbered from 2; all others are 1, "unknown". What is left of the file is not used.
    Pieces for validation and testing are taken from the end of the file. Raises UsageError where it is too short.
    """
    if tokens not in TOKENS:
        raise UsageError(f"data.tokens={tokens}: must be one of {', '.join(TOKENS)}")
    for key, value in (("length", length), ("min_count", min_count)):
        if value < 1:
            raise UsageError(f"data.{key}={value}: must be at least 1")
    files = [("data.path", path), ("data.test_path", test_path)]
    read = [_tokens(name, key, tokens) for key, name in files if name is not None]
    names = [] if tokens == "bytes" else sorted({word for words in read for word in words})
    numbers = {word: number for number, word in enumerate(names)}
    streams = [np.array(found if tokens == "bytes" else [numbers[word] for word in found]) for found in read]
    train, *test = [_pieces(s, length, key) for s, (key, _) in zip(streams, files, strict=False)]
    said = f"{len(streams[0]):,} {tokens} in {len(train)} pieces of {length}"
    order = None if test else np.arange(len(train))
    fit = fitter(names, min_count)
    return Source(train, 0, test[0] if test else None, fit, LanguageModelling.name, (said,), order=order)


def _tokens(path: str, key: str, tokens: str) -> Any:
    file = Path(path).expanduser()
    if not file.is_file():
        raise UsageError(f"{key}={path}: there is no such file")
    content = file.read_bytes()
    if tokens == "bytes":
        return list(content)
    try:
        return WORD.findall(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{key}={path}: is not UTF-8 ({error.reason} at byte {error.start}); use tokens=bytes"
        ) from error


def _pieces(stream: np.ndarray, length: int, key: str) -> Split:
    """``[N, length + 1]``: the last of each is the first of the next."""
    count = (len(stream) - 1) // length
    if count < 1:
        raise UsageError(f"{key}: has {len(stream)} tokens, fewer than data.length={length} and one to follow")
    pieces = np.lib.stride_tricks.sliding_window_view(stream, length + 1)[::length][:count]
    return Split(np.ascontiguousarray(pieces), torch.zeros(count))


@dataclass
class Vocabulary:
    """Numbers of tokens ``[N, L]`` (int64) as a model takes them: ``known[i]`` is that of token ``i``."""

    known: np.ndarray

    def __call__(self, pieces: np.ndarray) -> Tensor:
        return torch.from_numpy(self.known[pieces])


def fitter(names: list[str], min_count: int) -> Fit:
    """How pieces are numbered, learned from those for training: bytes (no ``names``) from 2 to 257; words as ``load``
    says, the most frequent first. A model is told the size of the ``vocabulary``, padding (0) and unknown included."""

    def fit(train: np.ndarray) -> tuple[Encode, dict[str, Any]]:
        if not names:
            return Vocabulary(np.arange(256) + UNKNOWN + 1), {"vocabulary": 256 + UNKNOWN + 1}
        counts = np.bincount(train[:, 1:].ravel(), minlength=len(names))
        often = [i for i in np.argsort(-counts, kind="stable").tolist() if counts[i] >= min_count]
        known = np.full(len(names), UNKNOWN)
        known[often] = np.arange(len(often)) + UNKNOWN + 1
        return Vocabulary(known), {"vocabulary": len(often) + UNKNOWN + 1}

    return fit
