"""Numbers and words from what holds them in some other way: frames and series, and arrays of Python's objects."""

from __future__ import annotations

import sys
from numbers import Real
from typing import Any

import numpy as np

from regab.errors import UsageError


def in_columns_of_train(parts: dict[str, Any], key: str) -> dict[str, Any]:
    """The same, frames of validation and test inputs with their columns in the order of training's.

    Raises UsageError where they have others, or where labels are not in the order of their inputs.
    """
    parts = {name: _in_pandas(part) for name, part in parts.items()}
    pd: Any = sys.modules.get("pandas")  # 0.2 s, and who has an object of it has imported it
    if not pd:
        return parts
    for name, (x, y) in ((name, part) for name, part in parts.items() if isinstance(part, tuple | list)):
        if isinstance(x, pd.DataFrame | pd.Series) and isinstance(y, pd.DataFrame | pd.Series):
            _check_order(x.index, y.index, f"{key}: {name}")
    train = parts["train"][0] if isinstance(parts["train"], tuple | list) else None
    if not isinstance(train, pd.DataFrame):
        return parts
    return {name: _in_columns(part, train.columns, f"{key}: {name}", pd) for name, part in parts.items()}


def _in_pandas(part: Any) -> Any:
    if not isinstance(part, tuple | list):
        return part
    found = [*map(_as_pandas, part)]
    return part if all(new is old for new, old in zip(found, part, strict=True)) else found


def _as_pandas(x: Any) -> Any:
    """Frames and series of Polars as pandas' own; anything else as it is."""
    if type(x).__module__.partition(".")[0] != "polars" or not hasattr(x, "to_numpy"):
        return x
    import pandas as pd  # not by to_pandas, which needs pyarrow

    return pd.DataFrame({name: x[name].to_numpy() for name in x.columns}) if hasattr(x, "columns") else x.to_numpy()


def _check_order(inputs: Any, labels: Any, where: str) -> None:
    if (
        len(inputs) == len(labels)
        and inputs.is_unique
        and not inputs.equals(labels)
        and not len(inputs.difference(labels))
    ):
        cure = "return y.loc[x.index], or arrays where their place counts"
        raise UsageError(f"{where}: the index of the labels is that of the inputs in another order; {cure}")


def _in_columns(part: Any, columns: Any, where: str, pd: Any) -> Any:
    if not isinstance(part, tuple | list) or not isinstance(part[0], pd.DataFrame) or part[0].columns.equals(columns):
        return part
    for words, names in (
        ("lack", columns.difference(part[0].columns)),
        ("have, beside those of the training data,", part[0].columns.difference(columns)),
    ):
        if len(names):
            raise UsageError(f"{where} inputs: {words} the columns {', '.join(map(str, names[:3]))}")
    return part[0][columns], part[1]


def of_frame(x: Any, where: str) -> Any:
    """The numbers of a DataFrame or Series; anything else as it is. Raises UsageError for columns that are none."""
    pd: Any = sys.modules.get("pandas")
    if not pd or not isinstance(x, pd.DataFrame | pd.Series):
        return x
    kinds = x.infer_objects()
    columns: Any = [(x.name, kinds)] if isinstance(x, pd.Series) else kinds.items()
    if words := [str(name) for name, column in columns if not pd.api.types.is_numeric_dtype(column)]:
        why = f"has columns that are no numbers ({', '.join(words[:3])}); save it as CSV for data=csv"
        raise UsageError(f"{where} inputs: the {type(x).__name__} {why}")
    return kinds.to_numpy(dtype=np.float64, na_value=np.nan)


def numbers_of_objects(array: np.ndarray) -> np.ndarray:
    """An array of numbers where all its objects are such, else the same."""
    if all(isinstance(value, Real | np.bool_) for value in array.flat):
        return np.asarray(array.tolist())
    return array


def plain_labels(y: Any, where: str) -> np.ndarray:
    """Numbers, or words in an array ``[N]`` of objects. Raises UsageError for what is neither, or missing."""
    objects = isinstance(y, list | tuple) and any(isinstance(label, str | None) for label in y)
    array = y.to_numpy() if hasattr(y, "to_numpy") else np.asarray(y, dtype=object if objects else None)
    if array.dtype.kind == "S":  # as HDF5 has words
        array = np.char.decode(array, errors="replace")
    if array.dtype.kind == "O":
        array = numbers_of_objects(array)
    if array.dtype.kind in "fiub":
        return array
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if array.ndim == 1 and all(isinstance(word, str) for word in array):
        return array.astype(object)
    raise UsageError(f"{where}: {_why_not(array)}")


def _why_not(array: np.ndarray) -> str:
    import pandas as pd  # 0.2 s

    absent = np.flatnonzero(pd.isna(array)).tolist() if array.ndim == 1 else []
    cure = "which is to be predicted; leave such examples out"
    return f"row {absent[0]} has none, {cure}" if absent else "are neither numbers nor words"
