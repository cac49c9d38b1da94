"""Every figure shows the numbers that it was given."""

import math

import numpy as np
import pandas as pd
import pytest
from matplotlib import image as mpl_image
from matplotlib.figure import Figure

from regab.analysis.confounds import confounds
from regab.analysis.diagnosis import at_the_edge, diagnosis, underfitting
from regab.regularizers import methods
from regab.report.figures import catalogue, cocktail, fits, forest, responses, weights
from regab.report.figures.rows import PANELS, ROWS, drawn_of, note_left_out, note_panels_left_out, paneled_of
from regab.report.figures.style import label_outer
from regab.report.sentences import interval, points
from regab.report.study import Options, Study
from regab.report.variant import Variant, method_of
from tests.sweeps import results

NONE = math.nan


def variant(name, difference=NONE, low=NONE, high=NONE, verdict="no evidence", **levels):
    keys = {f"reg.{method}": str(level) for method, level in levels.items()}
    effect = {"mean_difference": difference, "ci_low": low, "ci_high": high, "verdict": verdict}
    return Variant(name, {"reg.l2": "0"} | keys, [], effect, differs=keys, colour="#0072B2")


BASE = variant("baseline", verdict="baseline")
WEAK = variant("weak", 0.01, -0.01, 0.03, "no evidence", l2=0.1)
STRONG = variant("strong", 0.05, 0.02, 0.08, "helps", l2=0.5)


def test_a_forest_has_an_interval_and_a_word_per_variant_and_fills_what_is_sure():
    axes = Figure().subplots()
    forest.forest(axes, [WEAK, STRONG], "test_accuracy", practical=0.005)
    spans = [line.get_xdata() for line in axes.get_lines() if len(line.get_xdata()) == 2][1:]
    np.testing.assert_allclose(spans, [[-1, 3], [2, 8]])
    dots = [line for line in axes.get_lines() if len(line.get_xdata()) == 1]
    assert [dot.get_xdata()[0] for dot in dots] == pytest.approx([1, 5])
    assert [dot.get_markerfacecolor() for dot in dots] == ["white", "#0072B2"]
    assert [text.get_text() for text in axes.texts] == ["no evidence", "helps"]


def test_a_response_runs_through_the_baseline_and_the_strengths_in_order():
    axes = Figure().subplots()
    responses.strength(axes, "reg.l2", [STRONG, BASE, WEAK], "test_loss", "#0072B2")
    line = axes.get_lines()[-1]
    assert line.get_xdata().tolist() == [0, 0.1, 0.5]
    assert line.get_ydata().tolist() == [0, 0.01, 0.05]


def test_of_many_strengths_those_are_named_for_whose_names_there_is_room():
    many = [BASE, *(variant(str(i), i, i - 1, i + 1, l2=i / 1000) for i in range(1, 80))]
    axes = Figure().subplots()
    responses.strength(axes, "reg.l2", many, "test_loss", "#0072B2")
    names = [tick.get_text() for tick in axes.get_xticklabels()]
    assert len(axes.get_lines()[-1].get_xdata()) == 80
    assert names == ["0", "0.01", "0.02", "0.03", "0.04", "0.05", "0.06", "0.07"]
    assert sum(map(len, names)) <= responses.ROOM


def test_panels_of_equal_axes_are_labelled_on_the_left_and_below_the_last_of_each_column():
    panels = list(Figure().subplots(2, 3).flat)
    for axes in panels:
        axes.set(xlabel="x", ylabel="y")
    label_outer(panels[:5], 3)
    assert [axes.get_ylabel() for axes in panels[:5]] == ["y", "", "", "y", ""]
    assert [axes.get_xlabel() for axes in panels[:5]] == ["", "", "x", "x", "x"]


def test_an_interaction_stands_where_its_two_levels_meet():
    table = pd.DataFrame({
        "factor": ["reg.a", "reg.a", "reg.b"], "level": "1", "other": ["reg.b", "reg.c", "reg.c"], "other_level": "2",
        "effect": [0.01, -0.02, 0.0], "verdict": ["no evidence", "worse together", "no evidence"],
    })  # fmt: skip
    axes = Figure().subplots()
    responses.interaction_map(axes, table, "test_accuracy")
    np.testing.assert_allclose(axes.images[0].get_array().filled(np.nan), [[1, NONE], [-2, 0]])
    assert [text.get_text() for text in axes.texts] == ["+1.00", "−2.00*", "0.00"]


def run(train, val):
    train, val = np.asarray(train, dtype=float), np.asarray(val, dtype=float)
    scores = {"train_accuracy": 1 - train / 4, "val_accuracy": 1 - val / 4}
    return {"epoch": np.arange(len(train)), "train_loss": train, "val_loss": val, "l2_norm": train, **scores}


