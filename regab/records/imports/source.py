"""What a layout looks at, and what it finds there."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regab.errors import UsageError

if TYPE_CHECKING:
    from pandas import DataFrame

TEXT = (".csv", ".tsv", ".txt")
BINARY = {".xlsx": "excel", ".xls": "excel", ".ods": "excel", ".parquet": "parquet", ".json": "json", ".jsonl": "json"}
EPOCH = ("epoch", "step", "_step", "iteration", "global_step")


@dataclass
class Run:
    """One run: what it was given, what came out, and its curves (a row per epoch or step) where there are any."""

    name: str
    given: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    status: str = "finished"
    curves: DataFrame | None = None


@dataclass
class Found:
    """The runs of a source. In a ``loose`` one parameters and metrics stand together in ``given``.

    ``directions`` of metrics (up, down), where the source says so.
    """

    layout: str
    runs: list[Run]
    loose: bool = False
    directions: dict[str, str] = field(default_factory=dict)


class Source:
    """The files that were named: one table, one folder, one database, or several tables of curves."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = [Path(path) for path in paths]
        self.path = self.paths[0]

    @cached_property
    def table(self) -> DataFrame | None:
        """The table in a single file; None for folders and databases. Raises UsageError for one that is damaged."""
        return read_table(self.path) if len(self.paths) == 1 and self.path.is_file() and not self.tables else None

    @cached_property
    def tables(self) -> set[str]:
        """The names of the tables of an SQLite database."""
        if not self.path.is_file():
            return set()
        with self.path.open("rb") as file:
            if file.read(15) != b"SQLite format 3":
                return set()
        return {name for (name,) in self.query("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows that a database answers with."""
        base = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            return base.execute(sql).fetchall()
        finally:
            base.close()


def read_table(path: Path) -> DataFrame:
    """A table as people keep them: separated by commas, semicolons or tabs, with decimal commas, or a workbook.

    Raises UsageError.
    """
    import pandas as pd

    kind = BINARY.get(path.suffix.lower(), "text")
    try:
        read = {"excel": pd.read_excel, "parquet": pd.read_parquet, "text": _read_text}.get(kind)
        table = read(path) if read else pd.read_json(path, lines=path.suffix.lower() == ".jsonl")
    except ImportError as error:
        raise UsageError(f"report {path}: needs a library for such files ({error}); or save it as CSV") from None
    except (ValueError, OSError, pd.errors.ParserError) as error:
        raise UsageError(f"report {path}: cannot be read as a table ({str(error).splitlines()[0]})") from None
    if not len(table) or not len(table.columns):
        raise UsageError(f"report {path}: the table has no rows")
    table.columns = [str(name).strip() for name in table.columns]
    unnamed = [c for c in table if c.startswith("Unnamed:") or not c]  # the index that to_csv() writes
    return table.drop(columns=unnamed).rename(columns=str)


def _read_text(path: Path) -> DataFrame:
    import pandas as pd

    text = path.read_text(encoding="utf-8-sig")
    head = text.partition("\n")[0]
    separator = max(",;\t", key=head.count)
    decimal = "," if separator != "," and "," in text and not head.count(",") else "."
    # Only an empty cell is missing: "none" and "null" are levels.
    return pd.read_csv(
        path, sep=separator, decimal=decimal, encoding="utf-8-sig", keep_default_na=False, na_values=["", "NaN", "nan"],
        skipinitialspace=True, comment=None,
    )  # fmt: skip


def flat(node: Any, path: str = "") -> dict[str, Any]:
    """Nested parameters by dotted keys; W&B's ``{"value": …}`` is what it holds."""
    if isinstance(node, dict) and set(node) <= {"value", "desc"} and "value" in node and path:
        node = node["value"]
    if not isinstance(node, dict):
        return {path: node}
    found: dict[str, Any] = {}
    for key, value in node.items():
        found |= flat(value, f"{path}.{key}" if path else str(key))
    return found


def last_values(curves: DataFrame) -> dict[str, float]:
    """The last number of every column of curves."""
    import pandas as pd

    numbers = curves.apply(pd.to_numeric, errors="coerce")
    return {name: float(column.dropna().iloc[-1]) for name, column in numbers.items() if column.notna().any()}
