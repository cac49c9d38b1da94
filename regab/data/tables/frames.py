"""Tables that have types: Parquet, Feather and JSON files, and pandas' data frames, as the cells of a text file."""

from __future__ import annotations

import json
import re
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from regab.data.inputs.place import place
from regab.data.tables.rows import Rows
from regab.errors import UsageError
from regab.lazy import pandas as pd

KINDS = {b"PAR1": "Parquet", b"ARROW1": "Feather", b"FEA1": "Feather"}  # by how such files begin
JSON = re.compile(rb'(\xef\xbb\xbf)?\s*(\[\s*\{\s*"|\{\s*")')  # how records, their lines and columns begin
PROBE = 256  # bytes, of which blanks may be the first
WHOLE = ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64")
DAY = 24 * 3600  # seconds


def read_frame(path: str, source: str) -> pd.DataFrame | None:
    """The table in a Parquet, Feather or JSON file; None where the file is another. ``source`` begins every complaint.

    Raises UsageError where it cannot be read, or pyarrow is missing.
    """
    file = place(path)
    kind = _kind(file)
    if kind is None:
        return None
    if kind != "JSON" and find_spec("pyarrow") is None:
        raise UsageError(f"{source}: is a {kind} file, which pyarrow reads; install it by: pip install pyarrow")
    try:
        with warnings.catch_warnings(action="ignore"):
            return _of_json(file.read_text("utf-8-sig")) if kind == "JSON" else _read(file, kind)
    except Exception as error:  # whatever Arrow makes of a damaged file, and pandas of JSON that is no table
        raise UsageError(f"{source}: is a {kind} file that cannot be read ({' '.join(str(error).split())})") from error


def _read(file: Path, kind: str) -> pd.DataFrame:
    """Whole numbers stay whole beside null, which pandas' own readers make floats."""
    import pyarrow
    from pyarrow import feather, parquet

    whole = {getattr(pyarrow, name.lower())(): getattr(pd, f"{name}Dtype")() for name in WHOLE}
    table = parquet.read_table(file, partitioning=None) if kind == "Parquet" else feather.read_table(file)
    frame = table.to_pandas(types_mapper=whole.get)
    noted = (table.schema.pandas_metadata or {}).get("columns", [])  # Parquet has no categories of numbers
    categories = [note["name"] for note in noted if note["pandas_type"] == "categorical" and note["name"] in frame]
    return frame.astype(dict.fromkeys(categories, "category"))


def _of_json(text: str) -> pd.DataFrame:
    """Of a list of records, a record in every line, or columns by name; whatever holds a list of records as its only
    one. Texts stay texts, also such as 007, which pandas' own reader makes numbers. Raises ValueError."""
    try:
        found = json.loads(text)
    except ValueError:
        found = [json.loads(line) for line in text.splitlines() if line.strip()]
    if isinstance(found, dict):
        lists = [value for value in found.values() if isinstance(value, list) and value and isinstance(value[0], dict)]
        found = lists[0] if len(lists) == 1 else found
    columns = isinstance(found, dict) and all(isinstance(value, list | dict) for value in found.values())
    if not columns and not (isinstance(found, list) and all(isinstance(record, dict) for record in found)):
        raise ValueError("it is neither records nor columns")
    frame = pd.DataFrame(found, dtype=object)
    return frame.astype({name: kind for name, column in frame.items() if (kind := _type_of(column))})


def _type_of(column: pd.Series) -> str | None:
    """What values of one kind are; None for texts, for values of several kinds, and for too large whole numbers."""
    values = [value for value in column if value is not None and value == value]
    kinds = {*map(type, values)}
    if kinds == {bool}:
        return "boolean"
    if not kinds or kinds - {int, float}:
        return None
    return "float64" if float in kinds else "Int64" if max(map(abs, values)) < 2**63 else None


def _kind(file: Path) -> str | None:
    try:
        with file.open("rb") as opened:
            begin = opened.read(PROBE)
    except (OSError, ValueError):
        return None
    if JSON.match(begin):
        return "JSON"
    return next((kind for mark, kind in KINDS.items() if begin.startswith(mark)), None)


def rows_of(frame: pd.DataFrame, source: str) -> Rows:
    """A table with its names in the first row, each cell as ``to_csv`` would write it, and null as an empty one.

    Durations become days. Columns that pandas holds as categories or booleans stay words, whatever they look like.
    Columns of lists, structures and bytes are left out, and it is said. Raises UsageError where there are no rows.
    """
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    names = [str(name) for name in frame.columns]
    columns = {name: frame.iloc[:, i] for i, name in enumerate(names)}
    if len(columns) < len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise UsageError(f"{source}: has two columns of the name {twice!r}")
    if frame.empty:
        raise UsageError(f"{source}: is empty")
    nested = {name for name, column in columns.items() if _is_nested(column)}
    kept = {name: column for name, column in columns.items() if name not in nested}
    said = [f"left out, as their cells hold several values each: {', '.join(sorted(nested))}"] if nested else []
    texts = {name: _texts(column) for name, column in kept.items()}
    there = [0, *(i for i, row in enumerate(zip(*texts.values(), strict=True), 1) if any(row))]
    if (gone := len(frame) + 1 - len(there)) > 0:
        said.append(f"{gone} rows without content left out")
    whole = ([name, *column] for name, column in texts.items())
    cells = {str(i): [column[row] for row in there] for i, column in enumerate(whole)}
    words = [name for name, column in kept.items() if _is_words(column)]
    return Rows(source, cells, there, said=said, unit="row", words=words)


def _is_nested(column: pd.Series) -> bool:
    if column.dtype != object:
        return False
    values = column.dropna()
    return any(isinstance(value, list | dict | tuple | set | bytes | np.ndarray) for value in values[:100])


def _is_words(column: pd.Series) -> bool:
    return isinstance(column.dtype, pd.CategoricalDtype) or pd.api.types.is_bool_dtype(column.dtype)


def _texts(column: pd.Series) -> list[str]:
    missing = column.isna().to_numpy()
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        whole = bool((column.dropna() == column.dropna().dt.normalize()).all())
        texts = [t.strftime("%Y-%m-%d") if whole and t is not pd.NaT else str(t) for t in column]
    elif pd.api.types.is_timedelta64_dtype(column.dtype):
        texts = [repr(float(t)) for t in column.dt.total_seconds() / DAY]
    else:
        texts = [str(value).strip() for value in column.array]  # of single floats, the digits that they have
    return ["" if absent else text for absent, text in zip(missing, texts, strict=True)]
