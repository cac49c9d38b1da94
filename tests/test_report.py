"""Pictures and sentences, from files alone."""

import itertools
import re
import subprocess

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from regab.analysis.diagnosis import diagnosis, overfitting, smoothed, underfitting
from regab.records.load import load_metrics
from regab.report.figures import comparison, curves
from regab.report.figures.style import method_colours
from regab.report.summary import cell, table
from tests.conftest import SMALL, python

EPOCHS = np.arange(31.0)


def run(val, train=None, gap=0.0):
    train = np.exp(-EPOCHS / 3) + 0.01 if train is None else train
    accuracy = np.full(31, 0.9)
    return {
        "epoch": EPOCHS, "train_loss": train, "val_loss": val, "train_objective": train + 0.1,
        "train_accuracy": accuracy + gap, "val_accuracy": accuracy,
        "l1_norm": 10 + EPOCHS, "l2_norm": 2 + EPOCHS, "overfitting_score": val / np.maximum(train, 1e-9),
    }  # fmt: skip


def test_a_rising_validation_loss_is_called_overfitting():
    sentence = overfitting(run(0.5 + 0.001 * (EPOCHS - 10) ** 2))
    assert re.match(r"It overfits: after epoch (9|10) the validation loss rose by 7\d%", sentence)
    assert "while the training loss fell" in sentence


def test_a_falling_one_is_not_and_neither_are_single_bad_epochs():
    falling = np.exp(-EPOCHS / 10) + 0.3
    assert overfitting(run(falling)).startswith("It does not overfit")
    bad = falling.copy()
    bad[[12, 30]] *= 1.3
    assert overfitting(run(bad)).startswith("It does not overfit")


def test_losses_of_zero_are_no_overfitting_and_a_rise_from_zero_has_no_share():
    zero, later = np.zeros(31), np.where(EPOCHS > 20, 0.5, 0.0)
    assert overfitting(run(zero, train=zero)).startswith("It does not overfit")
    falls = run(later, train=np.exp(-EPOCHS / 5))
    assert "rose, from 0 to 0.5, while" in overfitting(falls)
    assert "epoch 0 and rises after it (validation loss 0.497 above" in diagnosis([falls])
    assert "times it" not in diagnosis([run(later, train=zero)])


def test_a_rise_of_both_losses_is_no_overfitting():
    rising = 0.5 + 0.001 * (EPOCHS - 10) ** 2
    both = run(rising, train=rising)
    said = r"gets worse on all data: after epoch (9|10) the validation loss rose from 0.50\d to 0.86\d and the training"
    assert re.match(f"It does not overfit, but {said} loss rose", overfitting(both))
    assert diagnosis([both, both]).startswith("Gets worse on all data in 2 of 2 runs, validation loss being lowest at")
    assert underfitting([both]) == ""  # whatever its accuracies are
    assert "worse" not in diagnosis([run(np.exp(-EPOCHS / 10) + 0.3)])


def test_a_gap_without_a_rise_is_said():
    assert "but its validation loss is not rising" in overfitting(run(np.exp(-EPOCHS / 10) + 0.3, gap=0.08))


def test_without_validation_data_nothing_is_claimed():
    assert "cannot be said" in overfitting(run(np.full(31, np.nan)))


def test_smoothing_is_a_running_median():
    curve = np.array([1.0, 9.0, 2.0, 3.0, 4.0, 5.0])
    assert smoothed(curve).tolist() == [1.0, 2.0, 3.0, 4.0, 4.0, 4.0]
    assert smoothed(np.array([1.0, 2.0])).tolist() == [1.0, 1.5]


def test_smoothing_leaves_out_what_was_not_measured():
    random = np.random.default_rng(0)
    curve = np.where(random.random(40) < 0.4, np.nan, random.normal(size=40))
    curve[20:27] = np.nan
    inner = [
        np.nanmedian(curve[i - 2 : i + 3]) if not np.isnan(curve[i - 2 : i + 3]).all() else np.nan for i in range(2, 38)
    ]
    assert np.array_equal(smoothed(curve)[2:38], inner, equal_nan=True)
    assert np.array_equal(smoothed(curve)[[0, 1]], [curve[0], np.nanmedian(curve[:3])], equal_nan=True)


