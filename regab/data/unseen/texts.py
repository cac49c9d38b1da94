"""Texts: rows of a table with a column of them, lines of a plain file, or a list."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from regab.data.inputs.decode import read_text
from regab.data.tables.labels import Targets
from regab.data.tables.rows import Rows, read_rows
from regab.data.unseen.examples import Examples, a_kind, existing, is_path
from regab.data.unseen.sheet import Sheet, is_frame_file, is_table, of_rows, sheet_of
from regab.errors import UsageError
from regab.lazy import pandas as pd


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
            return Examples(_plain(given))
        sheet = self._sheet(given)
        text, label = self._column(sheet, self.text), self._column(sheet, self.label)
        if text is None:
            wanted = f" named {self.names[self.text]!r}" if self.names else f" {self.text}"
            raise UsageError(f"{sheet.source}: has no column{wanted} with texts; it has {', '.join(sheet.columns)}")
        texts = np.array(sheet.columns[text], dtype=object)
        found = Examples(texts, places=sheet.places, said=list(sheet.said), frame=sheet.frame)
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
        rows = read_rows(str(path), "", self.delimiter, raw_tabs=True, encoding=self.encoding)
        return of_rows(rows.named() if self._is_header(rows) else rows)

    def _lines(self, path: Path) -> Sheet | None:
        """A text in every line; None for columns, which tabs separate."""
        lines = read_text(str(path), str(path), self.encoding).splitlines()
        texts = {number: text.strip() for number, text in enumerate(lines, 1) if text.strip()}
        if not texts:
            raise UsageError(f"{path}: is empty")
        if "\t" in lines[0]:
            return None
        return of_rows(Rows(str(path), {self._name(self.text): [*texts.values()]}, [*texts]))

    def _is_header(self, rows: Rows) -> bool:
        """Whether the first line names columns: as that of training did, or since its label is none, unlike others."""
        first = [cells[0] for cells in rows.columns.values()]
        if self.names:
            return self.names[self.text] in first
        return len(first) > max(self.text, self.label) and first[self.label].lower() in ("label", "class", "target")

    def _name(self, place: int) -> str:
        return self.names[place] if self.names else str(place)

    def _column(self, sheet: Sheet, place: int) -> str | None:
        """By name, or by position where nothing is named, or a table has no other column."""
        names = list(sheet.columns)
        if self._name(place) in names:
            return self._name(place)
        if place == self.text and len(names) == 1:
            return names[0]
        unnamed = not self.names or names == [str(i) for i in range(len(names))]
        return names[place] if unnamed and place < len(names) else None

    def _labels(self, sheet: Sheet, cells: list[str], rows: np.ndarray) -> Any:
        return dataclasses.replace(self.targets, label="label")(sheet.part({"label": cells}, rows))


def _plain(given: Any) -> np.ndarray:
    texts = given.tolist() if isinstance(given, pd.Series | np.ndarray) else given
    if not isinstance(texts, list | tuple) or not texts or not all(isinstance(text, str) for text in texts):
        raise UsageError(f"predict: {a_kind(given)} holds no texts; give a list of them, a file or a DataFrame")
    return np.array([text.strip() for text in texts], dtype=object)
