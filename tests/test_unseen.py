"""Readers of examples that training has not seen, without training."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import TensorDataset

from regab.data.split import Division, Source, Split, divide
from regab.data.table import load
from regab.data.text import load as load_texts
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


@pytest.mark.parametrize(
    ("task", "y"),
    [
        ("soft_labels", [[0.3, 0.7], [1.0, 0.0], [0.25, 0.75]]),
        ("multilabel", [[0, 1], [1, 1], [1, 0]]),
        ("classification", [2, 0, 1]),
        ("regression", [0.5, 1.5, -2.25]),
    ],
)
def test_targets_beside_arrays_are_read_as_they_are(task, y):
    x, y = torch.randn(3, 4), torch.tensor(y)
    classes = {"classification": 3, "regression": 1}.get(task, 2)
    reader = divide(Source(Split(x, y), classes, task=task), Division(test_fraction=0)).reader
    assert torch.equal(reader.read(TensorDataset(x, y)).y.double(), y.double())


@pytest.mark.parametrize(
    ("trained", "new", "texts"),
    [
        (["true", "false"], [True, False], ["True", "FALSE"]),
        (["TRUE", "FALSE"], pd.array([True, False], dtype="boolean"), ["true", "false"]),
        (["yes", "true"], [None, True], ["", "TRUE"]),
        (["007", "430"], [7, 430], ["007", "430"]),
        (["1.50", "2.25"], np.float32([1.5, 2.25]), ["1.50", "2.25"]),
        (["1", "2"], [None, 2.0], ["", "2.0"]),
        (["1.0", "x"], ["1", "x"], ["1", "x"]),
    ],
)
def test_categories_are_those_of_training_whatever_types_they_have(tmp_path, trained, new, texts):
    rows = [f"{i},{trained[i % 2]},{i % 2}" for i in range(20)]
    encode, reader = table(tmp_path, "a,code,y", *rows, "9,,1", categorical=["code"])
    wanted = [0 if cell == "" else 1 + i for i, cell in enumerate(texts)]
    for cells in (new, texts):
        found = reader.read(pd.DataFrame({"a": [1, 2], "code": cells}), encode)
        assert encode.words == [["", *sorted(trained)]]
        assert not found.said
        places = [["", *trained][place] for place in wanted]
        assert [encode.words[0][i] for i in encode(found.x)[:, 1:].argmax(1)] == places


def test_codes_that_differ_in_zeros_are_others_where_these_are_to_be_seen(tmp_path):
    rows = [f"{i},{('7', 'x')[i % 2]},{i % 2}" for i in range(20)]
    encode, reader = table(tmp_path, "a,code,y", *rows, categorical=["code"])
    (tmp_path / "new.csv").write_text("a,code\n1,007\n1,7\n")
    found = reader.read(tmp_path / "new.csv", encode)
    assert encode(found.x)[:, 1:].sum(1).tolist() == [0, 1]
    assert found.said == ["code is '007' in 1 rows, none of the categories known"]
    both = [f"{i},{('07', '007')[i % 2]},{i % 2}" for i in range(20)]
    encode, reader = table(tmp_path, "a,code,y", *both, categorical=["code"])
    found = reader.read(pd.DataFrame({"a": [1], "code": [7]}), encode)
    assert found.said == ["code is '7' in 1 rows, none of the categories known"]


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


@pytest.mark.parametrize(
    ("trained", "new", "words"),
    [
        (["1.257", "8.100"], ["1,257", "8,100"], "'1,257', which may be 1257 or 1.257; training data have no marks"),
        (["1,257", "0,100"], ["1.257", "8.100"], "'1.257', which may be 1.257 or 1257; training data have no marks"),
        (["12", "900"], ["1,200", "900"], "'1,200', which may be 1200 or 1.2;"),
        (["12 %", "0"], ["0", "12"], "n is '12', but in the training data numbers are written with %"),
        (["12", "0"], ["0", "12 %"], "n is '12 %', but in the training data numbers are written without %"),
        (["$5", "7"], ["5", "7 €"], "n is '7 €', but in the training data numbers are written with $"),
    ],
)
def test_numbers_that_may_be_others_than_as_training_writes_them_are_refused(tmp_path, trained, new, words):
    lines = [f'{i},"{trained[i % 2]}",{i % 2}' for i in range(40)]
    _, reader = table(tmp_path, "a,n,y", *lines)
    with pytest.raises(UsageError) as refused:
        reader.read(pd.DataFrame({"a": 1, "n": new}))
    assert words in str(refused.value)
    (tmp_path / "test.csv").write_text("a;n;y\n" + "\n".join(f"1;{cell};1" for cell in new))
    with pytest.raises(UsageError) as refused:
        load(str(tmp_path / "train.csv"), "y", str(tmp_path / "test.csv"))
    assert words in str(refused.value)
    _, reader = table(tmp_path, "n,a,y", *(f'{i},{i % 7},"{trained[i % 2]}"' for i in range(40)), task="regression")
    found = reader.read(pd.DataFrame({"n": 1, "a": 1, "y": new}))
    assert found.y is None
    assert words.replace("n is", "y is") in found.said[-1]


@pytest.mark.parametrize(
    ("trained", "new", "values"),
    [
        (["1.257", "8.100"], ["1,257", "8.5"], [1257, 8.5]),
        (["1,257", "16"], ["1,300", "16"], [1300, 16]),
        (["12", "900"], ["1 200", "1,234,567"], [1200, 1234567]),
        (["12 %", "5 %"], [0.5, 0.25], [0.5, 0.25]),
        (["$5", "7"], ["5", "6"], [5, 6]),
    ],
)
def test_numbers_that_can_be_no_others_are_read_however_they_are_written(tmp_path, trained, new, values):
    options = {"decimal": "point"} if trained == ["1,257", "16"] else {}
    encode, reader = table(tmp_path, "a,n,y", *(f'{i},"{trained[i % 2]}",{i % 2}' for i in range(40)), **options)
    found = reader.read(pd.DataFrame({"a": 1, "n": new}), encode)
    assert found.x.numbers[:, 1].tolist() == values
    percent = ["numbers, where training had %; they are taken as 0.1 for 10 %: n"]
    assert found.said == (percent if trained[0] == "12 %" else [])


def texts(tmp_path, header):
    """The encoder and the reader of texts whose file names its columns, or does not."""
    rows = [f"a {('good', 'bad')[i % 2]} film {i % 3}\t{i % 2}" for i in range(20)]
    (tmp_path / "train.tsv").write_text("\n".join([*(["said\tgrade"] if header else []), *rows]))
    data = divide(load_texts(str(tmp_path / "train.tsv")), Division(test_fraction=0))
    return data.encode, data.reader


@pytest.mark.parametrize(
    ("lines", "labels"),
    [
        (["text,label", "good film,1", "bad film,0"], [1, 0]),
        (["label,text", "1,good film", "0,bad film"], [1, 0]),
        (["anything,grade", "good film,1", "bad film,0"], [1, 0]),
        ([",text,label", "0,good film,1", "1,bad film,0"], [1, 0]),
        (["sentence", "good film", "bad film"], None),
        (["good film,1", "bad film,0"], [1, 0]),
        (["good film", "bad film"], None),
        (["good film,", "bad film,"], None),
    ],
)
def test_a_first_line_of_names_is_no_text_and_names_tell_which_column_holds_texts(tmp_path, lines, labels):
    encode, reader = texts(tmp_path, header=False)
    (tmp_path / "new.csv").write_text("\n".join(lines))
    found = reader.read(tmp_path / "new.csv", encode)
    assert found.x.tolist() == ["good film", "bad film"]
    assert (None if found.y is None else found.y.tolist()) == labels
    first = ", ".join(map(repr, lines[0].split(",")))
    names = [f"the first line, {first}, is taken for names of columns"] if len(lines) == 3 else []
    assert [said for said in found.said if "first line" in said] == names


def test_columns_of_texts_that_are_found_by_their_place_are_said(tmp_path):
    encode, reader = texts(tmp_path, header=False)
    frame = pd.DataFrame({"said": ["good film", "bad film"], "more": [1, 0]})
    found = reader.read(frame, encode)
    assert found.x.tolist() == ["good film", "bad film"]
    assert found.said == ["texts are those of column 'said', by its place: the training data named none"]
    frame = pd.DataFrame({"label": [1, 0], "text": ["good film", "unheard of"]})
    found = reader.read(frame, encode)
    assert (found.x.tolist(), found.y.tolist()) == (["good film", "unheard of"], [1, 0])
    assert found.said == ["1 of 2 texts have no word that is known from training"]


def test_columns_that_are_named_otherwise_than_in_training_are_refused_not_read_as_a_text(tmp_path):
    encode, reader = texts(tmp_path, header=True)
    (tmp_path / "new.csv").write_text("text,label\ngood film,1\n")
    with pytest.raises(UsageError, match="has no column named 'said' with texts; it has text, label"):
        reader.read(tmp_path / "new.csv", encode)
    (tmp_path / "new.csv").write_text("good film,1\nbad film,0\n")
    assert reader.read(tmp_path / "new.csv", encode).y.tolist() == [1, 0]


def test_what_is_no_text_is_named_with_its_place(tmp_path):
    _, reader = texts(tmp_path, header=True)
    with pytest.raises(UsageError, match="predict: text 1 is None; give words, or leave it out"):
        reader.read(["good film", None])
    with pytest.raises(UsageError, match="a good film: there is no such file or folder; a text is given in a list"):
        reader.read("a good film")


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_file_may_be_encoded_and_separated_otherwise_than_that_of_training(tmp_path, encoding, separator):
    lines = ["a;city;y", *(f"{i};{('Århus', 'Köln')[i % 2]};{i % 2}" for i in range(20))]
    (tmp_path / "train.csv").write_bytes("\n".join(lines).encode("cp1252"))
    source = load(str(tmp_path / "train.csv"), "y", encoding="cp1252", delimiter=";")
    data = divide(source, Division(test_fraction=0))
    (tmp_path / "new.csv").write_bytes("\n".join(lines).replace(";", separator).encode(encoding))
    found = data.reader.read(tmp_path / "new.csv", data.encode)
    assert found.x.words[:2, 0].tolist() == ["Århus", "Köln"]
    assert found.y.tolist() == [0, 1] * 10
    assert not found.said


def test_a_file_to_predict_that_is_not_utf_8_is_a_line_without_options_of_training(tmp_path):
    _, reader = table(tmp_path, "a,y", *(f"{i},{i % 2}" for i in range(20)))
    (tmp_path / "new.csv").write_bytes("a,city\n1,Århus\n".encode("cp1252"))
    with pytest.raises(UsageError, match=r"new.csv, line 2: is not a text file in UTF-8 \(byte 9\); save it as UTF-8$"):
        reader.read(tmp_path / "new.csv")
