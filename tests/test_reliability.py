"""What is kept of calibration, and drawn of it; rare classes and metrics from the command line to the report."""

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from regab.data.split import Split
from regab.records.results import load_results
from regab.report.figures.reliability import calibration_error, pooled, reliability
from regab.tasks.classification import Classification
from regab.training.assembly.setup import set_up
from regab.training.calibration import calibration, counted
from regab.training.loop import train
from regab.training.watch import DIVERGED
from tests.conftest import SMALL

QUICK = (*SMALL, "curves=false", "stack.workers=0")
MEASURED = {"metrics.names": ["accuracy", "ece"], "data.test_fraction": 0.2}


def ended(configs):
    """Calibration of every run, counted in the epoch in which it ended, and what was measured in its selected one."""
    training, found = set_up(configs), {}
    for records in train(training):
        runs = [r.run for r in records if r.ended not in ("", DIVERGED)]
        for run, bins in calibration(training, runs).items():
            selected = next(r.selected for r in records if r.run == run)
            found[run] = bins, training.watch.rows(selected)[training.watch.lane[run]]
    return found, training


@pytest.mark.parametrize("patience", [(float("inf"),), (1.0, 3.0, float("inf"))])
def test_calibration_is_that_of_the_selected_epoch_of_each_run(small, patience):
    """Runs that differ in patience share a lane, and end in different epochs."""
    changes = MEASURED | {"epochs": 10, "optimizer.lr": 0.2}
    configs = [
        small(changes | {"reg.early_stopping.patience": p, "seed": seed, "reg.dropout.rate": 0.2 * seed})
        for seed in (0, 1)
        for p in patience
    ]
    found, training = ended(configs)
    assert sorted(found) == list(range(len(configs)))
    for bins, row in found.values():
        assert bins["split"] == "test"
        assert sum(bins["count"]) == len(training.data.test)
        assert sum(bins["right"]) / sum(bins["count"]) == pytest.approx(row["test_accuracy"])
        assert calibration_error(bins) == pytest.approx(row["test_ece"], abs=1e-6)
    if len(patience) > 1:
        assert len({row["epoch"] for _, row in found.values()}) > 2
    assert training.stack.skeleton.training


def test_it_changes_nothing_that_is_trained(small):
    def curves(counting):
        training = set_up([small(MEASURED | {"reg.dropout.rate": 0.3, "epochs": 3, "reg.norm.kind": "batch"})])
        for _ in train(training):
            if counting:
                calibration(training, [0])
        return training.stack.values

    assert torch.equal(curves(True), curves(False))


def test_validation_data_where_there_are_no_others_and_nothing_of_numbers(small):
    found, _ = ended([small({"epochs": 1, "data.test_fraction": 0.0})])
    assert found[0][0]["split"] == "val"
    assert ended([small({"epochs": 1, "data": {"_target_": "regab.data.embedded.diabetes"}})])[0] == {}


class Sure:
    """Outputs that are its inputs, and twice them."""

    size, activations = 2, 0

    def __call__(self, x, shared):
        return torch.stack([x, 2 * x])


def test_every_example_is_counted_where_it_belongs():
    p = torch.tensor([0.99, 0.61, 0.5, 1 - 1e-12])
    outputs = torch.stack([(p.double() / (1 - p.double())).log().clamp(max=80), torch.zeros(4)], 1)
    one, two = counted(Sure(), Split(outputs, torch.tensor([0, 1, 0, 1])), Classification())
    assert one[0].nonzero()[:, 0].tolist() == [7, 9, 14]  # 0.5, 0.61, and two of nearly 1
    assert (one[0, 14], one[1, 14], one[1, 9], one[1, 7]) == (2, 1, 0, 1)
    assert one[2, 9].item() == pytest.approx(0.61)
    assert two[2, 10].item() == pytest.approx(0.61**2 / (0.61**2 + 0.39**2))


