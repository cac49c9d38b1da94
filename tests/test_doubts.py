"""Runs that collapse or fail make a verdict doubtful, in words."""

import numpy as np
import pytest

from regab.analysis.verdicts.compare import sweep_of
from regab.analysis.verdicts.doubts import runs_of
from regab.analysis.verdicts.judgement import judge
from regab.records.looks import Looks
from regab.report.looks import finished, judge_at
from regab.report.page.page import page
from regab.report.study import Options, Study
from tests.sweeps import results

L2 = "reg.l2.strength"
TWO = {L2: {"0": 0.0, "0.1": 0.02, "1": 0.02}}


def changed(table, level, seed, **columns):
    here = (table[L2] == level) & (table["seed"] == seed)
    return table.assign(**{name: table[name].where(~here, value) for name, value in columns.items()})


def judged(table):
    rows = judge_at(table, Looks(planned=1).at(finished(table)), None, None, 0.0, "selected").variants
    return {row.l2: row for row in rows.rename(columns={L2: "l2"}).itertuples()}


def test_a_run_that_collapsed_withholds_the_verdict_below_five_seeds():
    table = results(TWO, 4)
    assert {level: row.verdict for level, row in judged(table).items()} == {
        "0": "baseline",
        "0.1": "helps",
        "1": "helps",
    }
    worse = judged(changed(table, "0", 2, selected_test_accuracy=0.3))
    assert worse["0"].note == "1 of 4 runs collapsed"
    better = judged(changed(table, "1", 2, selected_test_accuracy=0.3))
    assert (better["0.1"].verdict, better["0.1"].note) == ("helps", "")
    assert (better["1"].verdict, better["1"].collapsed) == ("no evidence", 1)


def test_with_the_baseline_unstable_nothing_is_sure_below_five_seeds():
    low = {L2: {"0": 0.0, "0.1": 0.5}}
    few = judged(changed(results(low, 4, noise=0.0001), "0", 1, selected_test_accuracy=0.899))
    assert few["0.1"].verdict == "no evidence"
    assert "unstable training needs five seeds" in few["0.1"].note
    many = judged(changed(results(low, 8, noise=0.0001), "0", 1, selected_test_accuracy=0.899))
    assert many["0.1"].verdict == "helps"


def test_a_verdict_that_is_withheld_leaves_the_interval_as_it_is():
    early = results({L2: {"0": 0.0, "0.1": 0.02}}, 3)
    late = changed(results({L2: {"0": 0.0, "0.1": 0.02}}, 4), "0.1", 3, selected_test_accuracy=0.87)
    tables = judge_at(late, Looks(seen=[finished(early)]).at(finished(late)), None, None, 0.0, "selected")
    for table in (tables.factors, tables.variants):
        row = table.iloc[-1]
        assert (row.verdict, row.p_adjusted < 0.05) == ("no evidence", True)
        assert row.ci_low < 0 < row.ci_high


@pytest.mark.parametrize(("level", "verdict"), [("0.1", "no evidence"), ("0", "helps")])
def test_failures_withhold_only_the_verdict_that_they_favour(level, verdict):
    table = changed(results(TWO, 5), level, 4, status="failed")
    rows = judged(table)
    assert rows["0.1"].verdict == verdict
    assert rows[level].note.startswith("1 of 5 runs failed")


@pytest.mark.parametrize(("level", "verdict"), [("0.1", "no evidence"), ("0", "helps")])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_runs_that_ended_without_a_finite_value_count_as_failed_ones(level, verdict, value):
    rows = judged(changed(results(TWO, 5), level, 4, selected_test_accuracy=value))
    assert rows["0.1"].verdict == verdict
    assert rows[level].note.startswith("1 of 5 runs ended without a finite value")
    assert rows["1"].note == ""