def test_curves_have_a_thin_line_per_run_and_their_mean_though_lengths_differ():
    axes = Figure().subplots()
    fits.train_and_validation(axes, BASE, [run([9, 2, 1], [9, 3, 2]), run([9, 4], [9, 5])])
    labelled = {line.get_label(): line.get_ydata().tolist() for line in axes.get_lines()}
    assert (labelled["training"], labelled["validation"]) == ([3, 1], [4, 2])
    assert len(axes.get_lines()) == 6


def test_a_single_epoch_is_drawn_as_points_at_a_whole_number():
    drawn = Figure()
    axes = drawn.subplots()
    fits.train_and_validation(axes, BASE, [run([9, 2], [9, 3]), run([9, 4], [9, 5])])
    assert {line.get_marker() for line in axes.get_lines()} == {"o"}
    assert [tick for tick in axes.get_xticks() if 0.9 < tick < 1.1] == [1]


@pytest.mark.parametrize(("highest", "scale"), [(5.0, "linear"), (1e9, "log")])
def test_curves_that_span_much_are_drawn_on_a_logarithmic_scale(highest, scale):
    panels = Figure().subplots(1, 2, sharey=True)
    for axes, top in zip(panels, (3.0, highest), strict=True):
        fits.train_and_validation(axes, BASE, [run([9, 2, 2, top], [9, 3, 3, top])])
    fits.same_scale(panels)
    assert [axes.get_yscale() for axes in panels] == [scale, scale]
    low, high = panels[0].get_ylim()
    assert low < 2
    assert high > highest


def test_gaps_costs_weights_and_compositions_show_what_they_are_given():
    left, right = Figure().subplots(1, 2)
    fits.gaps(left, {BASE: [0.1, 0.3], STRONG: [0.0]})
    bars = [line.get_xdata()[0] for line in left.get_lines() if line.get_linestyle() == "-"][1:]
    assert bars == pytest.approx([0.2, 0.0])
    fits.cost_and_gain(right, {BASE: (2.0, [0.5, 0.7]), STRONG: (3.0, [0.8])}, "test_accuracy")
    assert [(*c.lines[0].get_xydata()[0],) for c in right.containers] == [(2.0, pytest.approx(60)), (3.0, 80.0)]
    left, right = Figure().subplots(1, 2)
    weights.histograms(left, {BASE: {"edges": [0, 1, 3], "counts": [2, 4]}})
    np.testing.assert_allclose(left.get_lines()[0].get_ydata(), [1 / 3, 1 / 3])
    cocktail.composition(right, [BASE, STRONG], {"l2": "#E69F00"})
    assert [text.get_text() for text in right.texts] == ["0.5"]


def test_stopping_rules_are_drawn_by_what_they_save():
    rows = [("gl", 1.0, 0.5, -0.02), ("patience", 2.0, 0.4, 0.01), ("patience", 1.0, 0.8, -0.03)]
    table = pd.DataFrame(rows, columns=["rule", "threshold", "share_saved", "mean_difference"])
    axes = Figure().subplots()
    fits.stopping_rules(axes, table.assign(ci_low=-0.1, ci_high=0.1), "test_accuracy")
    lines = {line.get_label(): line for line in axes.get_lines()}
    np.testing.assert_allclose(lines["patience"].get_xydata(), [[40, 1], [80, -3]])
    np.testing.assert_allclose(lines["GL"].get_xydata(), [[50, -2]])


def test_differences_are_written_in_points_with_a_true_minus_and_no_signed_zero():
    assert points("test_accuracy", -0.01234) == "−1.23"
    assert points("test_accuracy", -0.000001) == "0.00"
    assert points("test_rmse", 0.5) == "+0.5"
    assert interval("val_loss", {"ci_low": -0.5, "ci_high": 0.25}) == "−0.5 to +0.25"
    assert interval("val_loss", {"ci_low": NONE, "ci_high": NONE}) == ""


def test_a_key_belongs_to_its_method():
    keys = ["reg.dropout.rate", "reg.extra.mine.much", "optimizer.lr", "reg"]
    assert [method_of(key) for key in keys] == ["dropout", "mine", "optimizer.lr", "reg"]


RISING = [2.0, 1.0, 0.9, *np.linspace(1.0, 2.0, 18)]
FALLING = np.linspace(2, 0.5, 21)


def test_a_variants_diagnosis_counts_the_runs_that_overfit():
    found = diagnosis([run(FALLING, RISING), run(FALLING, FALLING + 0.01)])
    assert found.startswith("Overfits in 1 of 2 runs")
    assert diagnosis([run(FALLING, FALLING + 0.01)]).startswith("Does not overfit")
    assert diagnosis([run(FALLING, FALLING + 0.4)]).startswith("Fits training data better")
    assert "cannot be said" in diagnosis([run(FALLING, np.full(21, NONE))])


def test_a_baseline_without_a_gap_underfits_and_is_told_what_to_do():
    assert underfitting([run(FALLING, FALLING)]).endswith("train longer first.")
    flat = np.minimum(FALLING, 0) + 0.5
    assert underfitting([run(flat, flat)]).endswith("take a larger model first.")
    assert underfitting([run(FALLING, FALLING + 0.4)]) == ""
    assert underfitting([run(FALLING, RISING)]) == ""


