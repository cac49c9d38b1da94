"""Texts with labels, from CSV and TSV files; words become numbers by a vocabulary of the training texts."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regab.data.rows import Rows, read_rows
from regab.data.split import Encode, Fit, Source, Split
from regab.errors import UsageError

PADDING, UNKNOWN = 0, 1
WORD = re.compile(r"\w+(?:['’]\w+)*|['’]\w+|[^\w\s]")


def load(
    path: str,
    test_path: str | None = None,
    text: int | str = 0,
    label: int | str = 1,
    header: bool | None = None,
    delimiter: str = "auto",
    max_length: int = 128,
    min_count: int = 2,
) -> Source:
    """A file with a text and its label in every row: in the columns ``text`` and ``label``, by position or by name.

    The first line names the columns if ``header`` says so, if a column is asked for by name, or (None) if its label
    occurs in no other line. Labels are classes as they are written. In files separated by tabs, quotes are ordinary
    characters. See ``fitter`` for ``max_length`` and ``min_count``. Raises UsageError for whatever is wrong with the
    files, naming the line.
    """
    for key, value in (("max_length", max_length), ("min_count", min_count)):
        if value < 1:
            raise UsageError(f"data.{key}={value}: must be at least 1")
    if isinstance(text, str) or isinstance(label, str):
        header = True
    files = [("data.path", path), ("data.test_path", test_path)]
    rows = [_read(name, key, label, header, delimiter) for key, name in files if name is not None]
    classes = _classes(rows[0], label)
    train, *test = [Split(_texts(r, text), _numbers(r, label, classes)) for r in rows]
    return Source(train, len(classes), *test, fit=fitter(max_length, min_count))


def fitter(max_length: int, min_count: int) -> Fit:
    """How texts become numbers ``[N, L]`` (int64), learned from the training texts.

    Words are runs of letters and digits (with apostrophes), in lower case, and single other characters. Those that
    occur at least ``min_count`` times in the training texts are numbered from 2, the most frequent first; all others
    are 1, "unknown"; 0 pads. ``L`` is the length of the longest training text, at most ``max_length``; what is beyond
    is cut off. A text without words is one unknown word. A model is told the size of the ``vocabulary``, with both.
    """

    def fit(train: np.ndarray) -> tuple[Encode, dict[str, Any]]:
        texts = [tokenize(text) for text in train]
        counts = Counter(word for text in texts for word in text)
        known = sorted((-count, word) for word, count in counts.items() if count >= min_count)
        numbers = {word: number for number, (_, word) in enumerate(known, UNKNOWN + 1)}
        length = max(1, min(max_length, max(map(len, texts))))

        def encode(examples: np.ndarray) -> Tensor:
            tokens = np.full((len(examples), length), PADDING)
            for row, text in zip(tokens, examples, strict=True):
                found = [numbers.get(word, UNKNOWN) for word in tokenize(text)[:length]] or [UNKNOWN]
                row[: len(found)] = found
            return torch.from_numpy(tokens)

        return encode, {"vocabulary": len(numbers) + 2}

    return fit


def tokenize(text: str) -> list[str]:
    """``It's fine.`` to ``it's``, ``fine`` and ``.``"""
    return WORD.findall(text.lower())


def _read(path: str, key: str, label: int | str, header: bool | None, delimiter: str) -> Rows:
    rows = read_rows(path, key, delimiter, raw_tabs=True)
    if header is None:
        cells = rows.column(label, "data.label")
        header = cells[0] not in cells[1:]
    return rows.named() if header else rows


def _classes(rows: Rows, label: int | str) -> dict[str, int]:
    labels = sorted(set(rows.column(label, "data.label")))
    if len(labels) == 1:
        raise UsageError(f"data.label={label}: is {labels[0]!r} in all rows, so there is nothing to tell apart")
    return {name: number for number, name in enumerate(labels)}


def _texts(rows: Rows, text: int | str) -> np.ndarray:
    return np.array(rows.column(text, "data.text"), dtype=object)


def _numbers(rows: Rows, label: int | str, classes: dict[str, int]) -> Tensor:
    cells = rows.column(label, "data.label")
    for row, cell in enumerate(cells):
        if not cell:
            raise UsageError(f"{rows.at(row)}: has no label")
        if cell not in classes:
            raise UsageError(f"{rows.at(row)}: the label is {cell!r}, which the training data do not have")
    return torch.tensor([classes[cell] for cell in cells])