def test_half_of_the_runs_may_collapse_and_losses_collapse_upwards():
    table = results({L2: {"0": 0.0}, "reg.dropout.rate": {"0": 0.0, "0.5": 0.0}}, 6)
    low = (table["seed"] % 2 == 0) & (table["reg.dropout.rate"] == "0.5")
    table["selected_test_accuracy"] = table["selected_test_accuracy"].where(~low, 0.1)
    table = table.assign(selected_test_loss=1 - table["selected_test_accuracy"])
    for metric in ("test_accuracy", "test_loss"):
        sweep = sweep_of(table, None, metric, "selected")
        counts = runs_of(sweep, dict.fromkeys(sweep.values, 0))
        assert sorted(r.collapsed for r in counts.values()) == [0, 3]


@pytest.mark.parametrize(
    ("values", "collapsed"),
    [([0.1, 0.4, 0.9, 0.901, 0.902], 2), ([0.88, 0.92, 0.96, 0.40, 0.401], 0), ([0.88, 0.89, 0.90, 0.40, 0.401], 2)],
)
def test_a_gap_is_measured_by_the_range_of_the_group_with_most_runs(values, collapsed):
    table = results({L2: {"0": 0.0, "0.1": 0.0, "1": 0.0}}, 5)
    for seed, value in enumerate(values):
        table = changed(table, "1", seed, selected_test_accuracy=value)
    counts = runs_of(
        sweep_of(table, None, None, "selected"), dict.fromkeys(sweep_of(table, None, None, "selected").values, 0)
    )
    assert [runs.collapsed for runs in counts.values()] == [0, 0, collapsed]


@pytest.mark.slow
def test_stable_runs_are_hardly_ever_said_to_collapse_though_variants_differ_in_spread():
    random, said, total = np.random.default_rng(0), 0, 0
    for seeds in (3, 5, 10):
        for _ in range(60):
            table = results({L2: {str(i): 0.0 for i in range(5)}}, seeds)
            spread = np.where(table[L2] == "4", 5, 1)
            sweep = sweep_of(table.assign(selected_test_accuracy=random.normal(0, spread)), None, None, "selected")
            counts = runs_of(sweep, dict.fromkeys(sweep.values, 0))
            said, total = said + sum(r.collapsed > 0 for r in counts.values()), total + len(counts)
    assert said / total < 0.02


def test_the_page_warns_of_runs_that_collapsed(tmp_path):
    made = Study([tmp_path], changed(results(TWO, 4), "1", 2, selected_test_accuracy=0.3), Options())
    html = page(made)
    assert "1 run collapsed: its test accuracy is far" in html
    assert html.count("1 of 4 runs collapsed") >= 1


def test_a_judgement_without_doubts_is_left_as_it_was():
    table = results(TWO, 5)
    plain = judge(sweep_of(table)).variants
    rows = judged(table)
    assert plain["verdict"].tolist() == [rows[level].verdict for level in plain[L2]]


def test_a_factor_that_is_one_variant_shares_its_doubt_and_an_average_counts_its_runs(tmp_path):
    single = Study([tmp_path], changed(results(TWO, 4), "1", 2, selected_test_accuracy=0.3), Options())
    assert single.factor_effects["verdict"].tolist() == single.comparisons["verdict"].tolist()[1:]
    crossed = results(TWO | {"reg.dropout.rate": {"0": 0.0, "0.5": 0.0}}, 4)
    both = Study([tmp_path], changed(crossed, "1", 2, selected_test_accuracy=0.3), Options())
    row = next(row for row in both.of_factors if row["level"] == "1")
    assert row["note"] == "2 of 8 runs collapsed"


def test_accuracies_that_repeat_on_a_small_test_set_are_no_collapse():
    table = results(TWO, 5)
    few = {0: 0.9471, 1: 0.9471, 2: 0.9554, 3: 0.9471, 4: 0.9554}
    for seed, value in few.items():
        table = changed(table, "0.1", seed, selected_test_accuracy=value)
    noisy = {0: 0.9331, 1: 0.9331, 2: 0.9331, 3: 0.9109, 4: 0.9080}
    for seed, value in noisy.items():
        table = changed(
            changed(table, "0", seed, selected_test_accuracy=value), "1", seed, selected_test_accuracy=value
        )
    assert (
        runs_of(
            sweep_of(table, None, None, "selected"),
            dict.fromkeys(("l2.strength=0", "l2.strength=0.1", "l2.strength=1"), 0),
        )["l2.strength=0.1"].collapsed
        == 0
    )