def bins(count, right, confidence):
    empty = [0] * 12
    return {"count": [*empty, *count], "right": [*empty, *right], "confidence": [None] * 12 + confidence}


RUNS = [bins([0, 10, 30], [0, 8, 30], [None, 0.9, 0.98]), bins([4, 10, 26], [1, 8, 26], [0.82, 0.88, 0.99])]


def test_runs_of_a_variant_are_pooled_example_by_example():
    sure, right, count = pooled(RUNS)
    assert count.tolist() == [4, 20, 56]
    assert right.tolist() == [0.25, 0.8, 1.0]
    assert sure.tolist() == pytest.approx([0.82, 0.89, (30 * 0.98 + 26 * 0.99) / 56])
    assert calibration_error(RUNS[0]) == pytest.approx(0.25 * 0.1 + 0.75 * 0.02)
    assert calibration_error(RUNS[1]) == pytest.approx((4 * 0.57 + 10 * 0.08 + 26 * 0.01) / 40)


def test_the_diagram_shows_these_numbers():
    axes = Figure().subplots()
    reliability(axes, SimpleNamespace(colour="#123456", short="dropout.rate=0.5"), RUNS)
    _, first, second, together = axes.lines
    assert [len(line.get_xdata()) for line in (first, second, together)] == [2, 3, 3]
    assert np.asarray(together.get_ydata()).tolist() == [0.25, 0.8, 1.0]
    (dots,) = axes.collections
    assert dots.get_sizes().tolist() == sorted(dots.get_sizes().tolist())
    assert axes.texts[0].get_text() == f"ECE {(calibration_error(RUNS[0]) + calibration_error(RUNS[1])) / 2:.1%}"


@pytest.mark.slow
def test_metrics_from_the_command_line_to_the_report(regab):
    asked = ("metrics=[f1,auroc,ece]", "headline=auroc", "reg.label_smoothing=0,0.3", "--seeds", "2")
    sweep = regab("train", "-m", *QUICK, *asked)
    assert sweep.code == 0, sweep.err
    assert "test AUROC" in sweep.out
    rows = load_results(sweep.folder)
    assert all(0.5 < float(row["selected_test_auroc"]) <= 1 for row in rows)
    said = regab("report", str(sweep.folder), "--metric", "test_ece")
    assert (said.code, said.err) == (0, "")
    assert "test ECE" in said.out
    assert (sweep.folder / "figures" / "reliability.svg").is_file()
    assert "Calibration: accuracy by confidence" in (sweep.folder / "report.html").read_text()
    one = json.loads((sweep.folder / rows[0]["folder"] / "result.json").read_text())
    assert calibration_error(one["calibration"]) == pytest.approx(one["selected"]["test_ece"], abs=1e-6)


@pytest.mark.slow
def test_a_rare_class_is_said_and_balanced_accuracy_is_the_headline(regab, tmp_path):
    rows = [(i % 7, (i * i) % 11, "yes" if i % 25 == 0 else "no") for i in range(200)]
    with (tmp_path / "rare.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("a", "b", "bought"), *rows])
    data = ("data=csv", "data.path=rare.csv", "data.label=bought", "model=linear", "epochs=1", "stack.workers=0")
    words = "only 4.0% of the examples for training are 'yes'; always saying 'no' gets an accuracy of 96.0%"
    sweep = regab("train", "-m", *data, "reg.dropout=0,0.3", "reg.dropout.where=output")
    assert sweep.code == 0, sweep.err
    assert f"data: {words}" in sweep.out + sweep.err
    assert f"Imbalanced classes: {words}." in sweep.out
    assert "test balanced accuracy" in sweep.out
    assert "Imbalanced classes" in (sweep.folder / "report.html").read_text()
    assert "test accuracy" in regab("report", str(sweep.folder), "--metric", "test_accuracy").out
    single = regab("train", *data, "curves=false", "headline=accuracy")
    assert f"Imbalanced classes: {words}." in single.out
