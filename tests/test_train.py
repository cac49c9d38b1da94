"""``regab train`` for one run: its files, its summary, its numbers."""

import csv
import json
import math

import numpy as np
import pytest
import torch
import yaml

from regab.models.mlp import MLP
from regab.records.columns import columns
from regab.training import loop
from regab.training.assembly.setup import set_up
from regab.training.evaluate import evaluate, weight_metrics
from regab.training.watch import divergence
from tests.conftest import DATA, SMALL, curves, needs_mnist

COLUMNS = columns(["accuracy"])
QUICK = (*SMALL, "curves=false")


def rows(folder):
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_leaves_its_files_and_a_summary(regab):
    result = regab("train", *SMALL, "curves=null")
    assert result.code == 0
    assert {f.name for f in result.folder.iterdir()} == {
        ".hydra",
        ".regab",
        "metrics.csv",
        "result.json",
        "curves.png",
        "model.pt",
        "encoding.json",
    }
    assert "test accuracy" in result.out
    assert "overfit" in result.out
    assert str(result.folder.name) in result.out


def test_metrics_have_designs_columns_and_one_dense_row_per_epoch(regab):
    table = rows(regab("train", *QUICK, "epochs=3").folder)
    assert list(table[0]) == COLUMNS
    assert " ".join(COLUMNS) == (
        "epoch step lr train_objective train_loss train_accuracy val_loss val_accuracy test_loss test_accuracy "
        "generalization_gap overfitting_score l1_norm l2_norm regularization_effect zero_fraction grad_norm seconds"
    )
    assert [row["epoch"] for row in table] == ["0", "1", "2", "3"]
    assert [row["step"] for row in table] == ["0", "5", "10", "15"]
    empty = {name for name in COLUMNS if not table[0][name]}
    assert empty == {"train_objective", "grad_norm"}  # nothing has been trained yet
    for row in table:
        number = {name: float(row[name] or "nan") for name in COLUMNS}
        assert number["generalization_gap"] == number["val_loss"] - number["train_loss"]
        assert number["overfitting_score"] == number["val_loss"] / number["train_loss"]
        assert number["regularization_effect"] == pytest.approx(number["l2_norm"] ** 2 / number["l1_norm"], rel=1e-5)
    assert all(row[name] for row in table[1:] for name in COLUMNS)


def test_the_result_holds_what_identifies_and_what_came_out(regab):
    words = ("reg.early_stopping=1", "reg.norm=batch", "optimizer.lr=0.3", "epochs=12")
    folder = regab("train", *QUICK, *words).folder
    result, table = json.loads((folder / "result.json").read_text()), rows(folder)
    assert result["status"] == "finished"
    assert result["ended"] == "stopped early"
    assert result["last"]["epoch"] == len(table) - 1 < 12
    best = min(table[1:], key=lambda row: float(row["val_loss"]))
    assert result["selected"]["epoch"] == int(best["epoch"])
    assert result["selected"]["val_loss"] == float(best["val_loss"])
    assert result["parameters"] == 64 * 16 + 16 + 2 * 16 + 160 + 10
    assert result["seconds"] == pytest.approx(sum(float(row["seconds"]) for row in table))
    assert result["versions"]["torch"] == torch.__version__
    assert (result["stack_size"], result["device"], result["threads"]) == (1, "cpu", 1)
    assert sum(result["weights"]["counts"]) == 64 * 16 + 160


def test_the_model_file_holds_the_selected_epoch_and_loads_as_weights_only(regab, configure):
    words = (*QUICK, "reg.early_stopping=1", "optimizer.lr=0.3", "epochs=8")
    folder = regab("train", *words).folder
    result = json.loads((folder / "result.json").read_text())
    assert result["selected"]["epoch"] != result["last"]["epoch"]
    model = MLP((1, 8, 8), 10, [16])
    model.load_state_dict(torch.load(folder / "model.pt", weights_only=True))
    from regab.training.assembly.data import load_data

    val = load_data(configure(*words)["data"], torch.device("cpu")).val
    with torch.no_grad():
        loss = torch.nn.functional.cross_entropy(model(val.x), val.y).item()
    assert loss == pytest.approx(result["selected"]["val_loss"], rel=1e-5)


def test_the_resolved_configuration_is_kept(regab):
    folder = regab("train", *QUICK, "reg.dropout=0.25").folder
    config = yaml.safe_load((folder / ".hydra" / "config.yaml").read_text())
    assert config["reg"]["dropout"]["rate"] == 0.25
    assert config["optimizer"]["lr"] == 0.001
    assert "reg.dropout.rate=0.25" in yaml.safe_load((folder / ".hydra" / "overrides.yaml").read_text())


@pytest.mark.parametrize("batch_size", [1000, 149, 7])
def test_batch_sizes_that_do_not_divide_or_exceed_the_data_work(configure, batch_size):
    (run,) = curves(configure(*SMALL, f"batch_size={batch_size}", "reg.norm=batch"))
    per_epoch = {1000: 1, 149: 1, 7: 22}[batch_size]  # of 150 examples, 149 leave a single one over
    assert run["step"].tolist() == [0, per_epoch, 2 * per_epoch]


