"""Tables that scikit-learn downloads."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regab.data.inputs.place import place
from regab.data.inputs.scaling import Encode, standardize
from regab.data.split import Source, Split
from regab.errors import UsageError
from regab.tasks.regression import Regression

MEASURED = 10  # columns of covtype that are measurements
BLOCKS = (4, 40)  # and the widths of two groups of columns, of which one is 1 in each


def california_housing(root: str, download: bool) -> Source:
    """20,640 districts by 8 measurements; the target is the median value of a house in 100,000 dollars."""
    x, y = _fetch("california_housing", root, download)
    return Source(Split(torch.from_numpy(x), torch.from_numpy(y)), classes=1, task=Regression.name)


def covtype(root: str, download: bool) -> Source:
    """581,012 patches of forest by 10 measurements, 4 areas and 40 soils, 7 kinds of trees."""
    x, y = _fetch("covtype", root, download)
    split = Split(torch.from_numpy(x.astype(np.float32)), torch.from_numpy(y.astype(np.int64) - 1))
    return Source(split, classes=7, fit=_measurements, names=tuple("1234567"))


@dataclass
class Measured:
    """The first columns by ``scale``, the others as they are."""

    scale: Encode

    def __call__(self, x: Tensor) -> Tensor:
        return torch.cat([self.scale(x[:, :MEASURED]), x[:, MEASURED:]], 1)


def _measurements(train: Tensor) -> tuple[Encode, dict[str, Any]]:
    """Standardize what is measured; areas and soils are categories already (``regab.data.tables.encode.fitter``)."""
    return Measured(standardize(train[:, :MEASURED])[0]), {"categories": BLOCKS}


def _fetch(name: str, root: str, download: bool) -> tuple[np.ndarray, np.ndarray]:
    """By scikit-learn's loader, ``root`` being its ``data_home``. Raises UsageError where nothing can be had."""
    folder = place(root)
    cure = "check the network, or point data.root at files already there" if download else "set data.download=true"
    if not download and not folder.is_dir():  # which scikit-learn would make
        raise UsageError(f"data.root={root}: no {name} here; {cure}")
    import sklearn.datasets  # 1.3 s

    fetch = getattr(sklearn.datasets, f"fetch_{name}")
    try:
        with warnings.catch_warnings(action="ignore"):  # of every attempt to reach the network
            return fetch(data_home=str(folder), download_if_missing=download, return_X_y=True)
    except Exception as error:  # no network, a broken file, and whatever else its readers make of one
        reason = " ".join(f"{type(error).__name__} {error}".split())
        raise UsageError(f"data.root={root}: no readable {name} here ({reason}); {cure}") from error
