"""Every kind of data: what was trained on it predicts the test part again, and gets the metrics of the run."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import accuracy_score, log_loss, r2_score

import regab as package
from regab.data.split import Division, Source, Split, divide
from regab.errors import UsageError
from tests.predicting import MLP, fresh, own_module, same, train, write_tables

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
    (tmp_path / "bare.tsv").write_text((tmp_path / "test.tsv").read_text().partition("\n")[2])
    bare = run.predict(tmp_path / "bare.tsv")
    same(bare.attrs["metrics"], measured)
    assert bare["line"].tolist() == [line - 1 for line in found["line"]]
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
    with pytest.warns(UserWarning, match="^the first line, 'label', 'text', is taken for names of columns"):
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
    pd.DataFrame(x).to_csv(tmp_path / "numbered.csv", index=False)
    with pytest.warns(UserWarning, match="columns are taken in their order"):
        numbered = run.predict(tmp_path / "numbered.csv")
    pd.testing.assert_frame_equal(numbered.drop(columns="line"), found.reset_index(drop=True))
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


TASKS = {
    "multilabel": ("Y", [], "multilabel"),
    "several targets": ("np.stack([X[:, 0] * 40, X[:, 1] - 7], 1)", [], "regression"),
    "soft labels": ("np.eye(2)[(X[:, 0] > 3).astype(int)] * 0.8 + 0.1", [], "soft_labels"),
    "quantile": ("100 + 9 * X[:, 0]", ["task=quantile", "task.tau=[0.1,0.6]"], "regression"),
    "ordinal": (
        "np.array(['low', 'mid', 'high'])[np.digitize(X[:, 0], [0, 5])]",
        ["task=ordinal", "task.order=[low,mid,high]"],
        "classification",
    ),
    "weighted": ("(X[:, 0] > 8).astype(int)", ["task=classification", "task.class_weights=balanced"], "classification"),
}


@slow
@pytest.mark.parametrize("name", TASKS)
def test_every_task_predicts_what_it_was_measured_by(tmp_path, monkeypatch, name):
    labels, words, task = TASKS[name]
    monkeypatch.syspath_prepend(str(tmp_path))
    mine = own_module(tmp_path)
    code = (tmp_path / f"{mine}.py").read_text()
    code += f"\nY = np.stack([X[:, 0] > 3, X[:, 1] > 0, X[:, 2] > 9], 1).astype(int)\nTARGETS = {labels}\n"
    code += "X_NEW, TARGETS_NEW = X[80:], TARGETS[80:]\n\ndef tasked():\n    test = Split(X_NEW, TARGETS_NEW)\n"
    classes = {"multilabel": 3, "ordinal": 3, "several targets": 2, "quantile": 1}.get(name, 2)
    code += f"    return Source(Split(X[:80], TARGETS[:80]), classes={classes}, test=test, task={task!r})\n"
    (tmp_path / f"{mine}.py").write_text(code)
    folder, measured = train(tmp_path, f"data._target_={mine}.tasked", *words, *MLP)
    module = __import__(mine)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    np.savez(elsewhere / "new.npz", x=module.X_NEW, y=module.TARGETS_NEW)
    found = package.load(folder).predict(elsewhere / "new.npz")
    same(found.attrs["metrics"], measured)
    (tmp_path / f"{mine}.py").unlink()  # with it, the data
    assert fresh(folder, elsewhere / "new.npz") == [found.attrs["metrics"], found.iloc[:, 0].tolist()]
    targets = np.array(module.TARGETS_NEW)
    if name == "multilabel":
        said = np.stack([found[f"p_{k}"] > 0.5 for k in range(3)], 1)
        assert (said == targets).mean() == pytest.approx(measured["accuracy"])
        assert [set(row.split()) for row in found["prediction"]] == [
            {str(k) for k in np.flatnonzero(row)} for row in said
        ]
    elif name == "several targets":
        errors = found[["prediction_0", "prediction_1"]].to_numpy() - targets
        assert np.sqrt((errors**2).mean(0)).mean() == pytest.approx(measured["rmse"], rel=1e-6)
    elif name == "quantile":
        assert found["prediction"].equals(found["q_0.6"])
        assert np.sqrt(((found["prediction"] - targets) ** 2).mean()) == pytest.approx(measured["rmse"], rel=1e-6)
    elif name == "soft labels":
        assert (found["prediction"].astype(int) == targets.argmax(1)).mean() == pytest.approx(measured["accuracy"])
    else:
        assert (found["prediction"] == targets.astype(str)).mean() == pytest.approx(measured["accuracy"])
        assert found.filter(like="p_").sum(axis=1).to_numpy() == pytest.approx(1)
    if name == "ordinal":
        assert list(found) == ["prediction", "median", "p_low", "p_mid", "p_high"]
        order = ["low", "mid", "high"]
        off = found["median"].map(order.index) - pd.Series(targets).map(order.index)
        assert off.abs().mean() == pytest.approx(measured["rank_error"])


@slow
def test_several_columns_of_a_table_are_predicted_by_their_names(tmp_path):
    files = write_tables(tmp_path)
    for part in ("train", "test"):
        rows = pd.read_csv(tmp_path / f"{part}.csv")
        rows = rows.assign(old=rows["age"] > "40", no=rows["label"] == "no", twice=rows["price"].str.replace("1", "2"))
        rows.to_csv(tmp_path / f"{part}.csv", index=False)
    ignored = "data.ignore=[id,label]"
    folder, measured = train(tmp_path, *files, "data.label=[price,twice]", ignored, *MLP)
    found = package.load(folder).predict(tmp_path / "test.csv")
    same(found.attrs["metrics"], measured)
    assert list(found) == ["line", "prediction_price", "prediction_twice"]
    folder, measured = train(tmp_path, *files, "data.label=[old,no]", ignored, *MLP)
    found = package.load(folder).predict(tmp_path / "test.csv")
    same(found.attrs["metrics"], measured)
    assert list(found) == ["line", "prediction", "p_old", "p_no"]
    frame = pd.read_csv(tmp_path / "test.csv", keep_default_na=False)
    pd.testing.assert_frame_equal(package.load(folder).predict(frame), found.drop(columns="line"))


@slow
def test_classes_in_an_order_of_their_own_are_measured_and_named_in_it(tmp_path):
    words = (*write_tables(tmp_path), "data.label=label", "data.ignore=[id,price]", *MLP[:2])
    folder, measured = train(tmp_path, *words, "task=ordinal", "task.order=[yes,no]", "epochs=6")
    found = package.load(folder).predict(tmp_path / "test.csv")
    same(found.attrs["metrics"], measured)
    assert list(found) == ["line", "prediction", "median", "p_yes", "p_no"]
    right = found["prediction"] == pd.read_csv(tmp_path / "test.csv")["label"]
    assert right.mean() == pytest.approx(measured["accuracy"]) != 0.5


WAYS = {
    "swa": ("reg.swa.start=0.3", "reg.norm=batch"),
    "ema": ("reg.ema=0.9",),
    "early stopping": ("reg.early_stopping=1", "optimizer.lr=0.5", "epochs=6"),
    "bf16": ("precision=bf16",),
    "noise everywhere": (
        "reg.dropout=0.5",
        "reg.activation_noise=0.1",
        "reg.dropout.where=hidden",
        "reg.weight_noise=0.1",
    ),
    "convolutions": (
        "model=cnn",
        "model.channels=[4]",
        "reg.norm=group",
        "reg.dropout.kind=spatial",
        "reg.dropout=0.2",
    ),
    "residual": ("model=resnet", "model.depth=8", "reg.stochastic_depth=0.2", "reg.norm=batch"),
    "torchvision": ("model._target_=torchvision.models.shufflenet_v2_x0_5", "reg.dropout=0.1"),
    "frozen": (
        "model._target_=torchvision.models.shufflenet_v2_x0_5",
        "model.freeze=[conv1]",
        "model.freeze_norms=true",
    ),
}


@slow
@pytest.mark.parametrize("way", WAYS)
def test_however_a_model_was_built_and_trained_it_is_the_one_that_was_measured(tmp_path, way):
    import sklearn.datasets

    base = [word for word in MLP if word.partition("=")[0] not in {w.partition("=")[0] for w in WAYS[way]}]
    if any(word.startswith("model") for word in WAYS[way]):
        base = [word for word in base if not word.startswith("model")]
    torchvision = any("torchvision" in word for word in WAYS[way])
    if torchvision:
        pictures(tmp_path / "train", 40, (32, 32))
        pictures(tmp_path / "test", 12, (32, 32), seed=1)
        data = ("data=image_folder", f"data.path={tmp_path}/train", f"data.test_path={tmp_path}/test", "batch_size=20")
        base = [word for word in base if not word.startswith("batch_size")]
    else:
        data = ("data=digits", "data.n_train=200", "data.test_fraction=0.2")
    folder, measured = train(tmp_path, *data, *base, *WAYS[way])
    run = package.load(folder)
    if torchvision:
        found = run.predict(tmp_path / "test")
    else:
        x, y = sklearn.datasets.load_digits(return_X_y=True)
        test = rows_of_test(run, torch.from_numpy(y))
        np.savez(tmp_path / "new.npz", x=x[test], y=y[test])
        found = run.predict(tmp_path / "new.npz")
    same(found.attrs["metrics"], measured)


def text_files(folder):
    random = np.random.default_rng(0)
    for name in ("train", "test"):
        labels = random.integers(0, 2, 80)
        lines = [f"w{n % 9} {('good', 'bad')[k]} w{n % 4}\t{k}" for n, k in enumerate(labels)]
        (folder / f"{name}.tsv").write_text("\n".join(["text\tlabel", *lines]))
    return (
        "data=text_csv",
        "model=transformer",
        "model.width=8",
        "model.heads=2",
        "model.depth=1",
        "epochs=1",
    ), "test.tsv"


def image_files(folder):
    pictures(folder / "train", 30)
    pictures(folder / "test", 20, seed=1)
    return ("data=image_folder", *MLP), "test"


def table_files(label):
    def write(folder):
        write_tables(folder)
        other = {"label": "price", "price": "label"}[label]
        return (
            "data=csv",
            f"data.label={label}",
            f"data.ignore=[id,{other}]",
            *MLP[1:],
            "model=tabular_mlp",
        ), "test.csv"

    return write


def series_files(folder):
    """Two channels, of which the first rises or falls, written with decimal commas; a gap, and dates with day first."""
    random = np.random.default_rng(0)
    for name in ("train", "test"):
        rows = []
        for i in range(40):
            for t in range(4 + i % 5):
                day, up = pd.Timestamp("2024-01-03") + pd.Timedelta(9 * t, "D"), 1 if i % 2 else -1
                rows.append((f"{name}{i}", f"{day:%d.%m.%Y}", up * t + random.normal(), 10 * random.normal(), i % 2))
        frame = pd.DataFrame(rows, columns=["who", "when", "a", "b", "up"]).sample(frac=1, random_state=0)
        frame["a"] = [f"{v:.3f}".replace(".", ",") if v < 3 else "" for v in frame["a"]]
        frame.to_csv(folder / f"{name}.csv", index=False)
    names = ("data=timeseries_csv", "data.id=who", "data.time=when", "data.label=up")
    return (*names, "model=conv1d", "model.channels=[4]", "model.windows=[3]", "epochs=2", "batch_size=16"), "test.csv"


def own_arrays(folder):
    mine = own_module(folder)
    code = "\ndef split(name):\n    with np.load(name) as file:\n        return Split(file['x'], file['y'])\n"
    code += "\ndef divided():\n    return Source(split('train.npz'), classes=2, test=split('test.npz'), fit=fit)\n"
    with (folder / f"{mine}.py").open("a") as file:
        file.write(code)
    random = np.random.default_rng(0)
    for name in ("train", "test"):
        x = random.normal(2, 4, (60, 6))
        np.savez(folder / f"{name}.npz", x=x, y=(x[:, 0] > 2).astype(int))
    return (f"data._target_={mine}.divided", f"model._target_={mine}.Net", "epochs=2"), "test.npz"


@slow
@pytest.mark.parametrize(
    "kind",
    [table_files("label"), table_files("price"), text_files, image_files, series_files, own_arrays],
    ids=["csv", "csv regression", "text", "images", "series", "own"],
)
def test_a_fresh_process_without_the_data_gets_the_metrics_of_the_run(tmp_path, kind):
    words, test = kind(tmp_path)
    train_file = test.replace("test", "train")
    paths = () if test == "test.npz" else (f"data.path={train_file}", f"data.test_path={test}")
    here = str(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(here)
        folder, measured = train(tmp_path, *words, *paths)
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    shutil.move(tmp_path / test, moved / test)
    path = tmp_path / train_file
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    metrics, predictions = fresh(folder, moved / test)
    same(metrics, measured)
    assert predictions == package.load(folder).predict(moved / test)["prediction"].tolist()
