"""Cells of a table as numbers for a model: standardized, without gaps, and words as blocks of zeros and ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regab.data.inputs.scaling import Encode, divisor
from regab.data.tables.numbers import PLAIN
from regab.lazy import pandas as pd

TELLING = 4  # rows for each value of a column that tells rows apart
LARGEST = 1e38  # of single precision
TRUTHS = ("true", "false")


@dataclass
class Cells:
    """Numbers ``[N, A]`` (float64, NaN where missing) and words ``[N, C]``; ``[rows]`` takes some of the rows."""

    numbers: np.ndarray
    words: np.ndarray

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, rows: np.ndarray) -> Cells:
        return Cells(self.numbers[rows], self.words[rows])

    def codes(self) -> np.ndarray:
        """A number for each row, equal where its cells are."""
        return pd.util.hash_pandas_object(pd.DataFrame(dict(enumerate(self._columns()))), index=False).to_numpy()

    def varied(self) -> bool:
        """Whether a column has so many values that rows are the same by no chance."""
        return any(TELLING * pd.Series(column).nunique() >= len(self) for column in self._columns())

    def _columns(self) -> list[np.ndarray]:
        return [*self.numbers.T, *self.words.T]


@dataclass
class Table:
    """Cells as ``fitter`` says; of each column of numbers the median, the mean, the deviation, and whether it had
    ``gaps``, and of each categorical column its ``words``."""

    medians: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    gaps: np.ndarray
    words: list[list[str]]

    def __call__(self, examples: Cells) -> Tensor:
        absent = np.isnan(examples.numbers)
        scaled = (np.where(absent, self.medians, examples.numbers) - self.mean) / self.deviation
        scaled = scaled.clip(-LARGEST, LARGEST)
        blocks = [_one_hot(column, known) for column, known in zip(examples.words.T, self.words, strict=True)]
        return torch.from_numpy(np.concatenate([scaled, absent[:, self.gaps], *blocks], 1).astype(np.float32))


def fitter(max_categories: int) -> Any:
    """How ``Cells`` are encoded, learned from the training examples: ``[N, F]`` float32, three kinds of columns.

    Numbers, less their mean and over their deviation, the missing ones replaced by the median first; for each numeric
    column that has missing values, 1 where it has and else 0; for each categorical column a block of zeros with a 1 at
    the word's place. ``missing`` is a word as others are. Words that training lacks, and those beyond the
    ``max_categories`` most frequent, have no place: their block is zero throughout, which stands for "another". Words
    that are numbers, as codes are, are the same where these are equal (``known_as``). A model that asks for
    ``categories`` gets the widths of the blocks, which are the last columns.
    """

    def fit(train: Cells) -> tuple[Encode, dict[str, Any]]:
        missing = np.isnan(train.numbers)
        present = [column[~np.isnan(column)] for column in train.numbers.T]
        medians = np.array([np.median(column) if len(column) else 0.0 for column in present])
        filled = np.where(missing, medians, train.numbers)
        mean, deviation = filled.mean(0), filled.std(0)
        deviation = divisor(deviation, filled.min(0), filled.max(0))
        words = [_known(column, max_categories) for column in train.words.T]
        return Table(medians, mean, deviation, missing.any(0), words), {"categories": tuple(map(len, words))}

    return fit


def _known(words: np.ndarray, most: int) -> list[str]:
    """The most frequent words (of equally frequent ones, the first in the alphabet), in alphabetical order."""
    counted = sorted(Counter(words.tolist()).items(), key=lambda item: (-item[1], item[0]))
    return sorted(word for word, _ in counted[:most])


def _one_hot(words: np.ndarray, known: list[str]) -> np.ndarray:
    places: dict[str | None, int] = {word: number for number, word in enumerate(known)}
    same = known_as(words.tolist(), known)
    numbers = np.array([places.get(same[word], -1) for word in words.tolist()], dtype=np.int64)
    return (numbers[:, None] == np.arange(len(places))).astype(np.float32)


def known_as(words: Iterable[str], known: Iterable[str]) -> dict[str, str | None]:
    """What each of the words is called among those ``known``, None where it is none of them.

    A code is ``3`` in one file and ``3.0`` in another, where a gap made its column one of floats; 03 is another.
    ``true`` is ``True`` to pandas, and ``TRUE`` to Excel.
    """
    names = set(known)
    values = {_value(name): name for name in sorted(names, reverse=True)}
    return {word: word if word in names else values.get(_value(word)) for word in set(words)}


def _value(word: str) -> float | str:
    if PLAIN.fullmatch(word):
        return float(word)
    return word.lower() if word.lower() in TRUTHS else word