def test_curves_show_the_losses_and_mark_the_selected_epoch():
    axes = Figure().subplots()
    metrics = run(0.5 + 0.001 * (EPOCHS - 10) ** 2)
    curves.losses(axes, metrics, selected=10)
    lines = {line.get_label(): line for line in axes.get_lines()}
    np.testing.assert_array_equal(lines["validation"].get_ydata(), metrics["val_loss"])
    np.testing.assert_array_equal(lines["training"].get_ydata(), metrics["train_loss"])
    np.testing.assert_array_equal(lines["training objective"].get_ydata(), metrics["train_objective"])
    assert list(lines["selected: epoch 10"].get_xdata()) == [10, 10]


def test_norms_begin_at_one_and_the_legend_has_their_values():
    axes = Figure().subplots()
    curves.norms(axes, run(np.ones(31)))
    assert [line.get_ydata()[0] for line in axes.get_lines()] == [1, 1]
    assert [line.get_label() for line in axes.get_lines()] == ["L1: 10 to 40", "L2: 2 to 32"]


def test_a_comparison_has_a_mean_per_variant_and_a_dot_per_seed():
    left, right = Figure().subplots(1, 2)
    styles = {
        "a": {"color": "k", "linestyle": "-", "marker": "o"},
        "b": {"color": "r", "linestyle": ":", "marker": "s"},
    }
    groups = {"a": [np.array([9.0, 1.0, 3.0]), np.array([9.0, 3.0])], "b": [np.array([9.0, 2.0, 2.0])]}
    comparison.validation_curves(left, groups, styles)
    assert [line.get_ydata().tolist() for line in left.get_lines()] == [[2.0, 3.0], [2.0, 2.0]]
    comparison.scores(right, {"a": [0.9, 0.7]}, styles, "test_accuracy")
    np.testing.assert_allclose(sorted(right.collections[0].get_offsets()[:, 0]), [70, 90])
    assert right.get_lines()[0].get_xdata() == pytest.approx([80, 80])
    assert [label.get_text() for label in right.get_yticklabels()] == ["a"]


def test_eight_methods_have_eight_colours_and_one_its_own_in_every_report():
    names = ["dropout", "l2", "norm", "weight_decay", "mixup", "cutout", "swa", "shift_flip_crop"]
    assert len(set(method_colours(names).values())) == 8
    assert method_colours(["dropout", "mine"])["dropout"] == method_colours(["l2", "dropout"])["dropout"]


def test_tables_are_aligned():
    lines = table([["", "a"], ["name", "1.5"]]).splitlines()
    assert lines == ["        a", "---------", "name  1.5"]
    assert (cell("val_accuracy", 0.98765), cell("val_loss", 0.0123456), cell("val_loss", None)) == (
        "98.77%",
        "0.01235",
        "-",
    )


def test_a_file_cut_short_is_read_up_to_its_last_whole_line(regab):
    folder = regab("train", *SMALL, "curves=false").folder
    whole = load_metrics(folder)
    file = folder / "metrics.csv"
    file.write_text(file.read_text()[:-40])
    short = load_metrics(folder)
    assert len(short["epoch"]) == len(whole["epoch"]) - 1
    np.testing.assert_array_equal(short["val_loss"], whole["val_loss"][:-1])


