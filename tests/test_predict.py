"""What was trained predicts from its own files what its evaluation measured, whatever the data were."""

import contextlib
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import accuracy_score, log_loss, mean_squared_error, r2_score

import regab as package
from regab.analysis.pick import ranking
from regab.data.split import Division, Split, divide
from regab.errors import UsageError
from tests.conftest import python
from tests.predicting import MINE, MLP, own_module, same, table, train, write_tables

slow = pytest.mark.slow


@pytest.fixture(scope="module")
def table_run(tmp_path_factory):
    """A run on a table, and what it measured on the test file beside it."""
    place = tmp_path_factory.mktemp("table")
    files = write_tables(place)
    return train(place, *files, "data.label=label", "data.ignore=[id,price]", *MLP, "reg.norm=batch")


@pytest.fixture
def tabular(table_run, tmp_path):
    """Its folder; the test file is in this one."""
    write_tables(tmp_path)
    return table_run[0]


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    return own_module(tmp_path)


def test_rows_of_the_test_file_give_the_runs_own_metrics_and_classes_by_name(table_run, tabular, tmp_path):
    folder, measured = table_run
    found = package.load(folder).predict(tmp_path / "test.csv")
    same(found.attrs["metrics"], measured)
    label = table(60, 1)["label"]
    assert list(found) == ["line", "prediction", "p_no", "p_yes"]
    assert found["line"].tolist() == list(range(2, 62))
    assert accuracy_score(label, found["prediction"]) == pytest.approx(measured["accuracy"])
    assert log_loss(label, found[["p_no", "p_yes"]], labels=["no", "yes"]) == pytest.approx(measured["loss"], abs=1e-6)


def test_a_regression_is_predicted_in_the_units_of_its_target(tmp_path):
    folder, measured = train(
        tmp_path, *write_tables(tmp_path), "data.label=price", "data.ignore=[id,label]", *MLP[1:], "model=tabular_mlp"
    )
    found = package.load(folder).predict(tmp_path / "test.csv")
    same(found.attrs["metrics"], measured)
    price = table(60, 1)["price"].str.removesuffix(" €").str.replace(",", ".").astype(float)
    assert mean_squared_error(price, found["prediction"]) ** 0.5 == pytest.approx(measured["rmse"], rel=1e-6)
    assert r2_score(price, found["prediction"]) == pytest.approx(measured["r2"], abs=1e-6)
    same(package.load(folder).predict(table(60, 1).assign(price=price)).attrs["metrics"], measured)


def test_a_frame_with_numbers_and_dates_of_its_own_is_read_as_the_file(tabular, tmp_path):
    from_file = package.load(tabular).predict(tmp_path / "test.csv").drop(columns="line")
    frame = table(60, 1)
    frame["age"] = frame["age"].str.replace(",", ".").astype(float)
    frame["since"] = pd.to_datetime(frame["since"], format="%d.%m.%Y")
    frame["city"] = frame["city"].replace("", None)
    frame = frame[["since", "city", "b", "age", "label"]].set_index(pd.Index([f"row {i}" for i in range(60)]))
    found = package.load(tabular).predict(frame)
    assert found.index.equals(frame.index)
    pd.testing.assert_frame_equal(found.reset_index(drop=True), from_file)
    days = frame.assign(since=frame["since"].dt.date)  # as databases and Parquet have them
    pd.testing.assert_frame_equal(package.load(tabular).predict(days).reset_index(drop=True), from_file)
    days.to_parquet(tmp_path / "new.parquet")
    found = package.load(tabular).predict(tmp_path / "new.parquet")
    assert found.pop("row").tolist() == list(range(1, 61))
    pd.testing.assert_frame_equal(found, from_file)


def test_what_is_new_is_said_and_counts_as_training_would_have_it(tabular, tmp_path):
    rows = table(3, 1).drop(columns="label").assign(city=["Rome", "Rome", "Oslo"], more=1)
    with pytest.warns(UserWarning, match="not used|none of") as heard:
        found = package.load(tabular).predict(rows)
    assert [str(w.message) for w in heard] == [
        "not used, as training had no such columns: more",
        "city is 'Rome' in 2 rows, none of the categories known",
    ]
    assert found.attrs["metrics"] == {}


