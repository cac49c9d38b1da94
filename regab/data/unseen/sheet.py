"""A table of any origin: a text file's cells, or a data frame whose columns may be numbers already."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from regab.data.inputs.decode import encoding_as
from regab.data.tables.columns import Column, Options
from regab.data.tables.frames import read_frame, rows_of
from regab.data.tables.rows import Rows, column_name, read_rows
from regab.data.unseen.examples import a_kind, existing, is_path
from regab.errors import UsageError
from regab.lazy import pandas as pd

FRAMES = (".xlsx", ".xls", ".ods")


@dataclass
class Sheet(Rows):
    """``numbers`` are the columns that hold numbers already (float64, NaN where missing), ``instants`` those of times;
    ``index`` is a frame's."""

    numbers: dict[str, np.ndarray] = field(default_factory=dict)
    instants: dict[str, np.ndarray] = field(default_factory=dict)
    index: Any = None

    def at(self, row: int) -> str:
        return super().at(row) if self.index is None else f"{self.source}, row {self.index[row]!r}"

    def part(self, columns: dict[str, list[str]], rows: np.ndarray) -> Sheet:
        """Some rows of these columns."""
        some = {name: [cells[row] for row in rows] for name, cells in columns.items()}
        index = None if self.index is None else self.index[rows]
        return Sheet(self.source, some, [self.lines[row] for row in rows], unit=self.unit, index=index)

    @property
    def frame(self) -> Any:
        return pd.DataFrame(self.columns, index=self.index)

    @property
    def places(self) -> dict[str, list[Any]]:
        return {self.unit: list(self.lines)} if self.index is None else {}


def is_table(given: Any) -> bool:
    """Whether this is a frame, or what makes one."""
    records = isinstance(given, list) and bool(given) and all(isinstance(row, dict) for row in given)
    return isinstance(given, pd.DataFrame | dict) or records


def is_frame_file(path: Path) -> bool:
    """Whether a file has types, as a data frame has."""
    return path.suffix.lower() in (".parquet", ".pq", ".feather", ".json", ".jsonl", *FRAMES)


def sheet_of(given: Any, delimiter: str = "auto", encoding: str = "auto") -> Sheet:
    """A table whose columns are named. Raises UsageError."""
    if is_row(given):
        given = given.to_frame().T.infer_objects()
    if is_table(given):
        return of_frame(_frame(given), "the data frame")
    if isinstance(given, list | tuple) and given and all(map(is_path, given)):
        raise UsageError(f"predict: {len(given)} files are given, but tables are predicted one by one")
    if not is_path(given):
        raise UsageError(f"predict: {a_kind(given)} is no table; give a file or a pandas DataFrame")
    path = existing(given)
    frame = _read(path) if path.suffix.lower() in FRAMES else read_frame(str(path), str(given))
    if frame is not None:
        return replace(of_frame(frame, str(given)), index=None)
    encoding = encoding_as(str(path), encoding)
    rows = read_rows(str(path), "", delimiter, encoding=encoding)
    if len(rows.columns) == 1 and delimiter != "auto":  # it may be separated by another one than the training file
        rows = read_rows(str(path), "", encoding=encoding)
    return of_rows(rows.named())


def is_row(given: Any) -> bool:
    """Whether this is a row of a frame, which has names."""
    return isinstance(given, pd.Series) and not pd.api.types.is_numeric_dtype(given.index.dtype)


def _frame(given: Any) -> pd.DataFrame:
    """Raises UsageError for what makes none."""
    if isinstance(given, pd.DataFrame):
        return given
    single = isinstance(given, dict) and not any(map(pd.api.types.is_list_like, given.values()))
    try:
        return pd.DataFrame([given] if single else given)
    except (ValueError, TypeError) as error:
        raise UsageError(f"predict: {a_kind(given)} makes no table ({error})") from error


def of_rows(rows: Rows) -> Sheet:
    return Sheet(**vars(rows))


def plain_numbers(sheet: Sheet, name: str) -> np.ndarray:
    """The numbers of a column of which training tells nothing. Raises UsageError."""
    if name in sheet.numbers:
        return sheet.numbers[name]
    return Column(name, "numeric", grouped=False).numbers(sheet, Options(), "mend it")


def _read(path: Path) -> pd.DataFrame:
    """Raises UsageError."""
    try:
        return pd.read_excel(path)
    except ImportError as error:
        raise UsageError(f"{path}: needs a library for such files ({error}); or save it as CSV") from error
    except (ValueError, OSError, KeyError) as error:
        raise UsageError(f"{path}: cannot be read as a table ({str(error).splitlines()[0]})") from error


def of_frame(frame: pd.DataFrame, source: str) -> Sheet:
    """Raises UsageError for an empty frame, and columns of one name."""
    frame = frame.rename(columns=str)
    rows = rows_of(frame, source).named()
    kept = np.array(rows.lines) - 1
    there = {column_name(name): frame[name].iloc[kept] for name in frame if column_name(name) in rows.columns}
    numbers = {name: _numbers(rows.columns[name]) for name, column in there.items() if _is_number(column)}
    instants = {name: _instants(column) for name, column in there.items() if _are_dates(column)}
    cells = {name: [*map(_whole, column)] if name in numbers else column for name, column in rows.columns.items()}
    facts = vars(rows) | {"columns": cells, "numbers": numbers, "instants": instants, "index": frame.index[kept]}
    return Sheet(**facts)


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)


def _numbers(cells: list[str]) -> np.ndarray:
    """Of single floats, the digits that they have."""
    values = np.array([float(cell or "nan") for cell in cells])
    return np.where(np.isinf(values), np.nan, values)


def _whole(cell: str) -> str:
    """Whole numbers without a point, which a gap in a column of pandas' gives them."""
    return cell.removesuffix(".0")


def _are_dates(column: pd.Series) -> bool:
    """Whether these are times of pandas', or Python's dates, as databases and Parquet have them."""
    kinds = ("date", "datetime", "datetime64")
    as_objects = column.dtype == object and pd.api.types.infer_dtype(column, skipna=True) in kinds
    return bool(pd.api.types.is_datetime64_any_dtype(column.dtype) or as_objects)


def _instants(column: pd.Series) -> np.ndarray:
    column = pd.to_datetime(column)
    naive = column.dt.tz_convert("UTC").dt.tz_localize(None) if column.dt.tz is not None else column
    return naive.dt.as_unit("us").to_numpy()
