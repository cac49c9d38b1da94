"""What a reader makes of what it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from regab.data.inputs.place import place
from regab.errors import UsageError

Target = Callable[[Sequence[Any]], Tensor]  # raises UsageError for what training has not had


@dataclass
class Examples:
    """``x`` as the encoder takes them; ``y`` are the targets of the examples ``labelled`` (None: there are none).

    ``places`` say where each example stands (``line``, ``file``); ``said`` is what the user should know; ``frame`` has
    a table's own columns, a row for each example.
    """

    x: Any
    y: Tensor | None = None
    labelled: np.ndarray | None = None
    places: dict[str, list[Any]] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    frame: Any = None

    def __len__(self) -> int:
        return len(self.x)

    def label(self, there: Sequence[bool], targets: Callable[[np.ndarray], Tensor]) -> None:
        """Take the targets of the rows that have some; what cannot be read says why nothing is measured."""
        rows = np.flatnonzero(np.asarray(there, dtype=bool))
        if not len(rows):
            return
        try:
            self.y, self.labelled = targets(rows), rows
        except UsageError as error:
            self.said.append(f"nothing is measured: {error}")
            return
        if len(rows) < len(self):
            self.said.append(f"{len(self) - len(rows)} of {len(self)} examples have no label; the others are measured")


def existing(given: Any) -> Path:
    """The path of what is there. Raises UsageError."""
    path = place(given)
    if not path.exists():
        cure = "; a text is given in a list" if len(str(given).split()) > 1 else ""
        raise UsageError(f"{given}: there is no such file or folder{cure}")
    return path


def unwrapped(given: Any) -> Any:
    """The data set of a DataLoader; of a table of polars' or pyarrow's, pandas' own. Raises UsageError."""
    if hasattr(given, "dataset") and not hasattr(given, "__getitem__"):
        return given.dataset
    if hasattr(given, "iloc") or not hasattr(given, "to_pandas"):
        return given
    try:
        return given.to_pandas()
    except ImportError as error:
        raise UsageError(f"predict: {a_kind(given)} cannot be made a frame of pandas' ({error})") from error


def is_path(given: Any) -> bool:
    return isinstance(given, str | Path)


def a_kind(given: Any) -> str:
    return f"a {type(given).__name__}"


def of_names(labels: Sequence[Any], names: Sequence[str], where: str) -> list[int]:
    """Numbers of classes that are called by name, or by number (or true and false) where names are others.

    Raises UsageError.
    """
    known: dict[Any, int] = {str(number): number for number in range(len(names))}
    known |= {"False": 0, "True": 1} if len(names) == 2 else {}
    known |= {name: number for number, name in enumerate(names)}
    words = [_word(label) for label in labels]
    for label, word in zip(labels, words, strict=True):
        if word not in known:
            raise UsageError(f"{where} is {label!r}, which the training data do not have")
    return [known[word] for word in words]


def _word(label: Any) -> str:
    if isinstance(label, bool | np.bool_):
        return str(bool(label))
    whole = isinstance(label, float | np.floating) and float(label).is_integer()
    return str(int(label)) if whole else str(label)