def test_labels_of_some_rows_are_measured_and_unknown_ones_said(tabular):
    rows = table(60, 1)
    whole = package.load(tabular).predict(rows)
    part = rows.assign(label=[label if i % 2 else "" for i, label in enumerate(rows["label"])])
    with pytest.warns(UserWarning, match="^30 of 60 examples have no label"):
        found = package.load(tabular).predict(part)
    right = (whole["prediction"] == rows["label"])[1::2].mean()
    assert found.attrs["metrics"]["accuracy"] == pytest.approx(right)
    with pytest.warns(UserWarning, match="^nothing is measured: the data frame, row 7: label is 'perhaps'"):
        assert not package.load(tabular).predict(rows.assign(label=["no"] * 7 + ["perhaps"] * 53)).attrs["metrics"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop(columns="age"), "new.csv: has no column 'age', which the training data had"),
        (lambda t: t[["id"]], "has no column 'age', 'b', 'city', and 1 more, which the training data had; it has 'id'"),
        (
            lambda t: t.assign(age="old"),
            "new.csv, line 2: age is 'old', and not a number as elsewhere in that column; mend it",
        ),
        (lambda t: t.assign(since="soon"), "new.csv, line 2: since is 'soon', and not a date as elsewhere"),
        (lambda t: t.iloc[:0], "new.csv: has a first line, which names the columns, and nothing below it"),
    ],
)
def test_rows_that_cannot_be_read_are_a_line(tabular, regab, tmp_path, change, words):
    change(table(4, 1)).to_csv("new.csv", index=False)
    result = regab("predict", str(tabular), "new.csv")
    assert result.code == 2
    assert words in result.err
    assert result.err.count("\n") == 1
    assert not list(tmp_path.glob("*.predictions.csv"))


def test_numbers_where_training_had_dates_are_refused(tabular):
    with pytest.raises(UsageError, match="since has numbers, but in the training data it had dates"):
        package.load(tabular).predict(table(4, 1).assign(since=20000))
    with pytest.raises(UsageError, match="age has dates, but in the training data it had numbers"):
        package.load(tabular).predict(table(4, 1).assign(age=pd.Timestamp("2020-01-01")))


def test_the_model_is_the_plain_module_of_the_selected_epoch(mine, tmp_path):
    words = (f"data._target_={mine}.load", "data.test_fraction=0.25", f"model._target_={mine}.Net", "epochs=3")
    folder, measured = train(
        tmp_path, *words, "reg.dropout=0.4", "reg.swa.start=0.3", "reg.early_stopping=1", "model.freeze=[head.bias]"
    )
    run = package.load(folder)
    assert not run.model.training
    assert type(run.model).__module__ == mine
    saved = torch.load(folder / "model.pt", weights_only=True)
    assert all(torch.equal(tensor, saved[name]) for name, tensor in run.model.state_dict().items())
    module = __import__(mine)
    rows = divide(
        module.load()._replace(
            train=Split(torch.arange(120), torch.tensor(module.X[:, 0] > 3).long()), fit=lambda x: (lambda i: i, {})
        ),
        Division(val_fraction=run.config["data"]["val_fraction"], test_fraction=0.25),
    ).test.x
    names = np.array(["class 0", "class 1"])[(module.X[rows, 0] > 3).astype(int)]
    found = run.predict(module.X[rows])
    assert accuracy_score(names, found["prediction"]) == pytest.approx(measured["accuracy"])
    assert log_loss(names, found[["p_class 0", "p_class 1"]]) == pytest.approx(measured["loss"], abs=1e-6)
    encoded = run._trained.kept.part("encoder")(torch.from_numpy(module.X[rows]))
    shares = run.model(encoded).softmax(1).detach().numpy()
    np.testing.assert_allclose(shares, found[["p_class 0", "p_class 1"]], atol=1e-6)


def test_an_encoding_that_is_code_alone_is_said_when_it_is_asked_for(mine, tmp_path):
    folder, _ = train(tmp_path, f"data._target_={mine}.closed", "data.test_fraction=0.25", *MLP)
    with pytest.raises(
        UsageError, match=r"the encoder of mine_\d+.closed could not be kept \(a function is no dataclass of"
    ):
        package.load(folder).predict(np.zeros((3, 6)))


