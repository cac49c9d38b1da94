"""Readers of examples that training has not seen, without training."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import TensorDataset

from regab.data.split import Division, Source, Split, divide
from regab.data.table import load
from regab.errors import UsageError


def table(tmp_path, *lines, **options):
    """The encoder and the reader of a table."""
    path = tmp_path / "train.csv"
    path.write_text("\n".join(lines))
    data = divide(load(str(path), "y", **options), Division(test_fraction=0))
    return data.encode, data.reader


def test_categories_that_are_numbers_are_found_however_a_frame_holds_them(tmp_path):
    lines = ["code,rate,y", *(f"{i % 3},{(i % 2) / 2 + 0.5},{i % 2}" for i in range(12)), ",1.0,0"]
    encode, reader = table(tmp_path, *lines, categorical=["code", "rate"])
    assert encode.words == [["", "0", "1", "2"], ["0.5", "1.0"]]
    whole = pd.DataFrame({"code": [0, 2, 1], "rate": [1.0, 0.5, 1.0]})
    wanted = torch.tensor([[0, 1, 0, 0, 0, 1], [0, 0, 0, 1, 1, 0], [0, 0, 1, 0, 0, 1]]).float()
    for frame in (whole, whole.astype({"code": "Int64"}), whole.astype({"code": float}), whole.astype(str)):
        found = reader.read(frame, encode)
        assert torch.equal(encode(found.x), wanted)
        assert not found.said
    gap = reader.read(whole.assign(code=[0, None, 1]), encode)
    assert encode(gap.x)[:, :4].argmax(1).tolist() == [1, 0, 2]


def test_one_row_may_be_a_dictionary_and_rows_without_content_are_left_out(tmp_path):
    encode, reader = table(tmp_path, "a,b,y", *(f"{i},{i % 4},{i % 2}" for i in range(12)))
    one = reader.read({"b": 2, "a": 7})
    assert one.x.numbers.tolist() == [[7, 2]]
    assert reader.read([{"b": 2, "a": 7}, {"a": 1, "b": 0}]).x.numbers.tolist() == [[7, 2], [1, 0]]
    frame = pd.DataFrame({"a": [1, None, 3], "b": [1, None, 2], "y": [1, None, 0]}, index=["x", "y", "z"])
    found = reader.read(frame, encode)
    assert found.frame.index.tolist() == ["x", "z"]
    assert found.y.tolist() == [1, 0]
    assert found.said == ["1 rows without content left out"]


def test_labels_that_are_infinite_or_none_of_the_words_are_not_measured(tmp_path):
    _, reader = table(tmp_path, "a,y", *(f"{i},{i / 7:.3f}" for i in range(30)))
    found = reader.read(pd.DataFrame({"a": [1, 2], "y": [1.5, np.inf]}))
    assert found.y is None
    assert found.said == ["nothing is measured: the data frame, row 1: y is 'inf', and not a finite number"]


def test_a_data_set_of_torchs_is_read_example_by_example():
    x, y = torch.randn(20, 3), torch.arange(20) % 2
    reader = divide(Source(Split(x, y), 2), Division()).reader
    found = reader.read(TensorDataset(x, y))
    assert torch.equal(found.x, x)
    assert torch.equal(found.y, y)
    with pytest.raises(UsageError, match="the data set is empty"):
        reader.read(TensorDataset(x[:0], y[:0]))
    with pytest.raises(UsageError, match="a int holds no examples"):
        reader.read(3)


def test_classes_may_be_named_or_counted():
    reader = divide(Source(Split(torch.randn(20, 3), torch.arange(20) % 2), 2, names=("cat", "dog")), Division()).reader
    for labels in (["dog", "cat"], [1, 0], [1.0, 0.0], [True, False], ["True", "False"]):
        frame = pd.DataFrame(np.zeros((2, 3)), columns=list("abc")).assign(label=labels)
        assert reader.read(frame).y.tolist() == [1, 0]
        assert reader.classes == ["cat", "dog"]
    found = reader.read(pd.DataFrame(np.zeros((2, 3))).assign(label=["dog", "cow"]))
    assert (
        found.said[-1] == "nothing is measured: the data frame: a label is 'cow', which the training data do not have"
    )


def test_axes_of_images_are_put_in_order_and_never_mixed_up():
    x = np.random.default_rng(0).integers(0, 256, (4, 9, 6, 3)).astype(np.uint8)
    source = Source(Split(torch.from_numpy(x).movedim(3, 1).float(), torch.arange(4) % 2), 2)
    reader = divide(source, Division(test_fraction=0)).reader
    expected = torch.from_numpy(x).movedim(3, 1).float()
    assert torch.equal(reader.read(x).x, expected)
    assert torch.equal(reader.read(np.moveaxis(x, 3, 1)).x, expected)
    assert torch.equal(reader.read(expected.flatten(1)).x, expected)
    with pytest.raises(UsageError, match=r"has the shape \[4, 6, 9, 3\], but must have \[N, 3, 9, 6\]"):
        reader.read(x.swapaxes(1, 2))


@pytest.mark.parametrize("white", [1, 255])
def test_image_files_stand_for_arrays_of_images(tmp_path, white):
    from PIL import Image

    x = np.random.default_rng(0).integers(0, 256, (4, 9, 6, 3)).astype(np.uint8)
    inputs = torch.from_numpy(x).movedim(3, 1).float() / 255 * white
    reader = divide(Source(Split(inputs, torch.arange(4) % 2), 2), Division(test_fraction=0)).reader
    for i, pixels in enumerate(x):
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    found = reader.read(tmp_path)
    torch.testing.assert_close(found.x, inputs)
    assert [Path(file).name for file in found.places["file"]] == ["0.png", "1.png", "2.png", "3.png"]
    dark = divide(Source(Split(inputs / white * 16, torch.arange(4) % 2), 2), Division(test_fraction=0)).reader
    with pytest.raises(UsageError, match="no images; give an array"):
        dark.read(tmp_path)
