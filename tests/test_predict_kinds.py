"""Every kind of data: what was trained on it predicts the test part again, and gets the metrics of the run."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import accuracy_score, log_loss, r2_score

import regab as package
from regab.data.split import Division, Source, Split, divide
from regab.errors import UsageError
from tests.predicting import MLP, own_module, same, train

slow = pytest.mark.slow


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    return own_module(tmp_path)


@slow
def test_texts_are_predicted_from_tables_lines_lists_and_frames(tmp_path):
    random = np.random.default_rng(0)
    rows = [
        (f"w{i % 7} {('good', 'bad')[label]} w{i % 3}", f"{('fine', 'awful')[label]}")
        for i, label in enumerate(random.integers(0, 2, 150))
    ]
    for name, part in (("train", rows[:100]), ("test", rows[100:])):
        lines = ["text\tmood", *(f"{text}\t{label}" for text, label in part)]
        (tmp_path / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    files = (f"data.path={tmp_path}/train.tsv", f"data.test_path={tmp_path}/test.tsv")
    words = ("data=text_csv", *files, "model=text_cnn", "model.channels=4", "model.width=4", "epochs=1")
    folder, measured = train(tmp_path, *words)
    run, texts = package.load(folder), [text for text, _ in rows[100:]]
    found = run.predict(tmp_path / "test.tsv")
    same(found.attrs["metrics"], measured)
    moods = [label for _, label in rows[100:]]
    assert accuracy_score(moods, found["prediction"]) == pytest.approx(measured["accuracy"])
    assert log_loss(moods, found[["p_awful", "p_fine"]]) == pytest.approx(measured["loss"], abs=1e-6)
    (tmp_path / "new.txt").write_text("\n".join(texts))
    frame = pd.DataFrame({"other": 1, "text": texts})
    for given in (
        texts,
        np.array(texts),
        frame["text"],
        frame,
        frame[["text"]].rename(columns={"text": "said"}),
        tmp_path / "new.txt",
    ):
        again = run.predict(given).drop(columns="line", errors="ignore").reset_index(drop=True)
        pd.testing.assert_frame_equal(again, found.drop(columns="line"))
    with pytest.raises(UsageError, match="has no column named 'text' with texts; it has other, more"):
        run.predict(frame.rename(columns={"text": "more"}))
    with pytest.raises(UsageError, match="a int holds no texts"):
        run.predict(3)


@slow
def test_texts_without_a_header_are_read_by_position(tmp_path):
    lines = [f'{("no", "yes")[i % 2]},"word, {("a", "b")[i % 2]}"' for i in range(80)]
    (tmp_path / "train.csv").write_text("\n".join(lines[:60]))
    (tmp_path / "test.csv").write_text("\n".join(lines[60:]))
    files = (f"data.path={tmp_path}/train.csv", f"data.test_path={tmp_path}/test.csv", "data.text=1", "data.label=0")
    folder, measured = train(
        tmp_path, "data=text_csv", *files, "model=text_cnn", "model.channels=4", "model.width=4", "epochs=1"
    )
    same(package.load(folder).predict(tmp_path / "test.csv").attrs["metrics"], measured)
    (tmp_path / "new.csv").write_text("label,text\n" + "\n".join(lines[60:]))
    same(package.load(folder).predict(tmp_path / "new.csv").attrs["metrics"], measured)


def pictures(folder, n, size=(9, 8), seed=0):
    from PIL import Image

    random = np.random.default_rng(seed)
    for i in range(n):
        kind = ("dark", "light")[i % 2]
        (folder / kind).mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 160, (*size, 3)) + 90 * (i % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / kind / f"{i:03}.png")


@slow
@pytest.mark.parametrize("size", ["null", "[6,7]"])
def test_images_are_predicted_from_folders_files_tables_and_arrays(tmp_path, size):
    from PIL import Image

    pictures(tmp_path / "train", 40)
    pictures(tmp_path / "test", 20, seed=1)
    files = (f"data.path={tmp_path}/train", f"data.test_path={tmp_path}/test", f"data.size={size}")
    folder, measured = train(tmp_path, "data=image_folder", *files, *MLP)
    run = package.load(folder)
    found = run.predict(tmp_path / "test")
    same(found.attrs["metrics"], measured)
    kinds = [Path(file).parent.name for file in found["file"]]
    assert accuracy_score(kinds, found["prediction"]) == pytest.approx(measured["accuracy"])
    assert log_loss(kinds, found[["p_dark", "p_light"]]) == pytest.approx(measured["loss"], abs=1e-6)
    names = found["file"].tolist()
    for given in (names, pd.DataFrame({"image": names, "label": kinds})):
        pd.testing.assert_frame_equal(run.predict(given), found)
    pixels = np.stack([np.asarray(Image.open(file)) for file in names])
    if size == "null":
        pd.testing.assert_frame_equal(run.predict(pixels), found.drop(columns="file"))
        np.savez(tmp_path / "new.npz", x=pixels, y=kinds)
        same(run.predict(tmp_path / "new.npz").attrs["metrics"], measured)
        pictures(tmp_path / "odd", 2, (5, 5))
        with pytest.raises(UsageError, match=r"000\.png has 5×5 pixels, but the images of training had 8×9"):
            run.predict(tmp_path / "odd")
    else:
        with pytest.raises(
            UsageError, match=r"has the shape \[20, 9, 8, 3\], but the images of training are \[3, 6, 7\]"
        ):
            run.predict(pixels)
    (tmp_path / "none").mkdir()
    with pytest.raises(UsageError, match="none: holds no images"):
        run.predict(tmp_path / "none")


@slow
def test_deep_images_are_scaled_as_those_of_training(tmp_path):
    from PIL import Image

    random = np.random.default_rng(0)
    for part, most in (("train", 4000), ("test", 900)):
        for i in range(30):
            place = tmp_path / part / ("a", "b")[i % 2]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray((random.integers(0, most, (6, 6)) // (1 + i % 2)).astype(np.uint16)).save(
                place / f"{i:02}.png"
            )
    folder, measured = train(
        tmp_path, "data=image_folder", f"data.path={tmp_path}/train", f"data.test_path={tmp_path}/test", *MLP
    )
    same(package.load(folder).predict(tmp_path / "test").attrs["metrics"], measured)


def rows_of_test(run, y):
    """Which rows of a source with these labels are the test data of a run."""
    by = Division(**{name: run.config["data"][name] for name in Division.__dataclass_fields__})
    task = "regression" if y.is_floating_point() else "classification"
    source = Source(Split(torch.arange(len(y)), y), int(y.max()) + 1, fit=lambda x: (lambda rows: rows, {}), task=task)
    return divide(source, by).test.x.numpy()


@pytest.mark.parametrize(
    "name", ["iris", *(pytest.param(name, marks=slow) for name in ("digits", "breast_cancer", "wine", "diabetes"))]
)
def test_scikit_learns_data_are_predicted_from_its_frames_and_arrays(tmp_path, name):
    import sklearn.datasets

    load = getattr(sklearn.datasets, f"load_{name}")
    bunch = load(as_frame=True, **({"scaled": False} if name == "diabetes" else {}))
    folder, measured = train(tmp_path, f"data={name}", "data.test_fraction=0.2", *MLP)
    run, y = package.load(folder), torch.from_numpy(bunch.target.to_numpy().copy())
    test = rows_of_test(run, y)
    frame = bunch.frame.iloc[test]
    found = run.predict(frame.sample(frac=1, axis=1, random_state=1))
    same(found.attrs["metrics"], measured)
    assert found.index.equals(frame.index)
    frame.to_csv(tmp_path / "new.csv", index=False)
    same(run.predict(tmp_path / "new.csv").attrs["metrics"], measured)
    x = frame.drop(columns="target").to_numpy()
    pd.testing.assert_frame_equal(run.predict(x), found.reset_index(drop=True))
    np.savetxt(tmp_path / "plain.csv", x, delimiter=",")
    with pytest.warns(UserWarning, match="columns are taken in their order"):
        plain = run.predict(tmp_path / "plain.csv")
    pd.testing.assert_frame_equal(plain.drop(columns="line"), found.reset_index(drop=True))
    if name != "diabetes":
        truth = [str(bunch.target_names[label]) for label in y[test]]
        assert accuracy_score(truth, found["prediction"]) == pytest.approx(measured["accuracy"])
    with pytest.raises(UsageError, match="columns of inputs, but training had"):
        run.predict(bunch.data.iloc[:, 1:])
    renamed = bunch.data.rename(columns={bunch.data.columns[0]: "other"})
    with pytest.raises(
        UsageError, match=f"has no column {bunch.data.columns[0]!r}".replace("(", r"\(").replace(")", r"\)")
    ):
        run.predict(renamed)


@pytest.mark.parametrize(
    "loader", ["load", *(pytest.param(name, marks=slow) for name in ("counted", "numbers", "fitted"))]
)
def test_a_loader_of_ones_own_is_predicted_from_arrays(mine, tmp_path, loader):
    folder, measured = train(tmp_path, f"data._target_={mine}.{loader}", "data.test_fraction=0.25", *MLP)
    run, module = package.load(folder), __import__(mine)
    y = getattr(module, loader)().train.y
    words = sorted(set(y)) if not isinstance(y, np.ndarray) else None
    numbers = torch.tensor([words.index(label) for label in y]) if words else torch.from_numpy(y)
    test = rows_of_test(run, numbers if loader == "numbers" else numbers - numbers.min())
    np.savez(tmp_path / "new.npz", x=module.X[test], y=np.array(y)[test])
    found = run.predict(tmp_path / "new.npz")
    same(found.attrs["metrics"], measured)
    if loader == "numbers":
        assert r2_score(np.array(y)[test], found["prediction"]) == pytest.approx(measured["r2"], abs=1e-6)
    else:
        truth = [str(label) for label in np.array(y)[test]]
        assert accuracy_score(truth, found["prediction"]) == pytest.approx(measured["accuracy"])
    pd.testing.assert_frame_equal(run.predict(module.X[test]), found)
    if loader != "fitted":
        with pytest.raises(UsageError, match=r"has the shape \[3, 5\], but must have \[N, 6\]"):
            run.predict(np.zeros((3, 5)))
        with pytest.raises(UsageError, match="1 examples hold NaN or infinity, the first in row 1"):
            run.predict([[0.0] * 6, [float("nan")] * 6])