@slow
def test_code_of_ones_own_that_has_changed_or_is_gone_is_a_line(mine, tmp_path):
    words = (f"data._target_={mine}.load", "data.test_fraction=0.25", f"model._target_={mine}.Net", "epochs=1")
    folder, _ = train(tmp_path, *words)
    np.save(tmp_path / "x.npy", np.zeros((2, 6)))
    module = tmp_path / f"{mine}.py"
    fresh = [
        "-c",
        "import sys; from regab.cli import main; main(sys.argv[1:])",
        "predict",
        str(folder),
        "x.npy",
        "--out",
        "-",
    ]

    def run():
        return subprocess.run(python(*fresh), cwd=tmp_path, capture_output=True, text=True)

    assert run().stdout.splitlines()[0] == "prediction,p_class 0,p_class 1"
    module.write_text(MINE.replace("self.head(self.body(x))", "self.head(self.body(x)) * 2"))
    assert f"the code in module {mine} has changed since this run was trained" in run().stderr
    module.unlink()
    assert run().stderr.splitlines() == [
        f"regab: model._target_={mine}.Net: there is no module {mine}; is it in this folder?"
    ]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """A sweep in which one variant learns and another cannot, and the rows of the table that it is of."""
    place = tmp_path_factory.mktemp("sweep")
    files = write_tables(place)
    words = (
        "-m",
        *files,
        "data.label=label",
        "data.ignore=[id,price]",
        *MLP,
        "reg.l2=0,100",
        "seed=3,5",
        "stack.workers=0",
    )
    return train(place, *words)[0]


def test_the_best_variant_of_a_sweep_is_that_of_the_ranking(sweep, tmp_path, regab):
    frame = table(60, 1)
    frame.to_csv(tmp_path / "new.csv", index=False)
    order = ranking(package.load(sweep).results)
    best = next(
        run for run in package.load(sweep).runs if run.overrides["reg.l2.strength"] == order["reg.l2.strength"][0]
    )
    result = regab("predict", str(sweep), "new.csv", "--best", "--keep", "id,city")
    assert result.code == 0, result.err
    said = result.err.splitlines()
    assert said[0].startswith(f"{order['variant'][0]} has the best val accuracy of 2 variants (")
    assert said[0].endswith("2 runs); its run with seed 3 is taken")
    found = pd.read_csv(tmp_path / "new.predictions.csv", keep_default_na=False)
    assert list(found) == ["id", "city", "line", "prediction", "p_no", "p_yes"]
    assert found["city"].tolist() == frame["city"].tolist()
    alone = package.load(best.folder).predict(frame)
    np.testing.assert_array_equal(found["p_yes"], alone["p_yes"])
    assert said[-2:] == [f"loss: {best.selected['test_loss']:.6g}", f"accuracy: {best.selected['test_accuracy']:.6g}"]
    worst = regab("predict", str(sweep), "new.csv", "--best", "--metric", "l2_norm", "--out", "-")
    assert worst.code == 2


def test_a_column_named_as_one_of_predictions_is_refused_or_said_to_be_left_out(tabular, tmp_path, regab):
    table(4, 1).assign(prediction="mine", line=7).to_csv("new.csv", index=False)
    result = regab("predict", str(tabular), "new.csv", "--keep", "id,line")
    assert (result.code, result.err) == (
        2,
        "regab: predict: --keep line: predictions have a column of that name; rename the table's\n",
    )
    assert not (tmp_path / "new.predictions.csv").exists()
    result = regab("predict", str(tabular), "new.csv", "--keep", "all")
    assert result.code == 0
    assert "left out of the table: prediction, line; predictions have columns of that name" in result.err
    found = pd.read_csv(tmp_path / "new.predictions.csv")
    assert list(found).count("line") == 1
    assert found["line"].tolist() != [7] * 4
    assert "mine" not in found["prediction"].tolist()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("SWEEP", "new.csv"), "is a sweep; add --best, or give the folder of one of its runs"),
        (("nowhere", "new.csv"), "predict nowhere: there is no such folder; give one, as outputs/run/<date_time>"),
        ((".", "new.csv"), "predict .: is no folder of a run"),
        (("RUN", "gone.csv"), "gone.csv: there is no such file or folder"),
        (("RUN", "new.csv", "--best"), "RUN --best: "),
        (("RUN", "new.csv", "--metric", "val_loss"), "--metric val_loss is for --best"),
        (("RUN", "new.csv", "--keep", "nothing"), "--keep nothing: the table has no such column; it has id, age"),
        (("RUN", "new.csv", "--out", "here.txt"), "--out here.txt: must end with one of .csv, .tsv, "),
        (
            ("RUN", "new.csv", "--out", "./new.csv"),
            "--out ./new.csv: is what is to be predicted; write",
        ),
        (("RUN", "new.csv", "new.csv"), "predict: 2 files are given, but tables are predicted one by one"),
        (("RUN", "new.csv", "--device", "tpu"), "device=tpu: must be auto, cpu, cuda or mps"),
        (("RUN", "new.csv", "--device", "cpu:x"), "device=cpu:x: must be auto, cpu, cuda or mps"),
        (("RUN", "new.csv", "--device", "cuda:9"), "device=cuda:9: this machine has no such device"),
        (("RUN",), "the following arguments are required: FILE"),
    ],
)
def test_what_cannot_be_predicted_is_a_line(sweep, tabular, tmp_path, regab, words, said):
    if "cuda:9" in words and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    table(4, 1).to_csv("new.csv", index=False)
    result = regab("predict", *(word.replace("SWEEP", str(sweep)).replace("RUN", str(tabular)) for word in words))
    assert result.code == 2
    assert said.replace("RUN", str(tabular)) in result.err
    assert result.err.count("\n") == 1
    assert (tmp_path / "new.csv").read_text() == table(4, 1).to_csv(index=False)


