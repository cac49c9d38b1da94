"""What the tests of predictions share: a table as people write them, a loader and a model, and trained runs."""

import contextlib
import io
import json
import subprocess

import numpy as np
import pandas as pd
import pytest

from regab.cli import main
from tests.conftest import python

FRESH = """
import json, sys, warnings
import regab
warnings.simplefilter("ignore")
found = regab.load(sys.argv[1]).predict(sys.argv[2])
said = found[next((name for name in found if name.startswith("prediction")), "next")]
print(json.dumps([found.attrs["metrics"], said.tolist()]))
"""
MLP = ("model=mlp", "model.widths=[8]", "epochs=2", "batch_size=32")
MINE = """
from dataclasses import dataclass
import numpy as np, torch
from torch import nn
from regab.data.split import Source, Split

RANDOM = np.random.default_rng(1)
X = RANDOM.normal(3, 5, size=(120, 6))

def load():
    return Source(Split(X, [f"class {label}" for label in (X[:, 0] > 3).astype(int)]), classes=2)

def counted():
    return Source(Split(X, (X[:, 0] > 3).astype(int) + 1), classes=2)

def numbers():
    return Source(Split(X, 100 + 9 * X[:, 0]), classes=1, task="regression")

def fitted():
    return load()._replace(fit=fit)

def closed():
    return load()._replace(fit=lambda x: (lambda rows: torch.as_tensor(rows / 7).float(), {}))

@dataclass
class Ranks:
    sorted: np.ndarray

    def __call__(self, rows):
        found = [np.searchsorted(own, column) for own, column in zip(self.sorted.T, np.asarray(rows).T)]
        return torch.tensor(np.stack(found, 1) / 60 - 1).float()

def fit(x):
    return Ranks(np.sort(x, 0)), {}

class Net(nn.Module):
    def __init__(self, in_features, num_classes):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(in_features, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3))
        self.head = nn.Linear(8, num_classes)

    def forward(self, x):
        return self.head(self.body(x))
"""


def table(n, seed):
    """Rows as people write them: gaps, decimal commas, dates, categories one of which is rare."""
    random = np.random.default_rng(seed)
    a, b = random.normal(40, 9, n), random.normal(0, 3, n)
    city = random.choice(["Oslo", "Bergen", "", "Moss"], n, p=[0.5, 0.3, 0.15, 0.05])
    label = np.where(a + 4 * (city == "Oslo") + b > 42, "yes", "no")
    number = 1000 + 50 * a + 100 * (city == "Oslo") + 20 * b
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 900, n), "D")
    frame = pd.DataFrame(
        {"id": np.arange(n), "age": [f"{v:.2f}".replace(".", ",") for v in a], "b": b.round(3), "city": city}
    )
    frame["since"], frame["label"] = days.strftime("%d.%m.%Y"), label
    frame["price"] = [f"{v:.2f} €".replace(".", ",") for v in number]
    frame.loc[frame.index % 9 == 3, "b"] = np.nan
    return frame


def own_module(folder):
    """Write a module of the user's own, by a name that no other test has imported; its name."""
    name = f"mine_{abs(hash(str(folder)))}"
    (folder / f"{name}.py").write_text(MINE)
    return name


def train(folder, *words):
    """Train in a folder: the run's own folder (or the sweep's), and its selected test metrics without the split's
    name."""
    printed = io.StringIO()
    before = set(folder.glob("outputs/*/*"))
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        with pytest.raises(SystemExit) as stop:
            main(["train", "curves=false", *words])
        assert stop.value.code == 0, printed.getvalue()
    (run,) = set(folder.glob("outputs/*/*")) - before
    if "-m" in words:
        return run, {}
    selected = json.loads((run / "result.json").read_text())["selected"]
    return run, {k.removeprefix("test_"): v for k, v in selected.items() if k.startswith("test_")}


def write_tables(folder):
    table(160, 0).to_csv(folder / "train.csv", index=False)
    table(60, 1).to_csv(folder / "test.csv", index=False)
    return ("data=csv", f"data.path={folder}/train.csv", f"data.test_path={folder}/test.csv")


def same(found, measured):
    assert found.keys() == measured.keys()
    assert found == {name: pytest.approx(value, abs=1e-6, rel=1e-6) for name, value in measured.items()}


def fresh(run, given):
    """What a process of its own, which runs beside what it is given, predicts: metrics and the predictions."""
    done = subprocess.run(python("-c", FRESH, str(run), str(given)), cwd=given.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
