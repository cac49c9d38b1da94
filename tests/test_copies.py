"""Examples of a test set that are in the training data too, and rows that are there more than once."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from regab.data import arrays, folder, series, table, text
from regab.data.division.checks import examined
from regab.data.division.copies import in_training_too
from regab.data.split import Division, divide

RANDOM = np.random.default_rng(0)
NEW = "examples have the inputs of a training example, and test nothing new"
FRAME = pd.DataFrame({"a": RANDOM.normal(size=80), "b": ["x", "y", None, "z"] * 20, "y": ["p", "q"] * 40})


def said(source):
    return [words for words in examined(divide(source, Division(val_fraction=0)), source).said if "new" in words]


def of_tables(root, ours, theirs):
    FRAME.iloc[ours].to_csv(root / "train.csv", index=False)
    FRAME.iloc[theirs][["y", "b", "a"]].to_csv(root / "test.csv", index=False, sep=";")
    return table.load(str(root / "train.csv"), "y", str(root / "test.csv"))


def of_texts(root, ours, theirs):
    for name, rows in {"train": ours, "test": theirs}.items():
        (root / f"{name}.tsv").write_text("".join(f"{'w' * (1 + i % 2)} text of {i}\t{i % 2}\n" for i in rows))
    return text.load(str(root / "train.tsv"), str(root / "test.tsv"))


def of_images(root, ours, theirs):
    pixels = np.random.default_rng(1).integers(0, 256, (80, 8, 8, 3), dtype=np.uint8)
    for name, rows in {"train": ours, "test": theirs}.items():
        for i in rows:
            (root / name / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels[i]).save(root / name / "ab"[i % 2] / f"{name}{i}.png")
    return folder.load(str(root / "train"), str(root / "test"))


def of_arrays(root, ours, theirs):
    x, y = np.random.default_rng(2).normal(size=(80, 5)), np.arange(80) % 2
    np.savez(root / "all.npz", x=x[ours], y=y[ours], x_test=x[theirs].astype(">f8"), y_test=y[theirs])
    return arrays.load(str(root / "all.npz"))


def of_series(root, ours, theirs):
    for name, rows in {"train": ours, "test": theirs}.items():
        lines = [f"{name}{i},{t},{i + t / 7},{i % 2}" for i in rows for t in range(4)]
        (root / f"{name}.csv").write_text("\n".join(["id,t,v,y", *lines]))
    return series.load(str(root / "train.csv"), "id", "t", "y", str(root / "test.csv"))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.bfloat16, torch.int64, torch.float64])
def test_examples_of_any_type_are_compared(dtype):
    x = torch.arange(60).view(20, 1, 3).to(dtype)
    (words,) = in_training_too(x[:10], {"test": x[[3, 12, 4]], "validation": x[10:]})
    assert words == f"2 of 3 test {NEW}"


def test_pieces_of_text_are_compared_as_wholes():
    pieces = np.arange(60).reshape(20, 3)
    (words,) = in_training_too(pieces[:10], {"test": pieces[[3, 12]], "validation": pieces[:10, ::-1].copy()})
    assert words == f"1 of 2 test {NEW}"


def test_objects_of_a_loaders_own_are_not_compared():
    x = np.array([[1], {}, "a"], dtype=object)
    assert not [*in_training_too(x, {"test": x})]


@pytest.mark.parametrize("loaded", [of_tables, of_texts, of_images, of_arrays, of_series])
def test_test_examples_that_are_training_examples_are_counted(tmp_path, loaded):
    for name, theirs, count in (("some", range(50, 80), 10), ("all", range(0, 30), 30), ("none", range(60, 80), 0)):
        (tmp_path / name).mkdir()
        found = said(loaded(tmp_path / name, list(range(60)), list(theirs)))
        assert found == ([f"{count} of 30 test {NEW}"] if count else [])


def test_rows_that_are_there_twice_are_counted_unless_they_are_so_by_chance(tmp_path):
    def copied(frame, **options):
        frame.to_csv(tmp_path / "t.csv", index=False)
        return [words for words in table.load(str(tmp_path / "t.csv"), "y", **options).said if "copies" in words]

    twice = pd.concat([FRAME, FRAME[:7]])
    assert copied(twice) == ["7 rows are copies of others, and may be in training and in test data; leave them out"]
    assert copied(FRAME) == []
    assert copied(twice.drop(columns="a")) == []  # what few words can be is the same by chance
    assert copied(pd.concat([FRAME, FRAME[:7].assign(y="q")])) != []
    assert copied(pd.concat([FRAME, FRAME[:1:2].assign(y="q")])) == []  # that is another label
    assert copied(twice.assign(who=[*range(80), *range(7)]), group="who") == []
