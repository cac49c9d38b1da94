"""Looking more than once, and adding seeds until it is clear."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from regab.analysis.baseline import variants_of
from regab.analysis.verdicts.compare import sweep_of
from regab.analysis.verdicts.judgement import judge
from regab.analysis.verdicts.looks import automatic
from regab.analysis.verdicts.undecided import hopeless, undecided, wanted
from regab.config import Run
from regab.errors import UsageError
from regab.records.looks import Looks, load_looks, save_looks
from regab.report.growing import look
from regab.report.looks import NOTHING, finished, judge_at, look_words, looks_at, that_spend
from regab.sweep.growth import Growth, first_seeds, more_seeds, next_look, seconds_of
from regab.sweep.sweep import announce
from tests.conftest import SMALL
from tests.processes import Command, numbers, table
from tests.sweeps import results

TWO = {"reg.l2.strength": {"0": 0.0, "0.1": 0.02}, "reg.dropout.rate": {"0": 0.0, "0.2": 0.0, "0.5": 0.0}}


def test_the_same_data_are_one_look_and_more_seeds_another(tmp_path):
    save_looks(tmp_path, looks_at([tmp_path], results(TWO, 3)))
    assert looks_at([tmp_path], results(TWO, 3)) == load_looks(tmp_path)
    later = looks_at([tmp_path], results(TWO, 5))
    assert [max(map(len, seeds.values())) for seeds in later.seen] == [3, 5]
    assert look_words(load_looks(tmp_path)) == ""
    assert "second look" in look_words(later)


@pytest.mark.parametrize(("folds", "spent"), [(0, [0.04]), (2, [0.04, 0.005])])
def test_a_look_at_fewer_than_three_replicates_spends_nothing(tmp_path, folds, spent):
    for seeds in (1, 2, 3):
        table = results({"reg.l2.strength": {"0": 0.0, "0.1": 0.002}}, seeds)
        if folds:
            table = pd.concat([table.assign(fold=fold) for fold in range(folds)]).astype({"fold": "Int64"})
            table["selected_test_accuracy"] += np.random.default_rng(0).normal(0, 0.001, len(table))
        save_looks(tmp_path, looks_at([tmp_path], table))
    looks = load_looks(tmp_path)
    assert len(looks.seen) == 3  # each is known, so that regab show shows no later one
    judged = judge_at(table, looks, None, None, 0.0, "selected")
    alone = judge(sweep_of(table), level=spent[-1], before=[(looks.seen[1], spent[0])][: len(spent) - 1])
    assert judged.factors["p_adjusted"].iloc[0] == pytest.approx(alone.factors["p_adjusted"].iloc[0])
    assert ("second look" in look_words(that_spend(looks, table))) == (len(spent) > 1)


def test_seeds_are_added_by_plan_after_a_look_at_which_there_was_nothing_to_test(tmp_path):
    save_looks(tmp_path, looks_at([tmp_path], results(TWO, 2)))
    announce(tmp_path, Looks(most=30), folds=1)
    assert (load_looks(tmp_path).most, len(load_looks(tmp_path).seen)) == (30, 1)
    announce(tmp_path, Looks(most=10), folds=2)
    assert load_looks(tmp_path).most == 30


def test_a_later_look_needs_more_evidence_and_a_planned_one_may_spend_all():
    data = results({"reg.l2.strength": {"0": 0.0, "0.1": 0.002}}, 4)
    p = judge(sweep_of(data)).factors["p_adjusted"].iloc[0]

    def adjusted(**looks):
        judged = judge_at(data, Looks(**looks), None, None, 0.0, "selected")
        return judged.factors["p_adjusted"].iloc[0]

    assert adjusted(planned=1, seen=[finished(data)]) == pytest.approx(p)
    assert adjusted(seen=[finished(data)]) == pytest.approx(1.25 * p)
    earlier = {"other": [0, 1, 2]}  # a look at runs that are gone
    assert adjusted(seen=[earlier, finished(data)]) == pytest.approx(min(10 * p, 1))
    assert adjusted(planned=1, seen=[earlier, finished(data)]) == pytest.approx(min(p * 0.05 / NOTHING, 1))


def test_what_an_earlier_look_found_stays_found():
    effects = {"reg.l2.strength": {"0": 0.0, "0.1": 0.02}}
    early, late = results(effects, 3), results(effects, 6, noise=0.04)
    late = pd.concat([early, late[late["seed"] >= 3]], ignore_index=True)
    assert judge(sweep_of(early), level=0.025).factors["verdict"].tolist() == ["helps"]
    looks = Looks(planned=1, seen=[finished(early)]).at(finished(late))
    tables = judge_at(late, looks, None, None, 0.0, "selected")
    for row in (tables.factors.iloc[-1], tables.variants.iloc[-1]):
        assert (row["verdict"], row["ci_low"]) == ("helps", 0)  # alone: from -0.01
    assert "it can find nothing new" in look_words(looks)


def test_no_practical_difference_of_an_earlier_look_stands_while_the_difference_is_one():
    early = results({"reg.l2.strength": {"0": 0.0, "0.1": 0.0}}, 3)
    for gain, word in ((0.003, "no practical difference"), (0.1, "no evidence"), (-0.1, "no evidence")):
        late = results({"reg.l2.strength": {"0": 0.0, "0.1": gain}}, 8, noise=0.02)
        late = pd.concat([early, late[late["seed"] >= 3]], ignore_index=True)
        looks = Looks(planned=1, seen=[finished(early)]).at(finished(late))
        tables = judge_at(late, looks, None, None, 0.02, "selected")
        assert [table["verdict"].iloc[-1] for table in (tables.factors, tables.variants)] == [word, word]


@pytest.mark.parametrize(("count", "said"), [(2, "at 1 look, as planned"), (3, "at 2 looks, as planned")])
def test_looks_that_were_planned_are_counted(count, said):
    assert said in look_words(Looks(most=30, seen=[{"a": [*range(n)]} for n in range(3, 3 + count)]))


def test_two_sweeps_that_share_a_baseline_are_no_further_look_but_two_of_the_same_variants_are(tmp_path):
    one, other = (tmp_path / name for name in ("one", "other"))
    single = {"reg.l2.strength": {"0": 0.0, "0.1": 0.02}}
    first = results(single, 3, folder=str(one))
    for folder in (one, other):
        folder.mkdir()
        save_looks(folder, looks_at([folder], first))
    second = first.assign(folder=first["folder"].str.replace("one", "other"))
    elsewhere = second.assign(**{"reg.l2.strength": second["reg.l2.strength"].replace("0.1", "1")})
    more = second.assign(seed=second["seed"] + 3)
    assert len(looks_at([one, other], pd.concat([first, elsewhere.assign(seed=elsewhere["seed"] + 3)])).seen) == 1
    assert len(looks_at([one, other], pd.concat([first, more])).seen) == 2


def test_what_is_undecided_gets_seeds_with_its_reference_and_the_baseline():
    judged = judge(sweep_of(results(TWO | {"reg.l2.strength": {"0": 0.0, "0.1": 0.0}}, 3, noise=0.01)))
    assert set(undecided(judged)["factor"]) == {*TWO}
    data = results(
        {"reg.l2.strength": {"0": 0.0, "0.1": 0.05}, "reg.dropout.rate": {"0": 0.0, "0.2": 0.05, "0.5": 0.0}}, 6
    )
    judged, variants = judge(sweep_of(data)), variants_of(data)
    assert [*undecided(judged)["level"]] == ["0.5"]
    assert {variants[name]["reg.dropout.rate"] for name in wanted(judged, variants)} == {"0", "0.5"}
    assert len(wanted(judged, variants)) == 4
    assert wanted(judge(sweep_of(data), practical=0.04), variants) == []


def test_where_no_factor_can_be_told_undecided_variants_get_seeds_and_the_baseline():
    data = results({"reg.l2.strength": {"0": 0.0, "0.1": 0.05}, "reg.dropout.rate": {"0": 0.0, "0.2": 0.0}}, 4)
    both = data[(data["reg.l2.strength"] == "0") == (data["reg.dropout.rate"] == "0")]
    nothing = judge(sweep_of(both))._replace(factors=judge(sweep_of(both)).factors.iloc[:0])
    assert wanted(nothing, variants_of(both)) == []
    zero = both.assign(selected_test_accuracy=np.random.default_rng(0).normal(0.9, 0.01, len(both)))
    nothing = judge(sweep_of(zero))._replace(factors=judge(sweep_of(zero)).factors.iloc[:0])
    assert len(wanted(nothing, variants_of(zero))) == 2


@pytest.mark.parametrize("failed", [False, True])
def test_a_variant_that_never_has_a_value_gets_no_more_seeds_and_it_is_said(tmp_path, failed):
    for effects, others in (
        ({"reg.l2.strength": {"0": 0.0, "1": 0.0}}, 0),
        ({"reg.l2.strength": {"0": 0.0, "0.1": 0.0, "1": 0.0}}, 2),
        ({"reg.l2.strength": {"0": 0.0, "1": 0.0}, "reg.dropout.rate": {"0": 0.0, "0.5": 0.0}}, 2),
    ):
        data = results(effects, 4, noise=0.01).assign(folder="")
        lost = data["reg.l2.strength"] == "1"
        data.loc[lost, [column for column in data if column.startswith(("selected_", "last_"))]] = np.nan
        if failed:
            data.loc[lost, "status"] = "failed"
        judged, variants = judge(sweep_of(data)), variants_of(data)
        gone = {name for name, levels in variants.items() if levels["reg.l2.strength"] == "1"}
        assert {*hopeless(judged)} == gone
        assert len(wanted(judged, variants)) == others
        data["folder"] = [f"run{i}" for i in range(len(data))]
        data.to_csv(tmp_path / "results.csv", index=False)
        found = look(tmp_path, {*data["folder"]}, 30)
        assert found.folders == ({*data["folder"][~lost]} if others else set())
        assert "; no more seeds for " in found.words
        assert found.words.startswith("4 seeds: undecided " if others else "4 seeds: everything else is decided; ")


def test_seeds_go_on_after_those_that_are_there_and_none_is_asked_for_twice():
    assert first_seeds({"reg.l2": ["0"]})["seed"] == ["0", "1", "2"]
    assert first_seeds({"seed": ["7", "5"]})["seed"] == ["7", "5", "8"]
    assert first_seeds({"seed": ["0", "1", "2", "3"]})["seed"] == ["0", "1", "2", "3"]
    runs = [{"a": a, "seed": seed} for a in "xy" for seed in ("0", "1", "2")]
    more = more_seeds([run for run in runs if run["a"] == "x"], runs, 5)
    assert more == [{"a": "x", "seed": "3"}, {"a": "x", "seed": "4"}]
    both = [*runs, *more]
    assert more_seeds(both, both, 5) == [{"a": "y", "seed": "3"}, {"a": "y", "seed": "4"}]


def test_the_next_look_is_at_the_next_step_unless_more_seeds_take_less_time_than_it():
    steps = [n for n, _ in automatic(30)]
    assert [next_look(n, 30, np.inf) for n in (0, *steps[:-1])] == steps
    assert [next_look(n, 30, 1.0) for n in (0, 5, 8, 15, 26)] == [5, 8, 12, 18, 30]
    assert [next_look(n, 30, 0.0) for n in (0, 6, 12, 22)] == [6, 12, 22, 30]
    assert [next_look(n, 5, 0.0) for n in (0, 3, 4)] == [5, 5, 5]
    assert next_look(2, 3, 0.0) == 3


def test_what_a_seed_costs_is_the_sum_over_the_variants_that_get_it():
    runs = [Run({}, Path(), {"a": a, "seed": seed}) for a in "wxyz" for seed in ("7", "1", "2")]
    configs, more = Growth(lambda run: {"of": run}, lambda run: 0.25, 30).first(runs)
    assert [config["of"] for config in configs] == more
    assert more == [{"a": a, "seed": seed} for a in "wxyz" for seed in ("8", "9")]
    assert Growth(dict, lambda run: 0.75, 30).first(runs) is None


def test_a_budget_is_a_time():
    assert [seconds_of(text) for text in ("90", "90s", "10m", "1.5h")] == [90, 90, 600, 5400]
    for text in ("soon", "-1m", "0", ""):
        with pytest.raises(UsageError, match="must be a time"):
            seconds_of(text)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--seeds", "auto", "--folds", "3"), "cannot go with --folds"),
        (("--seeds", "auto:2"), "whole number from 3"),
        pytest.param(("--seeds", "many"), "whole number from 1", marks=pytest.mark.slow),
        pytest.param(("--seeds", "auto", "--budget", "soon"), "must be a time", marks=pytest.mark.slow),
        (("--seeds", "3", "--budget", "10m"), "is for --seeds auto"),
        (("--seeds", "auto", "--looks", "2"), "plans its own looks"),
        pytest.param(("--seeds", "3", "--looks", "0"), "whole number from 1", marks=pytest.mark.slow),
        (("--seeds", "3", "--practical", "-1"), "must be a number from 0"),
    ],
)
def test_what_cannot_be_is_said_in_a_line_before_anything_is_written(regab, words, reason):
    done = regab("train", "-m", *SMALL, "reg.l2=0,0.1", *words, "hydra.sweep.dir=here")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert reason in done.err
    assert not Path("here").exists()


AUTO = ("train", "-m", *SMALL, "reg.norm=none,batch", "reg.weight_decay=0,1e-9", "--seeds", "auto:8")


@pytest.mark.parametrize(("most", "runs"), [("", 24), (":4", 16)])
def test_a_sweep_that_is_trained_in_moments_begins_with_six_seeds_if_it_may(regab, most, runs):
    assert f"{runs} runs; {runs} to train" in regab(*AUTO[:-1], f"auto{most}", "--dry-run").out


def looked(root):
    return json.loads((Path(root) / "looks.json").read_text())


@pytest.mark.slow
def test_seeds_are_added_until_every_factor_has_a_verdict_and_each_look_is_kept(regab):
    done = regab(*AUTO, "hydra.sweep.dir=here")
    assert done.code == 0, done.err
    kept = looked("here")
    assert (kept["most"], kept["planned"]) == (8, None)
    assert kept["practical"] == pytest.approx(1 / 359)
    steps = [max(map(len, seeds.values())) for seeds in kept["seen"]]
    assert steps == [6, 8][: len(steps)]  # a look at fewer would take longer than they do
    lines = [line for line in done.out.splitlines() if " seeds: " in line]
    assert [int(line.split()[0]) for line in lines] == steps
    assert done.out.count("then more seeds where something is undecided, up to 8 of a variant") == len(steps)
    again = regab("report", "here")
    assert looked("here") == kept
    assert [line for line in again.out.splitlines() if line.startswith("norm=batch")] == [
        line for line in done.out.splitlines() if line.startswith("norm=batch")
    ]


@pytest.mark.slow
def test_a_budget_ends_it_early_and_says_so(regab):
    done = regab(*AUTO, "--budget", "0.01s", "hydra.sweep.dir=here")
    assert done.code == 0, done.err
    assert "which the budget has not left" in done.out
    assert len(table(Path("here"))) == 24


@pytest.mark.slow
def test_seeds_auto_killed_and_resumed_is_the_same_to_the_last_bit(regab, tmp_path, monkeypatch):
    words = ("train", "-m", *SMALL[:3], "epochs=6", "reg.dropout=0,0.2", "reg.l2=0,1e-3", "--seeds", "auto:12")
    assert regab(*words, "hydra.sweep.dir=whole").code == 0
    for wait in (2, 14, 30):  # finished runs, before the first look and after it
        root = Path(f"killed{wait}")
        command = Command(*words, f"hydra.sweep.dir={root}")
        command.until(lambda root=root, wait=wait: len(list(root.glob("*/result.json"))) >= wait)
        command.process.kill()
        command.end()
        assert regab("train", "--resume", str(root)).code == 0
        assert table(root) == table(Path("whole"))
        assert numbers(root) == numbers(Path("whole"))
        assert looked(root) == looked("whole")
        assert (root / "factors.csv").read_text() == Path("whole/factors.csv").read_text()


@pytest.mark.slow
def test_a_fixed_sweep_keeps_its_looks_and_what_was_said_of_them(regab):
    words = ("train", "-m", *SMALL, "reg.l2=0,0.1", "hydra.sweep.dir=here", "--looks", "1", "--practical", "0.02")
    assert regab(*words, "--seeds", "3").code == 0
    assert (looked("here")["planned"], looked("here")["practical"]) == (1, 0.02)
    more = regab("train", "--resume", "here", "--seeds", "4")
    assert "This is the second look, but only one look was planned" in more.out
    assert "second look" in regab("report", "here").out
    assert len(looked("here")["seen"]) == 2


@pytest.mark.slow
def test_a_report_may_be_said_to_be_the_only_look(regab):
    assert regab("train", "-m", *SMALL, "reg.norm=none,batch", "--seeds", "3", "hydra.sweep.dir=here").code == 0
    before = pd.read_csv("here/factors.csv")["p_adjusted"].iloc[0]
    assert regab("report", "here", "--looks", "1").code == 0
    assert pd.read_csv("here/factors.csv")["p_adjusted"].iloc[0] == pytest.approx(before * 0.8)
    assert looked("here")["planned"] == 1


def test_a_report_may_be_the_only_look_or_the_next(regab):
    results({"reg.l2.strength": {"0": 0.0, "0.1": 0.02}}, 3).to_csv("results.csv", index=False)
    refused = regab("report", ".", "--looks", "0")
    assert (refused.code, "--looks 1" in refused.err) == (2, True)
    assert regab("report", ".", "--looks", "1").code == 0
    assert looked(".")["planned"] == 1


@pytest.mark.slow
def test_a_second_look_was_not_planned_where_the_first_was_the_only_one(regab):
    words = ("train", "-m", *SMALL, "reg.norm=none,batch", "hydra.sweep.dir=here", "--looks", "1")
    assert regab(*words, "--seeds", "3").code == 0
    more = regab("train", "--resume", "here", "--seeds", "4")
    assert "it can find nothing new" in more.out
    assert "only one look was planned" in (Path("here") / "table.md").read_text()
    done = regab("report", "here", "--looks", "2")
    assert (done.code, "--looks 1" in done.err) == (2, True)


def test_a_look_at_a_sweep_without_a_result_wants_nothing(tmp_path):
    header = "reg.l2.strength,seed,fold,status,reason,selected_test_accuracy,folder\n"
    (tmp_path / "results.csv").write_text(f"{header}0,0,,failed,diverged,,a\n0.1,0,,failed,diverged,,b\n")
    assert look(tmp_path, {"a", "b"}, 30).folders == set()