@pytest.mark.slow
def test_pictures_are_drawn_without_torch(regab):
    run_folder = regab("train", *SMALL, "curves=false").folder
    sweep_folder = regab("train", "-m", *SMALL, "seed=0,1").folder
    assert not (sweep_folder / "comparison.png").exists()
    code = (
        "import sys; from pathlib import Path\n"
        "from regab.report.figures.curves import draw_curves\nfrom regab.report.report import report_sweep\n"
        f"draw_curves(Path({str(run_folder.absolute())!r}))\n"
        f"report_sweep(Path({str(sweep_folder.absolute())!r}), print)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run(python("-c", code), check=True)
    assert (run_folder / "curves.png").stat().st_size > 20_000
    assert (sweep_folder / "comparison.png").stat().st_size > 10_000


def test_the_comparison_cuts_nothing_that_it_draws():
    random = np.random.default_rng(0)
    for scale, epochs in ((1.0, 3), (1.0, 40), (30.0, 12)):
        axes = Figure().subplots()
        curves = {"a": [1 + scale * np.exp(-np.arange(epochs + 1.0)) * random.uniform(0, 2) for _ in range(4)]}
        comparison.validation_curves(axes, curves, {"a": {"color": "k", "linestyle": "-", "marker": "o"}})
        low, high = axes.get_ylim()
        table = np.stack(curves["a"])[:, 1:]
        top, bottom = table.mean(0) + table.std(0), table.mean(0) - table.std(0)
        assert high >= top.max()
        assert low <= bottom[bottom > 0].min()


@pytest.mark.parametrize("reach", [1e-7, 0.25, 1234.0])
def test_labels_of_the_histogram_of_weights_do_not_overlap(reach):
    drawn = Figure(figsize=(12, 7.4), dpi=120, layout="constrained")
    axes = drawn.subplot_mosaic("AAABBB;CCDDEE", height_ratios=[1.25, 1])["E"]
    curves.weights(axes, {"counts": [1] * 80, "edges": np.linspace(-1.3 * reach, reach, 81).tolist()})
    FigureCanvasAgg(drawn).draw()
    boxes = sorted((label.get_window_extent() for label in axes.get_xticklabels()), key=lambda box: box.x0)
    assert len(boxes) > 2
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))


@pytest.mark.slow
def test_a_report_refuses_in_a_line_what_it_would_have_to_ignore_or_turn_round(regab, tmp_path):
    sweep = regab("train", "-m", *SMALL, "reg.dropout=0,0.5").folder
    before = {name: (sweep / name).read_text() for name in ("report.html", "factors.csv", "results.csv", "looks.json")}
    for words, message in (
        (("--direction", "down"), "direction=down: of test_accuracy more is better"),
        (("--metric", "val_loss", "--direction", "up"), "direction=up: of val_loss less is better"),
        (("--factors", "reg.dropout.rate"), "--factors: is for tables made elsewhere"),
        (("--seed", "seed"), "--seed: is for tables made elsewhere"),
    ):
        done = regab("report", str(sweep), *words)
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert message in done.err
    assert {name: (sweep / name).read_text() for name in before} == before
    assert regab("report", str(sweep), "--direction", "up", "--to", str(tmp_path / "up")).code == 0


@pytest.mark.slow
def test_single_runs_are_compared_by_the_folder_that_has_them_and_nothing_else(regab, tmp_path):
    runs = {0: tmp_path / "runs" / "none", 0.5: tmp_path / "runs" / "half"}
    for rate, folder in runs.items():
        assert regab("train", *SMALL, f"reg.dropout={rate}", f"hydra.run.dir={folder}").code == 0
    alone = regab("report", *map(str, runs.values()))
    assert (alone.code, alone.err.count("\n")) == (2, 1)
    assert "all single runs in a folder are compared by regab report runs" in alone.err
    together = regab("report", str(tmp_path / "runs"), "--to", str(tmp_path / "report"))
    assert together.code == 0
    assert re.search(r"dropout\.rate=0\.5 .* too few seeds", together.out)
    assert "Add seeds: a verdict needs three." in together.out
    assert "--resume" not in together.out  # which goes on with sweeps
    regab("train", "-m", *SMALL, "reg.dropout=0,0.5", f"hydra.sweep.dir={tmp_path / 'runs' / 'sweep'}")
    mixed = regab("report", str(tmp_path / "runs"))
    assert (mixed.code, mixed.err.count("\n")) == (2, 1)
    assert "holds sweeps beside single runs; give one, as" in mixed.err


def test_the_comparison_shows_a_single_epoch():
    axes = Figure().subplots()
    comparison.validation_curves(
        axes, {"a": [np.array([2.0, 1.0])]}, {"a": {"color": "k", "linestyle": "-", "marker": "s"}}
    )
    (line,) = axes.get_lines()
    assert (line.get_marker(), line.get_markevery(), [*line.get_xydata()[0]]) == ("s", 1, [1.0, 1.0])
