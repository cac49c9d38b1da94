"""numpy's arrays in a file: which are for what, which axes are channels, and what is said of it."""

import numpy as np
import pytest
import torch

from regab.data.arrays import load
from regab.data.division.checks import examined
from regab.data.split import Division, divide
from regab.errors import UsageError

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (60, 12, 10, 3), dtype=np.uint8)
LABELS = np.arange(60) % 3


@pytest.fixture
def save(tmp_path):
    def to_file(name="arrays.npz", **arrays):
        np.savez(tmp_path / name, **arrays)
        return str(tmp_path / name)

    return to_file


NAMES = {
    "regab's": ("x", "y", "x_test", "y_test", "x_val", "y_val"),
    "Keras'": ("x_train", "y_train", "x_test", "y_test", "x_valid", "y_valid"),
    "scikit-learn's": ("X_train", "y_train", "X_test", "y_test", "X_val", "y_val"),
    "MedMNIST's": ("train_images", "train_labels", "test_images", "test_labels", "val_images", "val_labels"),
}


@pytest.mark.parametrize("kind", NAMES)
def test_the_parts_of_a_file_are_found_by_their_names(save, kind):
    parts = {"train": slice(0, 30), "test": slice(30, 50), "val": slice(50, 60)}
    arrays = {}
    for rows, x, y in zip(parts.values(), NAMES[kind][::2], NAMES[kind][1::2], strict=True):
        arrays |= {x: IMAGES[rows], y: LABELS[rows]}
    source = load(save(**arrays, ids=np.arange(60)))
    for name, rows in parts.items():
        part = getattr(source, name)
        assert torch.equal(part.x, torch.from_numpy(IMAGES[rows]).permute(0, 3, 1, 2).float())
        assert part.y.tolist() == LABELS[rows].tolist()
    x, y = NAMES[kind][:2]
    assert source.said[0] == f"train data: {x} of 30×12×10×3 (channels last, uint8), {y} of 30 (int64)"
    assert source.said[3].startswith("not used of ")
    assert source.said[3].endswith("arrays.npz: ids")


def test_names_that_are_asked_for_are_the_ones_that_are_taken(save):
    path = save(x=IMAGES, y=LABELS, other=IMAGES[:9], truth=LABELS[:9])
    source = load(path, x="other", y="truth")
    assert len(source.train) == 9
    assert source.said[-1].endswith("x, y")
    with pytest.raises(UsageError, match="has no array 'x_test'; there is: x, y, y_test"):
        load(save(x=IMAGES, y=LABELS, y_test=LABELS))


def test_grey_images_have_one_channel_and_series_stay_as_they_are(save):
    for x in (IMAGES[..., 0], RANDOM.random((60, 8, 8))):
        assert torch.equal(load(save(x=x, y=LABELS)).train.x[:, 0].double(), torch.from_numpy(x).double())
    series = RANDOM.random((60, 2, 9))
    assert load(save(x=series, y=LABELS)).train.x.shape == (60, 2, 9)


@pytest.mark.parametrize("task", ["auto", "classification", "ordinal"])
@pytest.mark.parametrize(("names", "first"), [(("a", "b", "c"), "a"), ((-1, 0, 1), "-1"), ((1, 2, 3), "1")])
def test_classes_are_the_same_whether_the_task_is_said_or_not(save, task, names, first):
    y = np.array(names)[LABELS]
    source = load(save(x=IMAGES, y=y), task=task)
    assert source.train.y.tolist() == LABELS.tolist()
    assert (source.classes, source.names[0]) == (3, first)
    assert source.task == ("classification" if task == "auto" else task)


def test_parts_on_two_scales_are_said(save):
    whole = {"x": IMAGES, "y": LABELS, "y_test": LABELS[:20]}
    said = {}
    for name, test in {"alike": IMAGES[:20], "small": IMAGES[:20] / 255}.items():
        source = load(save(**whole, x_test=test))
        said[name] = " ".join(examined(divide(source, Division()), source).said)
    assert (
        "the inputs of the test data vary 0.0039 times as much as training's; are both on one scale?" in said["small"]
    )
    assert "scale" not in said["alike"]


def test_what_is_no_number_is_named_by_its_type(save):
    with pytest.raises(UsageError, match=r"train inputs: are an array of <U1, not numbers"):
        load(save(x=np.array([["a", "b"]] * 60), y=LABELS))
