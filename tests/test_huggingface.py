"""Data sets of Hugging Face's library: the same as regab's own readers make of the same files."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from regab.data import folder, huggingface, table, text
from regab.data.split import Division, divide
from regab.errors import UsageError
from tests.predicting import MLP, fresh, same, train

pytestmark = pytest.mark.slow
datasets = pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    """No network, and no cache but the test's own."""
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    datasets.disable_progress_bars()


def texts(n=60, labels=None, names=("neg", "pos")):
    features = datasets.Features(
        idx=datasets.Value("int32"), sentence=datasets.Value("string"), label=datasets.ClassLabel(names=list(names))
    )
    words = ["a fine and warm film", "a dull and cold film"]
    rows = {"idx": [*range(n)], "sentence": [f"{words[i % 2]}, take {i % 7}" for i in range(n)]}
    return datasets.Dataset.from_dict(rows | {"label": labels or [i % 2 for i in range(n)]}, features=features)


def painted(n=60):
    features = datasets.Features(image=datasets.Image(), label=datasets.ClassLabel(names=["dark", "light"]))
    random = np.random.default_rng(n)
    pixels = [(random.integers(0, 160, (8, 6, 3)) + 90 * (i % 2)).astype(np.uint8) for i in range(n)]
    rows = {"image": [Image.fromarray(each) for each in pixels], "label": [i % 2 for i in range(n)]}
    return datasets.Dataset.from_dict(rows, features=features)


def as_csv(data, path, columns=("sentence", "label")):
    frame = data.to_pandas()
    frame["label"] = [data.features["label"].names[i] for i in frame["label"]]
    frame[list(columns)].to_csv(path, index=False)
    return str(path)


def alike(a, b):
    """Whether two sources are divided and encoded to the same numbers."""
    ours, theirs = (divide(source, Division(val_fraction=0.2)) for source in (a, b))
    return all(
        x.x.equal(y.x) and x.y.equal(y.y)
        for x, y in zip((ours.train, ours.val, ours.test), (theirs.train, theirs.val, theirs.test), strict=True)
    )


@pytest.mark.parametrize("saved", ["save_to_disk", "parquet"])
def test_texts_are_those_of_a_file_of_texts(tmp_path, saved):
    train, held = texts(), texts(20)
    if saved == "parquet":
        (tmp_path / "d").mkdir()
        train.to_parquet(tmp_path / "d" / "train.parquet")
        held.to_parquet(tmp_path / "d" / "validation.parquet")
    else:
        datasets.DatasetDict(train=train, validation=held).save_to_disk(tmp_path / "d")
    found = huggingface.load(str(tmp_path / "d"))
    csv = text.load(as_csv(train, tmp_path / "a.csv"), as_csv(held, tmp_path / "b.csv"), "sentence", "label")
    assert alike(found, csv)
    assert (found.classes, found.names) == (2, ("neg", "pos"))
    assert found.said[-2:] == ("train data are the split train", "test data are the split validation")


def test_hidden_labels_make_no_test_set_and_a_further_split_is_for_validation(tmp_path):
    hidden = texts(20, labels=[-1] * 20)
    datasets.DatasetDict(train=texts(), validation=texts(30), test=hidden).save_to_disk(tmp_path / "d")
    found = huggingface.load(str(tmp_path / "d"))
    assert (len(found.test), found.val) == (30, None)
    datasets.DatasetDict(train=texts(), validation=texts(30), test=texts(20)).save_to_disk(tmp_path / "e")
    found = huggingface.load(str(tmp_path / "e"))
    assert (len(found.train), len(found.test), len(found.val)) == (60, 20, 30)
    data = divide(found, Division(val_fraction=0.1))
    assert (len(data.train), len(data.val), len(data.test)) == (60, 30, 20)
    texts().save_to_disk(tmp_path / "f")
    data = divide(huggingface.load(str(tmp_path / "f")), Division(test_fraction=0.25))
    assert (len(data.train), len(data.test)) == (45, 15)


def test_tables_are_those_of_a_csv_file(tmp_path):
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"age": random.integers(18, 80, 80), "city": random.choice(["Rome", "Oslo"], 80)})
    frame["income"] = np.where(random.random(80) < 0.2, np.nan, random.normal(size=80))
    frame["rich"] = np.where(frame["age"] > 50, "yes", "no")
    frame["ward"] = [f"w{i % 9}" for i in range(80)]
    datasets.Dataset.from_pandas(frame).save_to_disk(tmp_path / "d")
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    for path in ("d", "t.jsonl", "t.csv"):
        found = huggingface.load(str(tmp_path / path), label="rich", group="ward")
        csv = table.load(str(tmp_path / "t.csv"), "rich", group="ward")
        assert alike(found, csv)
        assert found.features == ("age", "income")
        assert list(found.groups) == list(csv.groups)


@pytest.mark.parametrize("saved", ["save_to_disk", "imagefolder"])
def test_images_are_those_of_a_folder_of_images(tmp_path, saved):
    random = np.random.default_rng(0)
    for split, n in (("train", 24), ("test", 8)):
        for i in range(n):
            file = tmp_path / "images" / split / "ab"[i % 2] / f"{i:02}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(random.integers(0, 255, (10, 12, 3), dtype=np.uint8)).save(file)
    path = tmp_path / "images"
    if saved == "save_to_disk":
        datasets.load_dataset(str(path)).save_to_disk(tmp_path / "d")
        path = tmp_path / "d"
    found = huggingface.load(str(path), size=8)
    ours = folder.load(str(tmp_path / "images" / "train"), str(tmp_path / "images" / "test"), 8)
    assert alike(found, ours)
    assert (found.names, found.train.x.dtype) == (("a", "b"), torch.uint8)
    assert "train: 24 images of 8×8, in colour" in found.said


