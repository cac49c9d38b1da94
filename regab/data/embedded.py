"""scikit-learn's embedded data sets.

Their files are read directly: ``import sklearn.datasets`` takes longer than training on them (1.3-1.5 s against 0.2
s). A test compares what is read with what scikit-learn returns.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from regab.data.split import Source, Split
from regab.tasks.regression import Regression


def digits() -> Source:
    """1,797 images of 8×8 pixels with values 0 to 16, 10 classes."""
    table = np.loadtxt(_file("digits.csv.gz"), delimiter=",", dtype=np.float32)
    return _source(table[:, :-1].reshape(-1, 1, 8, 8), table[:, -1])


def breast_cancer() -> Source:
    """569 tumours by 30 measurements, 2 classes (0 malignant, 1 benign)."""
    return _table("breast_cancer.csv")


def wine() -> Source:
    """178 wines by 13 measurements, 3 classes."""
    return _table("wine_data.csv")


def iris() -> Source:
    """150 irises by 4 measurements, 3 classes."""
    return _table("iris.csv")


def diabetes() -> Source:
    """442 patients by 10 measurements; the target is how far their diabetes has come a year later (25 to 346)."""
    x, y = (np.loadtxt(_file(f"diabetes_{name}.csv.gz")) for name in ("data_raw", "target"))
    return Source(Split(torch.from_numpy(x), torch.from_numpy(y)), classes=1, task=Regression.name)


def _table(name: str) -> Source:
    table = np.loadtxt(_file(name), delimiter=",", skiprows=1)
    return _source(table[:, :-1], table[:, -1])


def _source(x: np.ndarray, y: np.ndarray) -> Source:
    split = Split(torch.from_numpy(np.ascontiguousarray(x)), torch.from_numpy(y.astype(np.int64)))
    return Source(split, classes=int(y.max()) + 1)


def _file(name: str) -> Path:
    spec = find_spec("sklearn")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "datasets" / "data" / name
