"""Texts: rows of a table with a column of them, lines of a plain file, or a list."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from regab.data.inputs.decode import encoding_as, read_text
from regab.data.inputs.pieces import words_of
from regab.data.tables.columns import shown
from regab.data.tables.labels import Targets
from regab.data.tables.numbers import form
from regab.data.tables.rows import Rows, read_rows
from regab.data.unseen.examples import Examples, a_kind, existing, is_path
from regab.data.unseen.sheet import Sheet, is_frame_file, is_table, of_rows, sheet_of
from regab.errors import UsageError
from regab.lazy import pandas as pd

TEXTS = ("text", "texts", "sentence", "sentences", "review", "content", "document", "comment", "tweet")
LABELS = ("label", "labels", "class", "target", "sentiment", "category")


@dataclass
class Texts:
    """Which columns of the training table held texts and labels, by position; ``names`` are those of its columns, none
    where its first line did not name them."""

    text: int
    label: int
    names: list[str]
    targets: Targets
    delimiter: str = "auto"
    encoding: str = "auto"

    @property
    def classes(self) -> list[str]:
        return [*self.targets.names]

    def read(self, given: Any, encode: Any = None) -> Examples:
        """Raises UsageError where no column is that of the texts."""
        if not is_path(given) and not is_table(given):
            texts = _plain(given)
            return Examples(texts, said=_unknown(texts, encode))
        sheet = self._sheet(given)
        text, label = self._column(sheet, self.text), self._column(sheet, self.label)
        if text is None:
            wanted = f" named {self.names[self.text]!r}" if self.names else f" {self.text}"
            raise UsageError(f"{sheet.source}: has no column{wanted} with texts; it has {', '.join(sheet.columns)}")
        texts = np.array(sheet.columns[text], dtype=object)
        said = [*sheet.said, *self._by_place(sheet, text), *_unknown(texts, encode)]
        found = Examples(texts, places=sheet.places, said=said, frame=sheet.frame)
        if label is not None and label != text:
            cells = sheet.columns[label]
            found.label([*map(bool, cells)], lambda rows: self._labels(sheet, cells, rows))
        return found

    def _sheet(self, given: Any) -> Sheet:
        if is_table(given) or is_frame_file(existing(given)):
            return sheet_of(given)
        path = existing(given)
        if path.suffix.lower() == ".txt" and (plain := self._lines(path)):
            return plain
        rows = read_rows(str(path), "", self.delimiter, raw_tabs=True, encoding=encoding_as(str(path), self.encoding))
        first = [cells[0] for cells in rows.columns.values()]
        if self.names and self.names[self.text] in first:
            return of_rows(rows.named())
        if not self._is_header(rows, first):
            return of_rows(rows)
        words = f"the first line, {', '.join(map(shown, first))}, is taken for names of columns"
        return replace(of_rows(named := rows.named()), said=[*named.said, words])

    def _lines(self, path: Path) -> Sheet | None:
        """A text in every line; None for columns, which tabs separate."""
        lines = read_text(str(path), str(path), encoding_as(str(path), self.encoding)).splitlines()
        texts = {number: text.strip() for number, text in enumerate(lines, 1) if text.strip()}
        if not texts:
            raise UsageError(f"{path}: is empty")
        if "\t" in lines[0]:
            return None
        return of_rows(Rows(str(path), {self._name(self.text): [*texts.values()]}, [*texts]))

    def _is_header(self, rows: Rows, first: list[str]) -> bool:
        """Whether cells of the first line are usual names, or its label is none, as all others are."""
        usual = {*TEXTS, *LABELS} - {*self.classes}
        if any(cell.lower() in usual for cell in first):
            return True
        if len(first) <= max(self.text, self.label):
            return False
        label, *others = [*rows.columns.values()][self.label]
        is_one = self.classes.__contains__ if self.classes else form
        return bool(label and others) and not is_one(label) and all(not other or is_one(other) for other in others)

    def _by_place(self, sheet: Sheet, text: str) -> list[str]:
        """A sentence where a column with a name is taken by its place, as training knew no names."""
        places = [str(i) for i in range(len(sheet.columns))]
        if self.names or len(places) == 1 or [*sheet.columns] == places or text.lower() in TEXTS:
            return []
        return [f"texts are those of column {text!r}, by its place: the training data named none"]

    def _name(self, place: int) -> str:
        return self.names[place] if self.names else str(place)

    def _column(self, sheet: Sheet, place: int) -> str | None:
        """By name, or by position where nothing is named, or a table has no other column."""
        names = list(sheet.columns)
        if self._name(place) in names:
            return self._name(place)
        if place == self.text and len(names) == 1:
            return names[0]
        usual = [name for name in names if name.lower() in (TEXTS if place == self.text else LABELS)]
        if not self.names and len(usual) == 1:
            return usual[0]
        unnamed = not self.names or names == [str(i) for i in range(len(names))]
        return names[place] if unnamed and place < len(names) else None

    def _labels(self, sheet: Sheet, cells: list[str], rows: np.ndarray) -> Any:
        return replace(self.targets, label="label")(sheet.part({"label": cells}, rows))


def _unknown(texts: np.ndarray, encode: Any) -> list[str]:
    """A sentence on texts of which training has no word."""
    if not isinstance(getattr(encode, "known", None), list):
        return []
    known = {*encode.known}
    none = sum(known.isdisjoint(words_of(text.lower())) for text in texts.tolist())
    return [f"{none} of {len(texts)} texts have no word that is known from training"] if none else []


def _plain(given: Any) -> np.ndarray:
    texts = given.tolist() if isinstance(given, pd.Series | np.ndarray) else given
    if not isinstance(texts, list | tuple) or not texts or not any(isinstance(text, str) for text in texts):
        raise UsageError(f"predict: {a_kind(given)} holds no texts; give a list of them, a file or a DataFrame")
    if wrong := [number for number, text in enumerate(texts) if not isinstance(text, str)]:
        raise UsageError(f"predict: text {wrong[0]} is {texts[wrong[0]]!r}; give words, or leave it out")
    return np.array([text.strip() for text in texts], dtype=object)
