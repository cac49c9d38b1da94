"""What identifies the data of a run: their content alone."""

import json

import numpy as np
import pytest
import torch

from regab.data.fingerprint import fingerprint
from regab.data.split import Source, Split
from regab.data.table import load as load_table
from regab.data.text import load as load_texts
from tests.conftest import SMALL

X, Y = torch.arange(12.0).reshape(6, 2), torch.tensor([0, 1, 0, 1, 0, 1])


def of(x=X, y=Y, test=None, **options):
    return fingerprint(Source(Split(x, y), **{"classes": 2, "test": test} | options))


def test_equal_data_have_equal_fingerprints_and_any_change_shows():
    changed = X.clone()
    changed[5, 1] = float(np.nextafter(np.float32(11), np.float32(12)))
    others = [
        of(changed),
        of(X.flip(0)),
        of(X.double()),
        of(X.reshape(6, 1, 2)),
        of(y=Y.flip(0)),
        of(test=Split(X, Y)),
        of(classes=3),
        of(task="regression"),
    ]
    assert of() == of(X.clone(), Y.clone()) == of(X.t().contiguous().t()) == of(X.numpy(), Y.numpy())
    assert len({of(), *others}) == 1 + len(others)


class Lazy:
    """Examples that are made when asked for."""

    def __init__(self, step):
        self.step = step

    def __len__(self):
        return 10_000

    def __getitem__(self, rows):
        return [f"example {row * self.step}" for row in rows]


def test_examples_that_are_made_when_asked_for_are_sampled_unless_they_know_better():
    y = torch.zeros(10_000)
    assert of(Lazy(1), y) == of(Lazy(1), y) != of(Lazy(2), y)
    known = Lazy(1)
    known.fingerprint = lambda: "version 7"
    other = Lazy(2)
    other.fingerprint = known.fingerprint
    assert of(known, y) == of(other, y) != of(Lazy(1), y)


@pytest.mark.parametrize("kind", ["table", "texts"])
def test_files_are_known_by_their_content_and_not_by_their_name(tmp_path, kind):
    def made(name, word):
        (tmp_path / name).write_text("x,c,y\n" + "".join(f"{i},{word if i == 7 else 'w'},{i % 2}\n" for i in range(9)))
        path = str(tmp_path / name)
        return fingerprint(load_table(path, "y") if kind == "table" else load_texts(path, text="c", label="y"))

    assert made("a.csv", "w") == made("b.csv", "w") != made("c.csv", "v")


@pytest.mark.slow
def test_every_run_keeps_the_fingerprint_of_its_data_whatever_their_division(regab):
    found = regab("train", "-m", *SMALL, "data.n_train=100,150", "data.val_fraction=0.1,0.2", "stack.workers=0")
    results = [json.loads(file.read_text()) for file in found.folder.glob("*/result.json")]
    assert len(results) == 4
    assert len({result["data_fingerprint"] for result in results}) == 1
    assert len(results[0]["data_fingerprint"]) == 16
