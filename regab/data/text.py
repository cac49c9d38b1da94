"""Texts with labels, from CSV and TSV files; words become numbers by a vocabulary of the training texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regab.data.inputs.pieces import words_of
from regab.data.inputs.scaling import Encode, Fit
from regab.data.split import Source, Split
from regab.data.tables.columns import Options, plain_name
from regab.data.tables.keys import Keys
from regab.data.tables.labels import MOST_CLASSES, Targets
from regab.data.tables.marks import Marks
from regab.data.tables.numbers import MISSING, form
from regab.data.tables.rows import Rows, read_rows
from regab.data.unseen.texts import Texts
from regab.errors import UsageError

PADDING, UNKNOWN = 0, 1
SHOWN = 3
MARKS = ("<padding>", "<unknown>")  # what these are called


def load(
    path: str,
    test_path: str | None = None,
    text: int | str = 0,
    label: int | str = 1,
    header: bool | None = None,
    delimiter: str = "auto",
    max_length: int = 128,
    min_count: int = 2,
    task: str = "auto",
    missing: Any = None,
    decimal: str = "auto",
    encoding: str = "auto",
    group: str | None = None,
    order: str | None = None,
) -> Source:
    """A file with a text and its label in every row: in the columns ``text`` and ``label``, by position or by name.

    The first line names the columns if ``header`` says so, if a column is asked for by name, or (None) if its label
    occurs in no other line (of a test file: of the training file), and is no number where all others are. Labels are
    classes as they are written, or numbers in a regression, as in a table (see ``regab.data.table.load``, also for
    ``missing`` and ``decimal``). In files separated by tabs, quotes are ordinary characters unless all names of columns
    are in quotes, or rows have one length only if they are not. See ``fitter`` for ``max_length`` and ``min_count``,
    and for ``group`` and ``order`` a table. Raises UsageError for whatever is wrong with the files, naming the line.
    """
    if any(isinstance(column, str) for column in (text, label, group, order)):
        header = True
    options = Options(missing=[] if missing is None else missing, decimal=decimal)  # none is as good a class as others
    files = [("data.path", path), ("data.test_path", test_path)]
    rows = [_rows(name, key, delimiter, encoding) for key, name in files if name is not None]
    rows = [_named(part, label, header, rows[0]) for part in rows]
    keys, how = Keys.of(group, order), (delimiter, encoding)
    return of_rows(rows, text, label, max_length, min_count, task, options, keys, how)


def of_rows(
    rows: list[Rows],
    text: int | str,
    label: int | str,
    max_length: int,
    min_count: int,
    task: str,
    options: Options,
    keys: Keys,
    files: tuple[str, str] = ("auto", "auto"),
) -> Source:
    """Tables for training and, as far as there are such, for testing and validation; the rest as ``load`` has it.

    ``files``: the delimiter and encoding of files that are read later.
    """
    for key, value in (("max_length", max_length), ("min_count", min_count)):
        if value < 1:
            raise UsageError(f"data.{key}={value}: must be at least 1")
    _check_sides(rows[0], text, label)
    name = list(rows[0].columns)[label] if isinstance(label, int) else label
    targets = Targets.of(rows[0], label, task, options, Marks(rows[0], [name], options), order=str)
    keys.apart(rows[0], name, options)
    train, *others = [Split(_texts(r, text), targets(r)) for r in rows]
    test, val = (*others, None, None)[:2]
    said = [f"{len(train)} texts; {targets.words(train.y)}", *_of_nothing(train.x)]
    said += rows[0].unused(text, label, keys.group, keys.order)
    fit = fitter(max_length, min_count)
    return Source(
        train,
        targets.outputs,
        test,
        fit,
        targets.task,
        (*said, *(words for part in rows for words in part.said), *keys.across(rows[0], (*rows, None)[1], options)),
        names=targets.names,
        groups=keys.groups(rows[0]),
        order=keys.places(rows[0], options),
        reader=_reader(rows[0], text, label, targets, *files),
        val=val,
    )


def _reader(rows: Rows, text: int | str, label: int | str, targets: Targets, delimiter: str, encoding: str) -> Texts:
    names = list(rows.columns)
    of_text, of_label = (names.index(column) if isinstance(column, str) else column for column in (text, label))
    named = [] if names == [str(i) for i in range(len(names))] else names
    return Texts(of_text, of_label, named, targets, delimiter, encoding)


@dataclass
class Words:
    """Texts as ``fitter`` says: the ``known`` words, numbered from 2, and how many of a text are taken."""

    known: list[str]
    length: int

    @property
    def names(self) -> list[str]:
        """Those of tokens."""
        return [*MARKS, *self.known]

    def __call__(self, examples: Sequence[str]) -> Tensor:
        numbers = {word: number for number, word in enumerate(self.known, UNKNOWN + 1)}
        tokens = np.full((len(examples), self.length), PADDING)
        for row, text in zip(tokens, examples, strict=True):
            found = [numbers.get(word, UNKNOWN) for word in tokenize(text)[: self.length]] or [UNKNOWN]
            row[: len(found)] = found
        return torch.from_numpy(tokens)


def fitter(max_length: int, min_count: int) -> Fit:
    """How texts become numbers ``[N, L]`` (int64), learned from the training texts.

    Words are runs of letters and digits (with apostrophes), in lower case, and single other characters, as are letters
    of scripts without spaces between words (Chinese, Japanese, Thai). Those that
    occur at least ``min_count`` times in the training texts are numbered from 2, the most frequent first; all others
    are 1, "unknown"; 0 pads. ``L`` is the length of the longest training text, at most ``max_length``; what is beyond
    is cut off. A text without words is one unknown word. A model is told the size of the ``vocabulary``, with both.
    """

    def fit(train: np.ndarray) -> tuple[Encode, dict[str, Any]]:
        texts = [tokenize(text) for text in train]
        counts = Counter(word for text in texts for word in text)
        known = sorted((-count, word) for word, count in counts.items() if count >= min_count)
        length = max(1, min(max_length, max(map(len, texts))))
        return Words([word for _, word in known], length), {"vocabulary": len(known) + 2}

    return fit


def tokenize(text: str) -> list[str]:
    """``It's fine.`` to ``it's``, ``fine`` and ``.`` (see ``words_of``; ends of lines are spaces)."""
    return [word for word in words_of(text.lower()) if word != "\n"]


def _rows(path: str, key: str, delimiter: str, encoding: str) -> Rows:
    return read_rows(path, key, delimiter, raw_tabs=True, encoding=encoding)


def _named(rows: Rows, label: int | str, header: bool | None, train: Rows) -> Rows:
    """The same with columns named by the first line if there is a header, which is said where it had to be guessed."""
    if rows.unit == "row":  # of a file that names its columns
        header = True
    if header is None and _is_header(rows, label, train):
        first = ", ".join(repr(plain_name(cells[0])) for cells in rows.columns.values())
        file = "" if rows is train else f" of {rows.source}"
        words = f"the first line{file}, {first}, is taken for names of columns (else data.header=false)"
        return replace(named := rows.named(), said=[*named.said, words])
    return rows.named() if header else rows


def _is_header(rows: Rows, label: int | str, train: Rows) -> bool:
    """Whether the label in the first line is none: it is in no other line, and not a number as all of these are."""
    first, *others = rows.column(label, "data.label")
    if rows is not train:
        others = train.column(label, "data.label")[1:]
        if first == train.column(label, "data.label")[0]:
            return _is_header(train, label, train)
    return first not in others and not (form(first) and all(map(form, others)))


def _texts(rows: Rows, text: int | str) -> np.ndarray:
    return np.array(rows.column(text, "data.text"), dtype=object)


def _of_nothing(texts: np.ndarray) -> Iterator[str]:
    """A sentence on texts that are empty, or a word for a missing cell."""
    if found := Counter(text for text in texts.tolist() if text.lower() in MISSING):
        kinds = ", ".join(repr(text) if text else "empty" for text, _ in found.most_common(SHOWN))
        yield f"{found.total()} of {len(texts)} texts say nothing ({kinds})"


def _check_sides(rows: Rows, text: int | str, label: int | str) -> None:
    """Raises UsageError where texts and labels seem to have changed places."""
    texts, labels = rows.column(text, "data.text"), rows.column(label, "data.label")
    if texts is labels:
        raise UsageError(f"data.text={text} data.label={label}: are the same column; choose two ({rows.source})")
    n, spaces = len(labels), sum(" " in cell for cell in labels)
    if len(set(texts)) <= MOST_CLASSES and len(set(labels)) > n / 2 and spaces > n / 2 and n > MOST_CLASSES:
        names = list(rows.columns)
        here, there = (names.index(c) if isinstance(c, str) else c for c in (text, label))
        cure = f"set data.text={there} data.label={here}"
        raise UsageError(f"{rows.source}: texts and labels seem to have changed places; {cure}")
