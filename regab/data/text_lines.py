"""A text file, for models that predict what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regab.data.inputs.pieces import TOKENS, pieces_of, tokens_of
from regab.data.inputs.scaling import Encode, Fit
from regab.data.split import Source, Split
from regab.data.text import MARKS, PADDING, UNKNOWN
from regab.data.unseen.lines import Lines
from regab.errors import UsageError
from regab.tasks.language_modelling import LanguageModelling

OTHERS = (UNKNOWN, PADDING)  # numbers of what is no token of the training text


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
    read = [tokens_of(name, f"{key}={name}", tokens) for key, name in files if name is not None]
    names = [] if tokens == "bytes" else sorted({word for words in read for word in words})
    numbers = {word: number for number, word in enumerate(names)}
    streams = [np.array(found if tokens == "bytes" else [numbers[word] for word in found]) for found in read]
    train, *test = [_split(s, length, key) for s, (key, _) in zip(streams, files, strict=False)]
    said = f"{len(streams[0]):,} {tokens} in {len(train)} pieces of {length}"
    order = None if test else np.arange(len(train))
    fit = fitter(names, min_count)
    reader = Lines(tokens, length)
    return Source(train, 0, test[0] if test else None, fit, LanguageModelling.name, (said,), order=order, reader=reader)


def _split(stream: np.ndarray, length: int, key: str) -> Split:
    """Raises UsageError where there is no piece."""
    pieces = pieces_of(stream, length)
    if not len(pieces):
        raise UsageError(f"{key}: has {len(stream)} tokens, fewer than data.length={length} and one to follow")
    return Split(pieces, torch.zeros(len(pieces)))


@dataclass
class Vocabulary:
    """Numbers of tokens ``[N, L]`` (int64) as a model takes them: ``known[i]`` is that of token ``i``.

    ``words`` are the tokens of a text, none of bytes; after them come one for all other words, and one for padding.
    """

    known: np.ndarray
    words: list[str] | None = None

    @property
    def names(self) -> list[str]:
        """Those of tokens by their numbers; bytes that are no characters are written as ``\\x0a``."""
        tokens = self.words or [repr(bytes([byte]))[2:-1] for byte in range(256)]
        named = dict(zip(self.known.tolist(), tokens, strict=False))
        return [*MARKS, *(named[number] for number in range(len(MARKS), int(self.known.max()) + 1))]

    def __call__(self, pieces: np.ndarray) -> Tensor:
        return torch.from_numpy(self.known[pieces])


def fitter(names: list[str], min_count: int) -> Fit:
    """How pieces are numbered, learned from those for training: bytes (no ``names``) from 2 to 257; words as ``load``
    says, the most frequent first. A model is told the size of the ``vocabulary``, padding (0) and unknown included."""

    def fit(train: np.ndarray) -> tuple[Encode, dict[str, Any]]:
        if not names:
            return Vocabulary(np.append(np.arange(256) + UNKNOWN + 1, OTHERS)), {"vocabulary": 256 + UNKNOWN + 1}
        counts = np.bincount(train[:, 1:].ravel(), minlength=len(names))
        often = [i for i in np.argsort(-counts, kind="stable").tolist() if counts[i] >= min_count]
        known = np.full(len(names), UNKNOWN)
        known[often] = np.arange(len(often)) + UNKNOWN + 1
        return Vocabulary(np.append(known, OTHERS), names), {"vocabulary": len(often) + UNKNOWN + 1}

    return fit
