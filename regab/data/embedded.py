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

CELL = ["radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave points"]
CELL += ["symmetry", "fractal dimension"]
NUCLEI = ("mean {}", "{} error", "worst {}")
WINE = ["alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids"]
WINE += ["nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue", "od280/od315_of_diluted_wines", "proline"]


def digits() -> Source:
    """1,797 images of 8×8 pixels with values 0 to 16, 10 classes."""
    table = np.loadtxt(_file("digits.csv.gz"), delimiter=",", dtype=np.float32)
    source = _source(table[:, :-1].reshape(-1, 1, 8, 8), table[:, -1])
    return source._replace(features=tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8)))


def breast_cancer() -> Source:
    """569 tumours by 30 measurements, 2 classes (0 malignant, 1 benign)."""
    return _table("breast_cancer.csv", [form.format(cell) for form in NUCLEI for cell in CELL])


def wine() -> Source:
    """178 wines by 13 measurements, 3 classes."""
    return _table("wine_data.csv", WINE)


def iris() -> Source:
    """150 irises by 4 measurements, 3 classes."""
    return _table("iris.csv", [f"{part} {side} (cm)" for part in ("sepal", "petal") for side in ("length", "width")])


def diabetes() -> Source:
    """442 patients by 10 measurements; the target is how far their diabetes has come a year later (25 to 346)."""
    x, y = (np.loadtxt(_file(f"diabetes_{name}.csv.gz")) for name in ("data_raw", "target"))
    features = ("age", "sex", "bmi", "bp", *(f"s{i}" for i in range(1, 7)))
    split = Split(torch.from_numpy(x), torch.from_numpy(y))
    return Source(split, classes=1, task=Regression.name, features=features)


def _table(name: str, features: list[str]) -> Source:
    with _file(name).open() as file:
        names = file.readline().strip().split(",")[2:]
        table = np.loadtxt(file, delimiter=",")
    return _source(table[:, :-1], table[:, -1])._replace(names=tuple(names), features=tuple(features))


def _source(x: np.ndarray, y: np.ndarray) -> Source:
    split = Split(torch.from_numpy(np.ascontiguousarray(x)), torch.from_numpy(y.astype(np.int64)))
    return Source(split, classes=int(y.max()) + 1)


def _file(name: str) -> Path:
    spec = find_spec("sklearn")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "datasets" / "data" / name
