"""Regression: what is measured, in which units, and which methods it takes."""

import csv
import json

import numpy as np
import pytest
import torch
from sklearn.metrics import r2_score, root_mean_squared_error

from regab.analysis.diagnosis import overfitting
from regab.data.embedded import diabetes, digits
from regab.data.split import Division, Source, Split, divide
from regab.errors import UsageError
from regab.models.mlp import MLP
from regab.records.columns import headline, higher_is_better, words
from regab.records.load import load_metrics
from regab.regularizers import methods
from regab.regularizers.early_stopping import EarlyStopping
from regab.tasks.regression import Regression
from tests.conftest import curves, same
from tests.test_contract import preset

QUICK = ("data=diabetes", "model=mlp", "model.widths=[16]", "epochs=3", "optimizer.lr=0.01")


def results(folder):
    with (folder / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_targets_are_standardized_by_those_of_the_training_examples():
    source = diabetes()
    data = divide(source, Division(val_fraction=0.2, test_fraction=0.2))
    assert data.train.y.mean().item() == pytest.approx(0, abs=1e-6)
    assert data.train.y.std(correction=0).item() == pytest.approx(1, abs=1e-6)
    assert abs(data.val.y.mean().item()) > 1e-3
    there = torch.cat([split.y for split in (data.train, data.val, data.test)]).double()
    back = there * data.scale.deviation + data.scale.mean
    np.testing.assert_allclose(np.sort(back), np.sort(source.train.y), rtol=1e-5)


def test_rmse_is_in_units_of_the_target_and_r2_is_scikit_learns(regab):
    folder = regab("train", *QUICK).folder
    result = json.loads((folder / "result.json").read_text())
    model = MLP((10,), 1, [16])
    model.load_state_dict(torch.load(folder / "model.pt", weights_only=True))
    source, by = diabetes(), Division(val_fraction=0.2, test_fraction=0.2)
    data = divide(source, by)
    for name in ("train", "val", "test"):
        split = getattr(data, name)
        true = split.y.double() * data.scale.deviation + data.scale.mean
        with torch.no_grad():
            predicted = model(split.x)[:, 0].double() * result["target"]["deviation"] + result["target"]["mean"]
        found = {measure: result["selected"][f"{name}_{measure}"] for measure in ("loss", "rmse", "r2")}
        assert found["rmse"] == pytest.approx(root_mean_squared_error(true, predicted), rel=1e-5)
        assert found["r2"] == pytest.approx(r2_score(true, predicted), abs=1e-5)
        assert found["loss"] == pytest.approx((found["rmse"] / result["target"]["deviation"]) ** 2, rel=1e-6)


def test_a_regression_has_the_same_numbers_alone_and_stacked(configure):
    runs = [configure(*QUICK, f"reg.dropout={0.1 * seed}", f"seed={seed}") for seed in range(3)]
    for alone, beside in zip([curves(run)[0] for run in runs], curves(*runs), strict=True):
        assert same(alone, beside)


def test_a_linear_regression_too(configure):
    runs = [
        configure(*QUICK[:1], "epochs=3", "model=linear", f"optimizer.lr={0.01 * 2**seed}", f"seed={seed}")
        for seed in range(3)
    ]
    for alone, beside in zip([curves(run)[0] for run in runs], curves(*runs), strict=True):
        assert same(alone, beside)


FOR_FEATURES = [
    name
    for name, cls in methods().items()
    if (not cls.inputs or "features" in cls.inputs) and name != "stochastic_depth"  # which needs residual branches
]


@pytest.mark.parametrize("name", FOR_FEATURES)
def test_a_method_trains_a_regression_or_says_that_it_is_for_classes(configure, regab, name):
    tasks, strong = methods()[name].tasks, [f"{key}={value}" for key, value in preset(name).items()]
    if name.startswith("early"):
        strong.append("reg.early_stopping.monitor=val_rmse")
    if tasks and "regression" not in tasks:
        wrong = regab("train", *QUICK, *strong)
        assert wrong.err == f"regab: reg.{name}: is for classification, but the task is regression\n"
        return
    (run,) = curves(configure(*QUICK, *strong))
    assert run["train_loss"][-1] < run["train_loss"][0]


@pytest.mark.slow
def test_a_run_and_a_sweep_report_rmse(regab):
    run = regab("train", *QUICK, "reg.early_stopping=2", "reg.early_stopping.monitor=val_r2", "curves=null")
    assert "test RMSE" in run.out
    assert "accuracy" not in run.out
    assert "curves.png" in {file.name for file in run.folder.iterdir()}
    sweep = regab("train", "-m", *QUICK, "reg.l2=0,0.1", "seed=0,1", whole=True)
    assert "test RMSE" in sweep.out
    row = results(sweep.folder)[0]
    assert "selected_test_accuracy" not in row
    result = json.loads((sweep.folder / row["folder"] / "result.json").read_text())
    assert float(row["selected_test_r2"]) == result["selected"]["test_r2"]
    assert list(load_metrics(run.folder))[3:8] == [
        "train_objective",
        "train_loss",
        "train_rmse",
        "train_r2",
        "val_loss",
    ]
    assert (sweep.folder / "comparison.png").stat().st_size > 10_000


@pytest.mark.slow
def test_runs_of_both_tasks_in_one_table_leave_empty_what_they_have_not(regab):
    words = ("model=mlp", "model.widths=[4]", "epochs=1", "data=wine,diabetes")
    table = results(regab("train", "-m", *words).folder)
    filled = [{name for name in ("selected_val_accuracy", "selected_val_rmse") if row[name]} for row in table]
    assert filled == [{"selected_val_accuracy"}, {"selected_val_rmse"}]


def test_a_monitor_must_be_one_that_the_task_has(regab):
    wrong = regab("train", *QUICK, "reg.early_stopping=2", "reg.early_stopping.monitor=val_accuracy")
    assert "monitor=val_accuracy: the task is regression; choose one of val_loss, val_rmse, val_r2" in wrong.err
    assert wrong.code == 2


@pytest.mark.parametrize("rule", ["patience", "gl"])
def test_early_stopping_follows_r2_upwards_and_rmse_downwards(rule):
    r2 = np.array([[0.0], [0.5], [0.7], [0.6], [0.5]])
    for monitor, curve in (("val_r2", r2), ("val_rmse", np.sqrt(1 - r2))):
        stopping = EarlyStopping(patience=2, monitor=monitor, rule=rule, threshold=15.0)
        selected, stop = stopping.stopped({monitor: curve, "train_loss": 1 - r2})
        assert (selected.tolist(), stop.tolist()) == ([2], [True])


def test_noisy_targets_are_those_of_other_training_examples():
    clean, noisy = (divide(diabetes(), Division(None, 0.2, 0.2, share)) for share in (0.0, 0.5))
    before, after = (data.train.y.double() * data.scale.deviation + data.scale.mean for data in (clean, noisy))
    changed = (after - before).abs() > 0.5
    assert changed.float().mean().item() == pytest.approx(0.5, abs=0.03)
    assert set(after.round().tolist()) <= set(before.round().tolist())


def test_a_target_that_never_varies_is_refused():
    source = Source(Split(torch.randn(20, 2), torch.ones(20)), 1, task="regression")
    with pytest.raises(UsageError, match="not all the same"):
        divide(source, Division())


def test_whole_numbers_may_be_a_target_and_others_no_classes():
    x, y = torch.randn(40, 2), torch.arange(40) * 1000
    data = divide(Source(Split(x, y), 1, task="regression"), Division(val_fraction=0.25))
    assert len(data.val) == 10
    assert data.train.y.std(correction=0).item() == pytest.approx(1)
    with pytest.raises(UsageError, match="a Source says task='regression'"):
        divide(Source(Split(x, y / 7), 2), Division())
    with pytest.raises(UsageError, match="the task of a Source is 'ranking'; it must be one of classification, "):
        divide(Source(Split(x, y), 2, task="ranking"), Division())


def test_a_source_of_classes_has_one_output_in_a_regression():
    data = divide(Source(Split(torch.randn(30, 2), torch.arange(30) % 3), 3), Division(), Regression())
    assert data.classes == 1


def test_a_held_out_part_whose_target_does_not_vary_has_no_r2(configure):
    config = configure(*QUICK, "data.val_fraction=0.0023")  # one example
    (run,) = curves(config)
    assert np.isfinite(run["val_rmse"]).all()
    assert np.isnan(run["val_r2"]).all()


def test_what_is_better_and_what_to_compare_by_a_metric_says():
    assert [higher_is_better(f"test_{measure}") for measure in ("accuracy", "r2", "rmse", "loss")] == [1, 1, 0, 0]
    assert headline(["val_loss", "test_accuracy"]) == "accuracy"
    assert headline(["val_loss", "val_rmse", "val_r2"]) == "rmse"
    assert [words(name) for name in ("val_rmse", "r2", "test_accuracy")] == ["val RMSE", "R²", "test accuracy"]


def test_the_diagnosis_speaks_of_r2():
    epochs = np.arange(11.0)
    falling = np.exp(-epochs)
    metrics = {"epoch": epochs, "train_loss": falling, "val_loss": falling + 0.3}
    metrics |= {"train_r2": 1 - falling, "val_r2": 0.7 - falling}
    assert "R² 1.0000 against 0.7000" in overfitting(metrics)


def test_classification_has_no_scale():
    assert divide(digits(), Division(test_fraction=0.2)).scale == (0.0, 1.0)
