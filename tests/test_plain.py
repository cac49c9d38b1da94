"""Inputs and labels in frames and in arrays of objects: which numbers, classes and columns they are."""

import numpy as np
import pandas as pd
import pytest
import torch

from regab.data.division.checks import examined
from regab.data.own.loaded import taken
from regab.data.split import Division, divide
from regab.errors import UsageError

X = np.random.default_rng(0).normal(size=(12, 3))
Y = np.arange(12) % 3


def frame(**columns):
    return pd.DataFrame(X, columns=["a", "b", "c"]).assign(**columns)


OBJECTS = {
    "integers": (Y.astype(object), Y),
    "truth values": ((Y > 0).astype(object), (Y > 0).astype(int)),
    "bytes": (np.array([b"ape", b"bee", b"cat"])[Y], Y),
    "words in a column": (np.array(["ape", "bee", "cat"])[Y][:, None], Y),
    "minus one and one": (np.where(Y > 0, 1, -1), (Y > 0).astype(int)),
    "minus one and one as floats": (np.where(Y > 0, 1.0, -1.0), (Y > 0).astype(int)),
    "negative ones": (Y - 1, Y),
}


@pytest.mark.parametrize("kind", OBJECTS)
def test_labels_in_arrays_of_objects_or_below_0_are_classes(kind):
    labels, classes = OBJECTS[kind]
    found = taken((X, labels), "k")
    assert (found.task, found.classes) == ("classification", len({*classes.tolist()}))
    assert found.train.y.tolist() == classes.tolist()
    if "one" in kind:
        assert found.names == tuple(f"{label:g}" for label in sorted({*labels.tolist()}))
        assert found.said == (f"labels {', '.join(found.names)} are classes 0 to {found.classes - 1}",)


def test_negative_labels_of_test_data_are_classes_of_the_same_numbers():
    found = taken({"train": (X, Y - 1), "test": (X[:2], np.array([1, -2]))}, "k")
    assert (found.classes, found.train.y.tolist(), found.test.y.tolist()) == (4, (Y + 1).tolist(), [3, 0])


def test_numbers_below_0_remain_numbers_to_predict():
    assert taken((X, Y - 1.0), "k").task == "regression"
    assert taken((X, np.stack([Y % 2, -(Y % 2)], 1) * 1.0), "k").task == "regression"


def test_classes_without_an_example_and_one_hot_labels_are_said():
    assert taken((X, Y * 5), "k").said == ("8 of 11 classes (labels from 0 to 10) have no example",)
    assert "return y.argmax(1)" in taken((X, np.eye(3)[Y]), "k").said[0]
    assert taken((X, np.array([[1, 1], [0, 1]] * 6)), "k").said == ()


def test_inputs_that_are_objects_are_the_numbers_that_they_are():
    for inputs in (X.astype(object), frame().astype(object)):
        np.testing.assert_array_equal(taken((inputs, Y), "k").train.x.numpy(), X)


def test_columns_of_test_data_are_in_the_order_of_training():
    found = taken({"train": (frame(), Y), "test": (frame()[["c", "a", "b"]], Y)}, "k")
    assert found.test.x.equal(found.train.x)


ODD_FRAMES = {
    "a missing word": (X, ["a", None, *["b"] * 10], "train labels: row 1 has none, which is to be predicted"),
    "a missing category": (
        frame(),
        pd.Series(["a", "b"] * 5 + [None] * 2).astype("category"),
        "labels: row 10 has none",
    ),
    "a missing number": (X, pd.Series(Y).astype("Int64").mask(Y == 2), "NaN or infinity, the first in row 2"),
    "labels in another order": (frame(), pd.Series(Y)[::-1], "index of the labels is that of the inputs in another"),
}


@pytest.mark.parametrize("kind", ODD_FRAMES)
def test_what_is_missing_or_out_of_order_is_named(kind):
    inputs, labels, words = ODD_FRAMES[kind]
    with pytest.raises(UsageError, match=words):
        taken((inputs, labels), "k")


def test_frames_of_other_columns_are_refused():
    for train, test, words in (
        (frame(d=1), frame(), "test inputs: lack the columns d"),
        (frame(), frame(d=1), "test inputs: have, beside those of the training data, the columns d"),
    ):
        with pytest.raises(UsageError, match=words):
            taken({"train": (train, Y), "test": (test, Y)}, "k")


def test_labels_of_other_rows_are_paired_by_place():
    found = taken((frame().set_axis(range(50, 62)), pd.Series(Y)), "k")
    assert found.train.y.tolist() == Y.tolist()


def test_sparse_matrices_are_told_how_they_can_be_read():
    from scipy.sparse import csr_matrix

    with pytest.raises(UsageError, match=r"train inputs: are a csr_matrix, not numbers; return x.toarray\(\)"):
        taken((csr_matrix(X), Y), "k")


@pytest.mark.parametrize(
    ("shape", "said"), [((8, 6, 3), True), ((3, 8, 6), False), ((8, 6, 7), False), ((1, 9, 1), False)]
)
def test_images_whose_channels_come_last_are_said(shape, said):
    source = taken((torch.rand(12, *shape), Y), "k")
    words = [line for line in examined(divide(source, Division()), source).said if "channels" in line]
    assert words == ["examples of 8 × 6 × 3 are taken for 8 channels; if the last are, put these first"] * said