def test_the_best_strength_at_an_edge_is_to_be_widened():
    assert "the highest that was tried, 0.5" in at_the_edge("l2", {0: 1, 0.1: 2, 0.5: 3}, off=0, upwards=True)
    assert "the lowest that was tried, 0.1" in at_the_edge("l2", {0: 3, 0.1: 1, 0.5: 2}, off=0, upwards=False)
    assert at_the_edge("l2", {0: 1, 0.1: 2, 0.2: 3, 0.5: 2}, off=0, upwards=True) == ""
    assert at_the_edge("l2", {0: 3, 0.1: 2, 0.5: 1}, off=0, upwards=True) == ""
    assert at_the_edge("patience", {math.inf: 3, 5: 2, 10: 1}, off=math.inf, upwards=True) == ""


def config(optimizer="SGD", val_fraction=0.2, **reg):
    neutral = {name: {} for name in methods()}
    target = {"_target_": f"regab.training.optimizer.{optimizer}", "lr": 0.1}
    return {"reg": neutral | reg, "optimizer": target, "data": {"val_fraction": val_fraction}}


@pytest.mark.parametrize(
    ("changed", "paper"),
    [
        ({"dropout": {"rate": 0.5, "where": "hidden"}, "norm": {"kind": "batch"}}, "Li, Chen, Hu & Yang 2019"),
        ({"optimizer": "Adam", "l2": {"strength": 0.1}}, "Loshchilov & Hutter 2019"),
        ({"weight_decay": {"strength": 0.1, "scope": "all"}}, "He et al. 2019"),
        ({"norm": {"kind": "layer"}, "l2": {"strength": 0.1}}, "van Laarhoven 2017"),
        ({"norm": {"kind": "batch"}}, "Ioffe & Szegedy 2015"),
    ],
)
def test_a_confound_is_named_with_its_paper_and_only_where_it_is(changed, paper):
    found = confounds({"baseline": config(), "it": config(**changed)}, {"baseline": 3, "it": 3}, [])
    assert any(paper in sentence for sentence in found)
    assert confounds({"baseline": config(), "other": config()}, {"baseline": 3, "other": 3}, []) == []


def test_unequal_seeds_and_missing_validation_data_are_said():
    both = {"baseline": config(val_fraction=0), "it": config(val_fraction=0)}
    found = confounds(both, {"baseline": 5, "it": 3}, [])
    assert ["unequal numbers of runs (3 to 5; fewest: it)" in s or "no validation data" in s for s in found] == [
        True,
        True,
    ]


@pytest.mark.parametrize("count", [PANELS, PANELS + 4])
def test_a_figure_of_panels_has_the_best_variants_and_the_baseline_and_says_so(tmp_path, count):
    better = {"reg.l2.strength": {str(level): level for level in range(count)}}
    study = Study([tmp_path], results(better, 3), Options())
    drawn, shown = Figure(), [v.levels["reg.l2.strength"] for v in paneled_of(study)]
    note_panels_left_out(drawn, study)
    said = drawn._supxlabel.get_text() if drawn._supxlabel else ""
    assert shown == (["0", *map(str, range(5, 20))] if count > PANELS else [*map(str, range(16))])
    assert ("best 15 of 20 variants" in said) == bool(said) == (count > PANELS)


def test_all_variants_are_named_beside_costs_and_gains(tmp_path):
    study = Study([tmp_path], results({"reg.l2.strength": {str(i): i for i in range(ROWS)}}, 3), Options())
    study.seconds = {v.name: 1 + 0.01 * i for i, v in enumerate(study.variants)}
    assert catalogue.FIGURES["cost"][1](study, tmp_path / "cost.svg")
    image = mpl_image.imread(tmp_path / "cost.png")[..., :3]
    assert (image[[0, 1, -2, -1]] > 0.99).all()  # nothing is cut off at the edges
    assert (image[:, [0, 1, -2, -1]] > 0.99).all()


@pytest.mark.parametrize("count", [ROWS, ROWS + 12])
def test_a_figure_has_rows_for_the_best_variants_and_the_baseline_and_says_so(tmp_path, count):
    better = {"reg.l2.strength": {str(level): level for level in range(count)}}
    study = Study([tmp_path], results(better, 3), Options())
    drawn, shown = Figure(), [v.levels["reg.l2.strength"] for v in drawn_of(study)]
    note_left_out(drawn, study)
    said = drawn._supxlabel.get_text() if drawn._supxlabel else ""
    if count == ROWS:
        assert shown == [v.levels["reg.l2.strength"] for v in study.variants]
        assert not said
    else:
        assert shown == ["0", *map(str, range(count - ROWS, count))]
        assert f"best {ROWS} of {count} variants" in said
