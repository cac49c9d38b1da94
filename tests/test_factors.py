"""What each factor does, first: lines, sentences, tables and drawings, from a table of results."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from regab.records.looks import Looks, save_looks
from regab.report.conclusions import verdict_sentences
from regab.report.factors import factor_levels, level_name
from regab.report.findings import findings
from regab.report.page.charts import even
from regab.report.page.drawings import costs, interactions, responses
from regab.report.page.page import page
from regab.report.report import factors_table
from regab.report.study import Options, Study
from regab.report.summary import factor_lines, sweep_summary
from tests.sweeps import results

NORM, DROPOUT, L2 = "reg.norm.kind", "reg.dropout.rate", "reg.l2.strength"
EFFECTS = {
    NORM: {"none": 0.0, "batch": 0.024},
    DROPOUT: {"0": 0.0, "0.2": 0.0, "0.5": -0.02},
    L2: {"0": 0.0, "0.1": 0.0},
}


def study(tmp_path, effects=EFFECTS, seeds=4, **options):
    made = results(effects, seeds, **{k: options.pop(k) for k in ("noise",) if k in options})
    return Study([tmp_path], made, Options(**options))


def with_interaction(table, both, more):
    """The results, in which these levels together have something more."""
    here = np.logical_and.reduce([table[factor] == level for factor, level in both.items()])
    return table.assign(selected_test_accuracy=table["selected_test_accuracy"] + more * here)


def test_a_level_is_called_as_on_a_command_line():
    assert level_name(NORM, "batch") == "norm=batch"
    assert level_name("reg.dropout.where", "hidden") == "dropout.where=hidden"
    assert level_name("optimizer.lr", "0.1") == "optimizer.lr=0.1"
    assert level_name("reg.extra.mine.strength", "1") == "extra.mine.strength=1"
    assert level_name("reg", "strong") == "reg=strong"


def test_a_factor_has_its_mean_over_the_settings_of_the_others_and_in_how_many_it_is_so(tmp_path):
    made = study(tmp_path)
    first = factor_levels(made)[0]
    assert (first.name, first.verdict, first.settings) == ("norm=batch", "helps", "in all 6 settings of the others")
    values = made.results.groupby(NORM)["selected_test_accuracy"].mean()
    assert first.row["effect"] == pytest.approx(values["batch"] - values["none"])
    assert re.fullmatch(r"\+2\.\d\d points \(\+\d\.\d\d to \+\d\.\d\d\)", first.amount)
    assert factor_lines(made).splitlines()[0].startswith("norm=batch   helps ")
    assert [level.name for level in factor_levels(made)] == ["norm=batch", "dropout=0.2", "dropout=0.5", "l2=0.1"]


def test_the_factors_that_do_most_stand_first_with_their_levels_together(tmp_path):
    turned = {L2: {"0": 0.0, "0.1": 0.002}, DROPOUT: EFFECTS[DROPOUT], NORM: {"none": 0.0, "batch": -0.05}}
    names = [level.name for level in factor_levels(study(tmp_path, turned))]
    assert names == ["norm=batch", "dropout=0.2", "dropout=0.5", "l2=0.1"]


def test_settings_in_which_it_is_the_other_way_round_are_not_counted(tmp_path):
    table = with_interaction(results(EFFECTS, 4), {NORM: "batch", DROPOUT: "0.5", L2: "0"}, -0.05)
    norm = next(x for x in factor_levels(Study([tmp_path], table, Options())) if x.name == "norm=batch")
    assert norm.row["effect"] > 0
    assert norm.settings == "in 5 of 6 settings of the others"
    table = with_interaction(results(EFFECTS | {NORM: {"none": 0.0, "batch": -0.01}}, 4), {NORM: "batch", L2: "0"}, 0.0)
    table = with_interaction(table, {NORM: "batch", DROPOUT: "0", L2: "0"}, 0.5)
    norm = next(x for x in factor_levels(Study([tmp_path], table, Options())) if x.name == "norm=batch")
    assert norm.row["effect"] > 0
    assert norm.settings == "in 1 of 6 settings of the others"


def test_one_seed_says_what_it_says_and_a_level_without_a_result_says_nothing(tmp_path):
    table = results(EFFECTS, 1)
    first = factor_levels(Study([tmp_path], table, Options()))[0]
    assert first.sentence == "norm=batch: too few seeds, +2.30 points, in all 6 settings of the others."
    two = results({L2: {"0": 0.0, "0.1": 0.0}, NORM: {"none": 0.0, "batch": 0.0}}, 2)
    apart = two.assign(status=two["status"].where((two[L2] == "0") == (two["seed"] == 0), "failed"))
    said = [level.sentence for level in factor_levels(Study([tmp_path], apart, Options()))]
    assert "l2=0.1: too few seeds, 2 of 4 runs failed." in said


def test_a_loss_counts_settings_in_which_it_falls(tmp_path):
    table = results(EFFECTS, 4)
    table = table.assign(selected_test_loss=1 - table["selected_test_accuracy"], last_test_loss=0.1)
    first = factor_levels(Study([tmp_path], table, Options(metric="test_loss")))[0]
    assert first.row["effect"] < 0
    assert (first.verdict, first.settings) == ("helps", "in all 6 settings of the others")


def test_an_effect_that_depends_on_another_factor_says_on_which_and_how(tmp_path):
    two = {NORM: EFFECTS[NORM], DROPOUT: {"0": 0.0, "0.5": -0.03}}
    table = with_interaction(results(two, 6), {NORM: "batch", DROPOUT: "0.5"}, 0.03)
    made = Study([tmp_path], table, Options())
    dropout = next(level for level in factor_levels(made) if level.name == "dropout=0.5")
    found = re.fullmatch(r"depends on norm: (\S+) with norm=none, (\S+) with norm=batch", dropout.depends)
    assert [float(x.replace("−", "-")) for x in found.groups()] == pytest.approx([-3, 0], abs=0.2)
    assert "depends on norm" in factor_lines(made)
    assert "better together" in interactions(made)
    alone = study(tmp_path, two, seeds=5)
    assert [level.depends for level in factor_levels(alone)] == ["", ""]


def test_what_changes_nothing_is_said_to(tmp_path):
    table = results({NORM: EFFECTS[NORM], L2: {"0": 0.0}}, 3)
    same = pd.concat([table, table.assign(**{L2: "0.1", "folder": table["folder"] + "x"})], ignore_index=True)
    made = Study([tmp_path], same, Options())
    assert next(text for kind, text in verdict_sentences(made) if kind == "changed nothing") == (
        "l2=0.1 changed nothing: its runs are equal to the last digit."
    )
    assert re.search(r"^l2=0\.1 +changed nothing$", factor_lines(made), re.MULTILINE)


def test_of_more_than_twelve_variants_a_terminal_lists_the_best_eight_and_counts_the_rest(tmp_path):
    many = {DROPOUT: {str(i / 20): -0.004 * i for i in range(14)}}
    lines = sweep_summary(study(tmp_path, many)).splitlines()
    (rule,) = (i for i, line in enumerate(lines) if line.startswith("---"))
    listed = lines[rule + 1 : rule + 10]
    assert [line.split()[0] for line in listed] == [f"dropout.rate={level}" for level in [*many[DROPOUT]][:9]]
    assert re.match(r"and 5 more variants \(5 hurts\), in effects.csv and report.html", lines[rule + 10])
    few = sweep_summary(study(tmp_path))
    assert "more variants" not in few
    assert few.index("norm=batch") < few.index("To choose" if "To choose" in few else "variant ") < few.index("---")


def test_of_more_than_thirty_levels_the_best_eight_have_a_line_and_the_rest_are_counted(tmp_path):
    made = study(tmp_path, {L2: {str(i): 0.002 * i if i < 10 else -0.02 for i in range(40)}})
    lines, said = factor_lines(made).splitlines(), [text for _, text in verdict_sentences(made)]
    assert [line.split()[:2] for line in lines[:8]] == [[f"l2={level}", "helps"] for level in range(9, 1, -1)]
    assert re.fullmatch(r"and 31 more levels \(.*30 hurts.*\), in factors.csv and report.html", lines[8])
    assert len(lines) == 9
    assert said[7].startswith("l2=2: helps")
    assert re.fullmatch(r"And 31 more levels \(.*30 hurts.*\), in factors.csv\.", said[8])


def test_levels_of_which_there_are_too_many_to_name_are_named_evenly_spread():
    marks = even([str(level) for level in range(100)]).marks
    assert [mark[1] for mark in marks] == [str(level) for level in range(0, 100, 9)]
    assert [mark[1] for mark in even(["none", "batch"]).marks] == ["none", "batch"]


def test_factors_csv_has_main_effects_and_below_them_interactions(tmp_path):
    made = study(tmp_path)
    table = factors_table(made)
    assert list(table)[:4] == ["factor", "level", "other", "other_level"]
    assert table["other"].isna().tolist() == [True] * 4 + [False] * 5
    assert len(made.interactions) == 5


def test_a_design_without_averages_says_of_a_factor_what_it_says_of_the_variant(tmp_path):
    table = results(EFFECTS, 4)
    off = {NORM: "none", DROPOUT: "0", L2: "0"}
    differ = sum((table[factor] != level).astype(int) for factor, level in off.items())
    made = Study([tmp_path], table[differ <= 1].reset_index(drop=True), Options())
    variants = {next(iter(v.differs.items())): v.effect for v in made.variants if not v.is_baseline}
    for level in factor_levels(made):
        effect = variants[level.row["factor"], level.row["level"]]
        for one, other in (("effect", "mean_difference"), ("ci_low", "ci_low"), ("verdict", "verdict")):
            assert level.row[one] == effect[other]
        assert level.settings == ""
    assert interactions(made) == ""


def test_drawings_have_a_point_where_the_tables_have_a_number(tmp_path):
    made = study(tmp_path)
    drawn = interactions(made)
    assert drawn.count('<svg class="chart"') == 3
    said = re.findall(r"<title>norm=batch, l2=0: ([\d.]+)%</title>|<title>l2=0, norm=batch: ([\d.]+)%</title>", drawn)
    at = made.results[(made.results[NORM] == "batch") & (made.results[L2] == "0")]["selected_test_accuracy"].mean()
    assert float("".join(said[0])) == pytest.approx(100 * at, abs=0.01)
    response = responses(made)
    assert response.count('<svg class="chart"') == 1  # of the one factor with three numbers
    heights = [float(y) for y in re.findall(r'<circle class="dot" cx="[\d.]+" cy="([\d.]+)"', response)]
    effects = [0.0, *(level.row["effect"] for level in factor_levels(made) if level.row["factor"] == DROPOUT)]
    assert np.corrcoef(heights, effects)[0, 1] == pytest.approx(-1, abs=1e-3)  # pixels grow downwards


def test_many_pairs_of_factors_have_a_map_with_every_number(tmp_path):
    five = {f"reg.{name}": {"0": 0.0, "1": 0.0} for name in ("a.x", "b.x", "c.x", "d.x", "e.x")}
    drawn = interactions(study(tmp_path, five, seeds=3))
    assert '<table class="map">' in drawn
    assert len(re.findall(r"<td style=", drawn)) == 10


def test_no_name_ends_a_script_or_becomes_an_element(tmp_path):
    evil = {NORM: EFFECTS[NORM], "data.path": {"a": 0.0, "</script><b id=evil>&'\"": 0.0}}
    html = page(study(tmp_path, evil))
    assert "<b id=evil>" not in html
    scripts = re.findall(r'<script type="application/json" id="(\w+)">(.*?)</script>', html, re.DOTALL)
    held = {name: json.loads(text) for name, text in scripts}
    assert {*held} == {"views", "commands", "data"}
    assert all("<" not in text for _, text in scripts)
    assert any("<b id=evil>" in name for name in held["commands"])
    assert not any("<b id=evil>" in part for view in held["views"].values() for part in view.values())


def test_each_metric_has_a_view_of_its_own_and_what_is_too_small_to_matter_is_the_first_ones(tmp_path):
    table = results(EFFECTS, 4)
    table = table.assign(selected_test_loss=1 - table["selected_test_accuracy"], last_test_loss=0.1)
    made = Study([tmp_path], table, Options(practical=0.1))
    held = re.search(r'id="views">(.*?)</script>', page(made), re.DOTALL)[1]
    views = json.loads(held)
    assert [*views] == ["test_accuracy", "test_loss"]
    assert "no practical difference" in views["test_accuracy"]["factors"]
    assert "no practical difference" not in views["test_loss"]["factors"]
    assert made.by("test_loss").factor_effects["effect"].tolist() == pytest.approx(
        (-made.factor_effects["effect"]).tolist()
    )


def test_the_largest_of_many_differences_is_said_to_be_smaller(tmp_path):
    many = {DROPOUT: {str(i / 20): 0.01 * (i == 5) for i in range(12)}}
    said = [text for _, text in verdict_sentences(study(tmp_path, many, seeds=8, noise=0.002))]
    (luck,) = (text for text in said if "more likely" in text)
    seen, likely = (float(x) for x in re.search(r"([+\d.]+), is more likely ([+\d.]+)", luck).groups())
    assert 0 < likely < seen


def test_a_terminal_says_why_an_interval_without_zero_may_be_no_evidence(tmp_path):
    made = study(tmp_path, {DROPOUT: {"0": 0.0, "0.2": 0.0009, "0.5": 0.00045}})
    found = made.comparisons.set_index(DROPOUT).loc["0.2"]
    assert (found["verdict"], found["ci_low"] > 0) == ("no evidence", True)
    why = "an interval may leave out zero and still be no evidence"
    assert why in sweep_summary(made)
    assert why not in sweep_summary(study(tmp_path, {DROPOUT: {"0": 0.0, "0.5": 0.1}}))


def test_seeds_are_added_to_folds_by_their_number(tmp_path):
    table = pd.concat([results({DROPOUT: {"0": 0.0, "0.5": 0.0}}, 1).assign(fold=fold) for fold in range(5)])
    table["selected_val_accuracy"] = table["last_val_accuracy"] = np.random.default_rng(0).normal(0.9, 0.01, 10)
    said = [text for _, text in verdict_sentences(Study([tmp_path], table.reset_index(drop=True), Options()))]
    assert f"Add seeds, which each take all folds: regab train --resume {tmp_path} --seeds 2" in said


@pytest.mark.parametrize(("gain", "said"), [(0.0009, ["about 5 seeds"]), (0.0012, [])])
def test_as_many_seeds_as_are_there_and_did_not_find_it_are_not_said_to(tmp_path, gain, said):
    save_looks(tmp_path, Looks(seen=[{"dropout.rate=0": [7, 8, 9]}, {"dropout.rate=0": [6, 7, 8]}]))
    made = study(tmp_path, {DROPOUT: {"0": 0.0, "0.2": gain}})
    assert made.factor_effects["verdict"].tolist() == ["no evidence"]
    assert (made.factor_effects["seeds_low"] < 4).all()
    text = " ".join(sentence for _, sentence in verdict_sentences(made))
    assert re.findall("does what it seems to do, (.*) would find it", text) == said


def test_nobody_is_invited_to_add_seeds_until_something_helps(tmp_path):
    said = " ".join(text for _, text in verdict_sentences(study(tmp_path, noise=0.05)))
    assert "--seeds auto" in said
    assert not re.search(r"more seeds? would tell|Add some", said)


def test_the_best_strength_is_the_best_on_average_and_not_beside_the_baseline_alone(tmp_path):
    falls = {DROPOUT: {"0": 0.0, "0.2": -0.01, "0.7": -0.05}, NORM: {"none": 0.0, "batch": 0.02, "layer": 0.02}}
    table = with_interaction(results(falls, 4), {DROPOUT: "0.7", NORM: "none"}, 0.07)
    (worst,) = [x for x in factor_levels(Study([tmp_path], table, Options())) if x.name == "dropout=0.7"]
    assert worst.gain < 0
    assert not any("was tried" in text for text in findings(Study([tmp_path], table, Options())))
    rises = results({DROPOUT: {"0": 0.0, "0.2": 0.01, "0.7": 0.05}, NORM: falls[NORM]}, 4)
    assert any("highest that was tried, 0.7" in text for text in findings(Study([tmp_path], rises, Options())))


def test_a_variant_without_a_result_is_named_also_if_all_of_its_levels_have_a_line(tmp_path):
    table = results({DROPOUT: {"0": 0.0, "0.5": 0.01}, L2: {"0": 0.0, "0.1": 0.01}}, 4)
    both = (table[DROPOUT] == "0.5") & (table[L2] == "0.1")
    table.loc[both, ["status", "reason"]] = "failed", "diverged in epoch 1"
    table.loc[both, ["selected_test_accuracy", "last_test_accuracy"]] = np.nan
    said = [text for _, text in verdict_sentences(Study([tmp_path], table, Options()))]
    (left,) = [text for text in said if text.startswith("Not compared")]
    assert "dropout.rate=0.5, l2.strength=0.1" in left


def test_of_variants_that_take_as_long_the_best_is_worth_its_time_alone(tmp_path):
    made = study(tmp_path, {DROPOUT: {"0": 0.0, "0.2": 0.01, "0.5": 0.02, "0.7": 0.03}})
    made.seconds = dict(zip((v.name for v in made.variants), (2.01, 1.002, 1.004, 1.5), strict=True))
    said = costs(made).partition("No other is both cheaper and better: ")[2].partition("</p>")[0]
    assert re.findall(r"(\S+) \((\S+) s", said) == [("dropout.rate=0.5", "1"), ("dropout.rate=0.7", "1.5")]