def test_predictions_are_written_where_they_are_asked_for(tabular, tmp_path, regab):
    table(4, 1).drop(columns="label").to_csv("new.csv", index=False)
    shown = regab("predict", str(tabular), "new.csv", "--out", "-")
    assert shown.err == ""
    assert regab("predict", str(tabular), "new.csv", "--out", "here.tsv").code == 0
    assert (tmp_path / "here.tsv").read_text().replace("\t", ",") == shown.out
    assert regab("predict", str(tabular), "new.csv", "--out", "here.parquet").code == 0
    assert pd.read_parquet("here.parquet").to_csv(index=False) == shown.out
    missing = regab("predict", str(tabular), "new.csv", "--out", "there/here.csv")
    assert (missing.code, missing.err) == (1, "regab: there/here.csv: cannot be written (there is no folder there)\n")


@pytest.mark.parametrize(
    ("hurt", "words"),
    [
        (
            lambda run: (run / "model.pt").unlink(),
            "model.pt: there is no such file, as its weights",
        ),
        (
            lambda run: (run / "model.pt").write_bytes(b"PK"),
            "model.pt: is damaged; regab train --resume",
        ),
        (lambda run: (run / "encoding.json").write_text("{}\n\n{"), "encoding.json: is damaged; regab train --resume"),
        (lambda run: (run / "encoding.json").unlink(), "has no encoding.json: it was trained by a version of regab"),
        (
            lambda run: (run / ".hydra" / "config.yaml").unlink(),
            "config.yaml: is missing or damaged; regab train --resume",
        ),
        (lambda run: (run / "result.json").unlink(), "the run has not finished"),
    ],
)
def test_files_that_are_gone_or_damaged_are_named_with_what_to_do(tabular, tmp_path, hurt, words):
    shutil.copytree(tabular, tmp_path / "run")
    hurt(tmp_path / "run")
    with pytest.raises(UsageError, match=words):
        package.load(tmp_path / "run").predict(table(4, 1))


@pytest.mark.slow
def test_a_class_of_a_notebook_predicts_there_and_is_a_line_elsewhere(tmp_path):
    class Here(torch.nn.Sequential):
        def __init__(self, in_features, num_classes):
            super().__init__(torch.nn.Linear(in_features, num_classes))

    with contextlib.chdir(tmp_path):
        run = package.train({"data": "iris", "data.test_fraction": 0.2, "model": Here}, epochs=1, progress=False)
        x = np.zeros((2, 4))
        assert len(run.predict(x)) == 2
        config = (run.folder / ".hydra" / "config.yaml").read_text()
        name = next(line.split(".")[-1] for line in config.splitlines() if "regab_objects." in line)
        there = sys.modules["regab_objects"]
        found = there.__dict__.pop(name)
        try:
            with pytest.raises(UsageError, match=rf"^model._target_=regab_objects.{name}: regab_objects has no {name}"):
                package.load(run.folder).predict(x)
        finally:
            setattr(there, name, found)
