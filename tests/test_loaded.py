"""Loaders of the user's own: what they may return, and what is said of their mistakes."""

import numpy as np
import pandas as pd
import pytest
import torch

from regab.data.own.loaded import taken
from regab.data.split import Source, Split
from regab.errors import UsageError

X = np.random.default_rng(0).normal(size=(12, 3))
Y = np.arange(12) % 3


def source(x=X, y=Y, **options):
    return Source(Split(x, y), **{"classes": 3} | options)


LABELS = {
    "int32": Y.astype(np.int32),
    "uint8": Y.astype(np.uint8),
    "big-endian": Y.astype(">i4"),
    "a list": Y.tolist(),
    "a column": Y[:, None],
    "a tensor's column": torch.from_numpy(Y)[:, None],
    "whole floats": Y.astype(np.float32),
    "from 1": Y + 1,
    "a Series": pd.Series(Y, index=range(50, 62)),
    "categories": pd.Series(Y).astype("category"),
    "words": np.array(["ape", "bee", "cat"])[Y],
    "words in a Series": pd.Series(np.array(["ape", "bee", "cat"])[Y]),
    "object integers": pd.DataFrame({"y": Y}),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_any_plain_kind_are_classes_from_0(kind):
    found = taken(source(y=LABELS[kind]), "data._target_=mine.load")
    assert found.train.y.dtype == torch.int64
    assert found.train.y.tolist() == Y.tolist()
    assert found.said == (("labels 1 to 3 are counted from 0",) if kind == "from 1" else ())
    names = {"words": ("ape", "bee", "cat"), "words in a Series": ("ape", "bee", "cat"), "from 1": ("1", "2", "3")}
    assert found.names == names.get(kind, ())


def test_truth_values_are_two_classes():
    assert taken(source(y=Y > 0, classes=2), "k").train.y.tolist() == (Y > 0).astype(int).tolist()


def test_words_have_the_same_numbers_in_training_and_test_data():
    found = taken(source(y=["b", "c"] * 6, test=Split(X[:2], ["c", "a"])), "k")
    assert (found.train.y[:2].tolist(), found.test.y.tolist(), found.names) == ([1, 2], [2, 0], ("a", "b", "c"))


def test_labels_from_1_are_told_by_training_and_test_data_together():
    found = taken(source(y=Y % 2 + 1, test=Split(X, Y + 1)), "k")
    assert (found.train.y.max().item(), found.test.y.max().item()) == (1, 2)
    assert taken(source(y=Y % 2 + 1), "k").train.y.tolist() == (Y % 2 + 1).tolist()  # class 0 may have no example


INPUTS = {
    "an array": X,
    "single precision": X.astype(np.float32),
    "half precision": X.astype(np.float16),
    "a list": X.tolist(),
    "a list of tensors": list(torch.from_numpy(X)),
    "a frame": pd.DataFrame(X, columns=list("abc")),
    "whole numbers": (X * 100).astype(np.int16),
    "truth values": X > 0,
    "big-endian": X.astype(">f8"),
}


@pytest.mark.parametrize("kind", INPUTS)
def test_inputs_of_any_plain_kind_are_tensors_of_numbers(kind):
    found = taken(source(INPUTS[kind]), "k").train.x
    assert found.is_floating_point()
    expected = INPUTS[kind] if kind != "a list of tensors" else X
    np.testing.assert_allclose(found, np.asarray(expected, dtype=np.float64), rtol=1e-6)


def test_frames_of_polars_are_those_of_pandas():
    polars = pytest.importorskip("polars")
    made, words = polars.DataFrame({name: X[:, i] for i, name in enumerate("abc")}), [f"w{y}" for y in Y]
    parts = {"train": (made, polars.Series(words)), "test": (made.select(["c", "a", "b"]), words)}
    found = taken(parts, "k")
    np.testing.assert_allclose(found.train.x, X, rtol=1e-6)
    np.testing.assert_allclose(found.test.x, X, rtol=1e-6)
    assert found.train.y.tolist() == Y.tolist()
    assert found.names == ("w0", "w1", "w2")


def test_inputs_with_a_fit_of_their_own_are_left_alone():
    texts = np.array(["a b"] * 12, dtype=object)
    assert taken(source(texts, fit=lambda train: None), "k").train.x is texts


def test_a_target_is_a_number_in_a_regression():
    found = taken(source(y=X[:, :1], task="regression", classes=1), "k").train.y
    np.testing.assert_array_equal(found, X[:, 0])


def with_nan():
    x = X.copy()
    x[4, 1] = np.nan
    return x


BAD = {
    "nothing": (None, "must return a Source, a torch Dataset, inputs and labels (X, y), or train and test data as a"),
    "a tuple": ((X, Y, X), "but returned a tuple of 3"),
    "a number": (3, "but returned a int"),
    "names of no splits": ({"fit": (X, Y)}, "must return a dict of train and, if there are such, val and test; not"),
    "the same split twice": ({"train": (X, Y), "training": (X, Y)}, "must return a dict of train and"),
    "a split of one thing": ({"train": X}, "train: must be a data set or a pair of inputs and labels"),
    "no pair": (source()._replace(train=X), "train: must be a Split(x, y) of inputs and labels, not a ndarray"),
    "lengths": (source(y=Y[:-1]), "train: has 12 inputs, but 11 labels"),
    "lengths of test data": (source(test=Split(X, Y[1:])), "test: has 12 inputs, but 11 labels"),
    "nothing in it": (source(X[:0], Y[:0]), "train: is empty"),
    "too high": (source(y=Y * 2), "labels are from 0 to 4; must be from 0 to 2, since classes=3"),
    "negative": (source(y=Y - 1), "labels are from -1 to 1; must be from 0 to 2"),
    "high in test data": (source(test=Split(X, Y + 5)), "labels are from 0 to 7; must be from 0 to 2"),
    "no classes": (source(classes=None), "classes is None; must be how many classes there are"),
    "NaN": (source(with_nan()), "train inputs: 1 examples hold NaN or infinity, the first in row 4"),
    "NaN labels": (source(y=np.where(Y > 1, np.nan, Y)), "train labels: hold NaN or infinity"),
    "one dimension": (source(X[:, 0]), "train inputs: have the shape [12]; must be [examples, features] or more"),
    "words": (source(np.array(["a"] * 12)), "train inputs: are an array of <U1, not numbers; the Source needs a fit"),
    "a frame of words": (
        source(pd.DataFrame({"a": X[:, 0], "b": "x"})),
        "has columns that are no numbers (b);",
    ),
    "mixed labels": (source(y=[*["a"] * 11, 3]), "train labels: are neither numbers nor words"),
    "words for a regression": (source(y=["a"] * 12, task="regression"), "some labels are words"),
    "another test shape": (source(test=Split(X[:, :2], Y)), "has the shape [3] in training and [2] in test data"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_data_set_is_refused_in_one_line(kind):
    found, words = BAD[kind]
    with pytest.raises(UsageError) as complaint:
        taken(found, "data._target_=mine.load")
    assert str(complaint.value).startswith("data._target_=mine.load: ")
    assert words in str(complaint.value)
    assert "\n" not in str(complaint.value)


CODE = {
    "syntax": ("def load(:\n    pass\n", 1, "SyntaxError: invalid syntax"),
    "import": ("import no_such_thing\n\ndef load(): ...\n", 1, "ModuleNotFoundError: No module named 'no_such_thing'"),
    "exit": ("import sys\nsys.exit()\n\ndef load(): ...\n", 2, "SystemExit: it ends the program"),
    "error": ("def load():\n    x = 1\n    return x / 0\n", 3, "ZeroDivisionError: division by zero"),
    "exit when called": ("def load():\n    exit(0)\n", 2, "SystemExit: it ends the program"),
    "within a library": ("import numpy\n\ndef load():\n    numpy.loadtxt('none')\n", 4, "FileNotFoundError: none"),
    "nothing": ("def load(): ...\n", None, "or train and test data as a pair or a dict of these, but returned nothing"),
}


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=[pytest.mark.slow] * (kind in ("import", "exit", "within a library"))) for kind in CODE],
)
def test_mistakes_in_a_loader_are_one_line_with_file_and_line(regab, tmp_path, monkeypatch, kind):
    name = f"theirs_{kind.replace(' ', '_')}"
    code, line, words = CODE[kind]
    (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    done = regab("train", f"data._target_={name}.load", "epochs=1")
    assert (done.code, done.err.count("\n")) == (2, 1), done.err
    assert (f"{name}.py, line {line}: {words}" if line else words) in done.err
    assert done.err.startswith(f"regab: data._target_={name}.load: ")


def test_the_traceback_is_kept_where_it_is_asked_for(tmp_path, monkeypatch, configure):
    (tmp_path / "theirs_whole.py").write_text("def load():\n    return 1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("regab.blame.WHOLE", True)
    from regab.training.assembly.data import load_data

    with pytest.raises(ZeroDivisionError):
        load_data(configure("data=own", "data._target_=theirs_whole.load")["data"], torch.device("cpu"))