@pytest.mark.parametrize(
    ("optimizer", "schedule"),
    [("adam", "constant"), ("adam", "step"), ("adam", "plateau"), ("sgd", "cosine"), ("sgd", "one_cycle")],
)
def test_every_schedule_trains(configure, schedule, optimizer):
    (run,) = curves(configure(*SMALL, f"schedule={schedule}", f"optimizer={optimizer}", "epochs=3"))
    assert run["train_loss"][-1] < run["train_loss"][0]


@pytest.mark.parametrize(
    ("words", "columns"),
    [
        (["data.val_fraction=0"], {"val_loss", "val_accuracy", "generalization_gap", "overfitting_score"}),
        (["data.test_fraction=0"], {"test_loss", "test_accuracy"}),
    ],
)
def test_without_validation_or_test_data_their_columns_are_empty(regab, words, columns):
    result = regab("train", *SMALL, *words)
    assert result.code == 0
    assert {name for name in COLUMNS if not rows(result.folder)[-1][name]} == columns


@pytest.mark.parametrize(("data", "model"), [("wine", "linear"), ("breast_cancer", "mlp"), ("digits", "linear")])
def test_embedded_data_sets_are_learned(configure, data, model):
    (run,) = curves(configure(f"data={data}", f"model={model}", "epochs=30", "optimizer.lr=1e-2"))
    assert run["test_accuracy"][-1] > 0.93


def test_the_reason_names_what_is_not_finite(regab):
    result = regab("train", *QUICK, "reg.weight_decay=1e10", "optimizer=sgd", "optimizer.lr=1e12")
    name, _, value = result.err.strip().partition("epoch 1: ")[2].partition(" is ")
    assert not math.isfinite(float(value))
    assert float(rows(result.folder)[-1][name]) == pytest.approx(float(value), nan_ok=True)


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_run_whose_loss_on_other_data_is_no_number_has_diverged(small, monkeypatch, split):
    def broken(*arguments):
        return evaluate(*arguments) | {f"{split}_loss": torch.tensor([math.nan], dtype=torch.float64)}

    monkeypatch.setattr(loop, "evaluate", broken)
    records = [record for (record,) in loop.train(set_up([small({"epochs": 3})]))]
    assert [record.ended for record in records] == ["", "diverged"]
    assert divergence(records[-1].values) == f"{split}_loss is nan"


def test_a_diverging_run_is_marked_failed_with_its_epoch(regab):
    result = regab("train", *QUICK, "optimizer.lr=1e20")
    assert result.code == 1
    assert result.err == "regab: diverged in epoch 1: train_objective is nan\n"
    assert (result.folder / "error.txt").read_text().startswith("diverged in epoch 1")
    assert not (result.folder / "result.json").exists()
    assert math.isnan(float(rows(result.folder)[-1]["train_loss"]))


def test_two_runs_in_the_same_second_have_folders_of_their_own(regab):
    folders = {regab("train", *QUICK, "epochs=1").folder for _ in range(3)}
    assert len(folders) == 3


def test_a_folder_may_be_chosen(regab, tmp_path):
    assert regab("train", *QUICK, "hydra.run.dir=here").code == 0
    assert (tmp_path / "here" / "result.json").is_file()


def test_the_same_command_gives_the_same_numbers(regab):
    words = (*QUICK, "reg.dropout=0.3", "reg.rotate_zoom=10")
    first, second = (rows(regab("train", *words).folder) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        assert a | {"seconds": ""} == b | {"seconds": ""}


@pytest.mark.slow
def test_the_default_run_reaches_97_percent_on_digits(regab):
    for seed in range(3):
        folder = regab("train", f"seed={seed}", "curves=false").folder
        assert float(rows(folder)[-1]["test_accuracy"]) >= 0.97


@pytest.mark.slow
@needs_mnist
def test_dropout_on_mnist_reaches_97_5_percent_in_10_epochs(regab):
    words = ("data=mnist", f"data.root={DATA}", "model=mlp", "reg.dropout=0.5", "epochs=10", "curves=false")
    assert float(rows(regab("train", *words).folder)[-1]["test_accuracy"]) >= 0.975


@pytest.mark.slow
@needs_mnist
def test_a_thousand_images_without_regularization_are_overfitted_and_the_summary_says_so(regab):
    words = ("data=mnist", f"data.root={DATA}", "model=mlp", "data.n_train=1000", "epochs=40", "curves=false")
    assert "It overfits: after epoch" in regab("train", *words).out


def test_the_gradient_is_measured_before_it_is_clipped(small):
    one_step = {"batch_size": 200, "epochs": 1}  # whose gradient is that of the initial weights
    free, clipped = (curves(small(one_step | {"reg.gradient_clipping.limit": limit}))[0] for limit in (math.inf, 0.01))
    assert clipped["grad_norm"][1] == free["grad_norm"][1] > 0.01
    assert clipped["l2_norm"][1] != free["l2_norm"][1]


def test_what_is_said_of_weights_is_what_numpy_finds():
    weights = torch.randn(3, 50)[:, :40] * (torch.rand(3, 40) < 0.7)
    weights[1] = 1.0
    found, exact = weight_metrics(weights), weights.double().numpy()
    np.testing.assert_allclose(found["l1_norm"], np.abs(exact).sum(1), rtol=1e-6)
    np.testing.assert_allclose(found["l2_norm"], np.linalg.norm(exact, axis=1), rtol=1e-6)
    assert torch.equal(found["zero_fraction"], torch.from_numpy((exact == 0).sum(1) / np.float32(40)).float().double())