def test_a_regression_on_images_and_a_column_of_several(tmp_path):
    features = datasets.Features(front=datasets.Image(), back=datasets.Image(), score=datasets.Value("float32"))
    images = [Image.new("L", (4, 4), i) for i in range(30)]
    rows = {"front": images, "back": images[::-1], "score": [i / 7 for i in range(30)]}
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(tmp_path / "d")
    found = huggingface.load(str(tmp_path / "d"), label="score", image="back")
    assert found.task == "regression"
    assert found.train.x[:, 0, 0, 0].tolist() == [*range(29, -1, -1)]


def saved_as(path, **rows):
    datasets.Dataset.from_dict(rows).save_to_disk(path)
    return str(path)


def test_several_columns_of_texts_are_no_categories(tmp_path):
    pairs = {name: [f"a {name} of words, take {i}" for i in range(60)] for name in ("premise", "hypothesis")}
    labels = {"label": [i % 3 for i in range(60)], "country": ["United States of America", "New Zealand"] * 30}
    path = saved_as(tmp_path / "pairs", **pairs, **labels)
    with pytest.raises(
        UsageError, match=r"premise and hypothesis hold texts, of which a model reads one; set data.text="
    ):
        huggingface.load(path)
    one = huggingface.load(path, text="premise")
    assert list(one.train.x) == pairs["premise"]
    assert "not used: the columns hypothesis, country" in one.said
    categories = huggingface.load(path, categorical=["premise", "hypothesis"])
    assert "3 categorical" in categories.said[0]
    names = saved_as(
        tmp_path / "names", country=labels["country"], place=labels["country"][::-1], label=labels["label"]
    )
    assert "2 categorical" in huggingface.load(names).said[0]


def test_labels_of_several_values_and_texts_without_spaces_are_known(tmp_path):
    path = saved_as(tmp_path / "several", text=["one two three"] * 60, label=[[i % 2, 1] for i in range(60)])
    with pytest.raises(UsageError, match=r"data.label=label: its cells hold several values each"):
        huggingface.load(path)
    path = saved_as(
        tmp_path / "chinese", text=["这部电影很好看", "太差了不喜欢"] * 30, label=[i % 2 for i in range(60)]
    )
    assert huggingface.load(path).said[0] == "60 texts; label: 2 classes (0 30, 1 30)"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"label": "lable"}, "data.label=lable: unknown column; did you mean data.label=label?"),
        ({"text": "sentense"}, "data.text=sentense: unknown column; did you mean data.text=sentence?"),
        ({"image": "picture"}, "data.image=picture: unknown column"),
        ({"split": "trian"}, "data.split=trian: unknown split; did you mean data.split=train?"),
        ({"test_split": "tests"}, "data.test_split=tests: unknown split"),
        ({"path": "nobody/nothing"}, "data.path=nobody/nothing: is no folder here, and the hub does not give it"),
        ({"path": "empty"}, "data.path=.*empty: cannot be read by datasets"),
        ({"path": "a.bin"}, r"data.path=.*a.bin: must be a folder, or a file that ends in .parquet"),
    ],
)
def test_what_is_not_there_is_told_in_a_line(tmp_path, options, complaint):
    datasets.DatasetDict(train=texts()).save_to_disk(tmp_path / "d")
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.bin").write_bytes(b"?")
    path = options.pop("path", str(tmp_path / "d"))
    with pytest.raises(UsageError, match=complaint) as told:
        huggingface.load(path if "/" in path else str(tmp_path / path), **options)
    assert "\n" not in str(told.value)


def test_without_the_library_the_command_that_installs_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UsageError, match="needs the datasets library; install it by: pip install datasets"):
        huggingface.load(str(tmp_path))


def test_a_saved_data_set_is_trained_on_from_the_command_line(regab, tmp_path):
    datasets.DatasetDict(train=texts(), validation=texts(20)).save_to_disk(tmp_path / "d")
    words = ["data=huggingface", f"data.path={tmp_path / 'd'}", "model=text_cnn", "model.width=8", "model.channels=4"]
    run = regab("train", *words, "epochs=2", "device=cpu", "curves=false")
    assert run.code == 0, run.err
    assert "data: 60 texts; label: 2 classes (neg 30, pos 30)" in run.out
    assert json.loads((run.folder / "result.json").read_text())["data_fingerprint"]


@pytest.mark.parametrize("kind", ["images", "texts"])
def test_what_was_trained_on_it_predicts_files_in_a_fresh_process(tmp_path, kind):
    test = (texts if kind == "texts" else painted)(24)
    datasets.DatasetDict(train=(texts if kind == "texts" else painted)(), test=test).save_to_disk(tmp_path / "d")
    model = ("model=text_cnn", "model.channels=4", "model.width=4", "epochs=1") if kind == "texts" else MLP
    folder, measured = train(tmp_path, "data=huggingface", f"data.path={tmp_path}/d", *model)
    if kind == "images":
        for i, row in enumerate(test):
            place = tmp_path / "new" / test.features["label"].names[row["label"]]
            place.mkdir(parents=True, exist_ok=True)
            row["image"].save(place / f"{i:02}.png")
    given = Path(as_csv(test, tmp_path / "new.csv")) if kind == "texts" else tmp_path / "new"
    shutil.rmtree(tmp_path / "d")
    metrics, predictions = fresh(folder, given)
    same(metrics, measured)
    assert len(predictions) == 24
