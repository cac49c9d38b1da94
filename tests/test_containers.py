"""Whatever holds examples to predict, they are the same."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.sparse import csr_matrix
from torch.utils.data import DataLoader, TensorDataset

from regab.data.own.loaded import taken
from regab.data.split import Division, Source, Split, divide
from regab.data.unseen.examples import unwrapped
from regab.data.unseen.images import Images
from regab.data.unseen.sheet import sheet_of
from regab.errors import UsageError

X = np.random.default_rng(0).normal(size=(7, 3))
Y = np.arange(7) % 2


def read(reader, given):
    return reader.read(unwrapped(given))


@pytest.fixture
def reader():
    return divide(Source(Split(torch.from_numpy(X).float(), torch.from_numpy(Y)), 2), Division(test_fraction=0)).reader


@pytest.mark.parametrize(
    "given",
    [
        (X, Y),
        [torch.from_numpy(X), torch.from_numpy(Y)],
        {"x": X, "y": Y},
        {"data": X, "target": Y, "DESCR": "words", "feature_names": ["a", "b", "c"]},
        {"inputs": csr_matrix(X), "labels": Y.tolist()},
        {"first": X, "label": Y},
        DataLoader(TensorDataset(torch.from_numpy(X), torch.from_numpy(Y)), batch_size=2, shuffle=True),
        TensorDataset(torch.from_numpy(X), torch.from_numpy(Y)),
    ],
    ids=["pair", "list", "x and y", "bunch", "sparse", "of any name", "loader", "data set"],
)
def test_inputs_and_labels_are_found_in_pairs_dicts_and_data_sets(reader, given):
    found = read(reader, given)
    torch.testing.assert_close(found.x, torch.from_numpy(X).float())
    assert found.y is None or found.y.tolist() == Y.tolist()
    assert (found.y is None) == (isinstance(given, dict) and isinstance(given.get("labels"), list))


@pytest.mark.parametrize(
    "given", [X, csr_matrix(X), X.astype(object), torch.tensor(X, requires_grad=True), [*X], list(X.tolist())], ids=type
)
def test_inputs_alone_are_found_in_every_kind_of_array(reader, given):
    found = read(reader, given)
    torch.testing.assert_close(found.x, torch.from_numpy(X).float())
    assert found.y is None


def test_inputs_in_a_file_are_told_by_name_by_shape_and_as_those_for_testing(reader, tmp_path):
    def kept(**arrays):
        np.savez(tmp_path / "some.npz", **arrays)
        return read(reader, tmp_path / "some.npz")

    other = {"x_train": X + 1, "y_train": 1 - Y}
    found = kept(**other, x_test=X, y_test=Y)
    assert found.said == ["x_test is predicted, not x_train"]
    assert (found.x.double() - torch.from_numpy(X)).abs().max() < 1e-6
    assert found.y.tolist() == Y.tolist()
    assert kept(mine=X, weight=Y).y is None
    torch.testing.assert_close(kept(mine=X, weight=Y).x, torch.from_numpy(X).float())
    with pytest.raises(UsageError, match=r"has the arrays one \[7, 3\], two \[7, 3\]; call the inputs x"):
        kept(one=X, two=X)
    torch.save((torch.from_numpy(X), torch.from_numpy(Y)), tmp_path / "pair.pt")
    assert read(reader, tmp_path / "pair.pt").y.tolist() == Y.tolist()
    torch.save([1, "two"], tmp_path / "none.pt")
    with pytest.raises(UsageError, match=r"none.pt: holds a list, and not an array, or inputs and labels"):
        read(reader, tmp_path / "none.pt")
    with pytest.raises(UsageError, match="is no array of numbers"):
        read(reader, (X, Y[:6]))


def test_pixels_of_another_brightness_than_in_training_are_refused():
    x = torch.rand(6, 3, 4, 5)
    for white, new in ((1, x * 255), (255, x)):
        reader = divide(Source(Split(x * white, torch.arange(6) % 2), 2), Division(test_fraction=0)).reader
        assert torch.equal(reader.read(x * white).x, x * white)
        with pytest.raises(UsageError, match=f"but those of training from 0 to {white}; scale them as these"):
            reader.read(new)


PIXELS = np.random.default_rng(1).integers(0, 256, (4, 5, 6, 3)).astype(np.uint8)


class Pictures(torch.utils.data.Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, i):
        return Image.fromarray(PIXELS[i]), i % 2


def pictures():
    return [Image.fromarray(each) for each in PIXELS]


@pytest.mark.parametrize(
    ("given", "labelled"),
    [
        (pictures, False),
        (lambda: tuple(pictures()), False),
        (lambda: list(PIXELS), False),
        (lambda: PIXELS.astype(int), False),
        (lambda: [torch.from_numpy(each).movedim(2, 0) for each in PIXELS], False),
        (lambda: (PIXELS, np.arange(4) % 2), True),
        (Pictures, True),
    ],
)
def test_images_may_be_pillows_arrays_or_a_data_set(given, labelled):
    found = read(Images([3, 5, 6], ["a", "b"], scaled=False), given())
    assert torch.equal(found.x.movedim(1, 3), torch.from_numpy(PIXELS))
    assert (found.y.tolist() if labelled else found.y) == ([0, 1, 0, 1] if labelled else None)
    assert not found.places


def test_images_of_another_size_are_scaled_as_their_files(tmp_path):
    reader = Images([3, 3, 4], ["a", "b"])
    for i, each in enumerate(pictures()):
        each.save(tmp_path / f"{i}.png")
    names = sorted(map(str, tmp_path.glob("*.png")))
    wanted = read(reader, tmp_path)
    for given in (names, np.array(names), pd.Series(names), pictures(), Pictures()):
        assert torch.equal(read(reader, given).x, wanted.x)
    with pytest.raises(UsageError, match=r"images have several shapes, as \[5, 2, 3\] and \[5, 6, 3\]"):
        read(reader, [PIXELS[0], PIXELS[1, :, :2], PIXELS[2]])


def test_grey_images_may_be_rows_of_pixels():
    grey = PIXELS[..., 0]
    table = pd.DataFrame(grey.reshape(4, -1)).add_prefix("pixel").assign(label=["b", "a", "a", "b"])
    reader = Images([1, 5, 6], ["a", "b"])
    for given in (grey.reshape(4, 30), table, table.drop(columns="label"), table.astype(str)):
        found = read(reader, given)
        assert torch.equal(found.x[:, 0], torch.from_numpy(grey))
        assert found.y is None or found.y.tolist() == [1, 0, 0, 1]
    with pytest.raises(UsageError, match="has no column of image files; call it file"):
        read(reader, table.drop(columns="pixel0"))


def test_only_folders_in_what_was_given_and_that_itself_name_classes(tmp_path):
    inside = tmp_path / "home" / "photos" / "office" / "old"
    inside.mkdir(parents=True)
    for place in (inside, tmp_path / "home" / "photos"):
        Image.fromarray(PIXELS[0]).save(place / "one.png")
    reader = Images([3, 5, 6], ["home", "office"], scaled=False)
    found = read(reader, tmp_path / "home" / "photos")
    assert [found.y.tolist(), found.labelled.tolist()] == [[1], [0]]
    assert read(reader, tmp_path / "home").y.tolist() == [1, 0]
    assert read(reader, inside).y is None
    assert read(reader, [inside.parent.parent / "one.png"]).y is None
    assert read(reader, inside.parent).y.tolist() == [1]


def test_a_row_of_a_frame_and_tables_of_other_libraries_are_tables():
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5], "c": ["x", "y"]})

    class Polars:
        def to_pandas(self):
            return frame

    assert sheet_of(unwrapped(Polars())).columns == sheet_of(frame).columns
    row = sheet_of(frame.iloc[1])
    assert row.columns == {"a": ["2"], "b": ["1.5"], "c": ["y"]}
    assert {*row.numbers} == {"a", "b"}
    with pytest.raises(UsageError, match="a dict makes no table"):
        sheet_of({"a": [1, 2], "b": [1]})


def test_labels_of_an_array_may_count_from_one():
    reader = divide(taken((X, Y + 1), "data"), Division(test_fraction=0)).reader
    assert read(reader, (X, Y + 1)).y.tolist() == Y.tolist()
