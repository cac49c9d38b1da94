"""Verdicts: against scipy and statsmodels where these have an answer, and what is said where there is little to say."""

import csv

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import yaml

from regab.analysis.table import metrics_of, read
from regab.analysis.verdicts.compare import compare
from regab.analysis.verdicts.family import holm
from regab.analysis.verdicts.paired import paired, resolution
from regab.analysis.verdicts.sizes import pairs_needed
from regab.analysis.verdicts.words import adjusted, bounded
from regab.errors import UsageError

RNG = np.random.default_rng(0)


def results(variants, metric="test_accuracy", factors=("reg.dropout.rate",), **more):
    """A table as read from a sweep: ``variants`` maps levels to a value per seed, None for a run that failed."""
    rows = [
        dict(zip(factors, np.atleast_1d(levels), strict=True))
        | {"seed": seed, "fold": pd.NA, "status": "failed" if value is None else "finished"}
        | {f"selected_{metric}": value, f"last_{metric}": value, "folder": f"{levels}-{seed}"}
        for levels, values in variants.items()
        for seed, value in enumerate(values)
    ]
    table = pd.DataFrame(rows).astype({"fold": "Int64", f"selected_{metric}": float, f"last_{metric}": float})
    return table.assign(**more)


def verdict(variants, level="0.5", **options):
    options = {"metric": "test_accuracy"} | options
    table = compare(results(variants, options["metric"]), **options)
    return table.set_index("reg.dropout.rate")["verdict"][level]


BASE = [0.90, 0.92, 0.91, 0.93, 0.90]
UP = [x + d for x, d in zip(BASE, (0.020, 0.022, 0.019, 0.021, 0.023), strict=True)]


def test_p_and_interval_are_those_of_scipys_paired_t():
    table = results({level: RNG.normal(0.9, 0.02, 7) for level in ("0", "0.2", "0.5")})
    two = compare(table[table["reg.dropout.rate"] != "0.5"])["p_value"][1]
    base = table[table["reg.dropout.rate"] == "0"]["selected_test_accuracy"]
    for row in compare(table).iloc[1:].itertuples():
        own = table[table["reg.dropout.rate"] == row[2]]["selected_test_accuracy"]
        expected = scipy.stats.ttest_rel(own, base.to_numpy())
        low, high = expected.confidence_interval()
        assert (row.ci_low, row.ci_high, row.mean_difference) == pytest.approx((low, high, own.mean() - base.mean()))
        if row[2] == "0.2":  # alone, it has nothing to learn a variance from
            assert two == pytest.approx(expected.pvalue)


@pytest.mark.slow
def test_the_adjustment_is_statsmodels_holm_and_leaves_out_what_was_not_tested():
    p = RNG.uniform(0, 0.1, (10, 7))
    from statsmodels.stats.multitest import multipletests  # 0.7 s, for these tests only

    expected = [multipletests(row, method="holm")[1] for row in p]
    np.testing.assert_allclose(holm(p), expected)
    with_gap = np.insert(p[0], 3, np.nan)
    np.testing.assert_allclose(np.delete(holm(with_gap), 3), expected[0])
    assert np.isnan(holm(with_gap)[3])


def power_of_a_test():
    from statsmodels.stats.power import TTestPower

    return TTestPower()


@pytest.mark.parametrize("effect", [0.3, 0.7, 1.0, 2.0])
def test_the_seeds_needed_are_those_of_statsmodels_power_within_one(effect):
    exact = power_of_a_test().solve_power(effect, power=0.8, alpha=0.05)
    assert abs(pairs_needed(np.array(effect), 1) - exact) <= 1.5
    assert pairs_needed(np.array(0.0), 1) == np.inf


def test_the_probability_of_being_better_is_the_share_of_further_seeds_that_are():
    samples, further = RNG.normal(0.4, 1, (40_000, 6)), RNG.normal(0.4, 1, 40_000)
    mean, deviation = samples.mean(1), samples.std(1, ddof=1)
    np.testing.assert_allclose(
        paired(samples).better, scipy.stats.t.sf(0, 5, loc=mean, scale=deviation * np.sqrt(1 + 1 / 6))
    )
    # that distribution is exact: a further value falls below its q-quantile with probability q
    quantile = scipy.stats.t.ppf(0.8, 5, loc=mean, scale=deviation * np.sqrt(1 + 1 / 6))
    assert np.mean(further < quantile) == pytest.approx(0.8, abs=0.008)


def test_accuracies_help_upwards_and_losses_downwards():
    assert verdict({"0": BASE, "0.5": UP}) == "helps"
    assert verdict({"0": UP, "0.5": BASE}) == "hurts"
    assert verdict({"0": BASE, "0.5": UP}, metric="val_loss") == "hurts"
    assert verdict({"0": UP, "0.5": BASE}, metric="val_loss") == "helps"
    assert verdict({"0": BASE, "0.5": UP}, metric="test_r2") == "helps"


def test_the_default_metric_is_the_test_accuracy_or_rmse_or_that_of_the_validation_data():
    for metric in ("test_accuracy", "test_rmse", "val_accuracy", "val_rmse"):
        assert set(compare(results({"0": BASE, "0.5": UP}, metric)).metric) == {metric}


def test_two_seeds_are_too_few_for_an_interval():
    row = compare(results({"0": BASE[:2], "0.5": UP[:2]})).iloc[1]
    assert row.verdict == "too few seeds"
    assert row.mean_difference == pytest.approx(0.021)
    assert row[["ci_low", "ci_high", "p_value", "p_adjusted", "probability_better", "seeds_high"]].isna().all()


def test_the_seeds_that_would_tell_are_a_range_from_the_largest_plausible_to_the_shrunken_difference():
    differences = np.array([0.03, -0.01, 0.02, 0.01, -0.005])
    row = compare(results({"0": BASE, "0.5": np.array(BASE) + differences})).iloc[1]
    assert row.verdict == "no evidence"
    for column, effect in (("seeds_low", row.ci_high), ("seeds_high", row.shrunken)):
        exact = power_of_a_test().solve_power(effect / differences.std(ddof=1), None, 0.05, 0.8)
        assert row[column] == pytest.approx(exact, abs=1.5, rel=0.02)
    assert 0 < row.shrunken < row.mean_difference
    nothing = compare(results({"0": BASE, "0.5": np.add(BASE, [0.02, -0.02, 0.001, 0.002, -0.002])})).iloc[1]
    assert (nothing.shrunken, nothing.seeds_high) == (0, np.inf)


def test_a_difference_too_small_to_matter_is_no_practical_difference_even_if_it_is_real():
    assert verdict({"0": BASE, "0.5": UP}, practical=0.03) == "no practical difference"
    assert verdict({"0": BASE, "0.5": UP}, practical=0.021) == "helps"


def test_several_differences_too_small_to_matter_are_adjusted_for_their_number():
    table = pd.DataFrame({"p_value": [0.5, 0.5], "p_negligible": [0.03, 0.03], "effect": 0.0, "unchanged": False})
    assert adjusted(table)["p_negligible"].tolist() == [0.06, 0.06]
    assert adjusted(table[:1])["p_negligible"].tolist() == [0.03]


@pytest.mark.parametrize("upwards", [True, False])
def test_an_interval_says_no_less_than_its_word(upwards):
    words = ["helps", "better together", "hurts", "worse together", "no practical difference", "no evidence"]
    found = bounded(pd.DataFrame({"verdict": words, "ci_low": -1.0, "ci_high": 1.0}), upwards, 0.5)
    above, below = ((0, 1), (-1, 0)) if upwards else ((-1, 0), (0, 1))
    ends = [above, above, below, below, (-0.5, 0.5), (-1, 1)]
    assert [*zip(found["ci_low"], found["ci_high"], strict=True)] == ends


def test_where_others_tell_of_its_variance_a_small_difference_is_within_what_matters_and_so_is_its_interval():
    random = np.random.default_rng(0)
    levels = {"0": BASE[:3]} | {str(i): np.add(BASE[:3], random.normal(0, 0.001, 3)) for i in range(1, 9)}
    levels |= {"9": np.add(BASE[:3], [0.002, -0.002, 0.0])}
    row = compare(results(levels), practical=0.004).iloc[-1]
    reach = scipy.stats.t.ppf(0.975, 2) * 0.002 / np.sqrt(3)
    assert row.verdict == "no practical difference"
    assert reach > 0.004
    assert (row.ci_low, row.ci_high) == (-0.004, 0.004)


def test_equal_differences_on_a_small_test_set_are_no_infinite_evidence():
    """Each seed one example of 360 more: with Student's t alone p would be 0, and help in a sweep of any size."""
    accuracy = np.array([320, 331, 325]) / 360
    levels = {"0": accuracy, "0.5": accuracy + 1 / 360}
    row = compare(results(levels)).iloc[1]
    rounding = np.sqrt(1 / 12) / 360
    assert row.p_value == pytest.approx(2 * scipy.stats.t.sf(1 / 360 / (rounding / np.sqrt(3)), 2), rel=1e-3)
    assert row.p_value == pytest.approx(0.0267, abs=1e-4)
    assert row.ci_high - row.ci_low == pytest.approx(2 * 4.303 * rounding / np.sqrt(3), rel=1e-3)
    assert compare(results(levels | {"0.7": accuracy[[1, 2, 0]]})).iloc[1].verdict.startswith("no evidence")


def test_runs_that_are_equal_in_every_number_changed_nothing():
    row = compare(results({"0": BASE, "0.5": BASE})).iloc[1]
    assert (row.mean_difference, row.p_value, row.probability_better) == (0, pytest.approx(1), 0.5)
    assert row.ci_low == -row.ci_high
    assert row.verdict == "changed nothing"
    table = results({"0": BASE, "0.5": BASE}).assign(selected_test_loss=np.arange(10.0))
    assert compare(table).verdict.tolist() == ["baseline", "no evidence"]
    assert compare(table, practical=0.01).verdict.tolist() == ["baseline", "no practical difference"]


def test_a_metric_that_is_always_zero_and_one_that_is_infinite_have_no_verdict():
    assert verdict({"0": [0.0] * 4, "0.5": [0.0] * 4}) == "changed nothing"
    row = compare(results({"0": [1.0, 2.0, np.inf], "0.5": [1.0, np.inf, np.inf]})).iloc[1]
    assert (row["n"], row["verdict"]) == (1, "too few seeds")


def test_the_resolution_is_the_common_step_whatever_float32_makes_of_the_values():
    for count in (100, 359, 360, 1797, 10_000):
        accuracy = (np.array([0.91, 0.94, 0.965, 0.97]) * count).round() / count
        gcd = np.gcd.reduce(np.diff(np.round(accuracy * count).astype(int)))
        assert resolution(accuracy.astype(np.float32)) == pytest.approx(gcd / count, rel=1e-3)
    folds = np.array([[k / n for k in hits] for n, hits in ((36, (30, 31)), (35, (28, 33)), (35, (34, 29)))])
    assert resolution(folds, np.arange(3)) == pytest.approx(1 / 36)
    assert resolution(folds.repeat(2, axis=0), np.arange(3).repeat(2)) == pytest.approx(1 / 36)
    assert resolution(RNG.normal(0.5, 0.05, (9, 4)), np.arange(9)) < 1e-4
    agreeing = np.array([[0.95, 0.95], [0.96, 0.96], [0.94, 0.94]])
    assert resolution(agreeing, np.arange(3)) == pytest.approx(0.01)
    for agreeing in ([28 / 29], [1, 28 / 29, 26 / 28, 27 / 28, 25 / 28], [1, 28 / 29, 28 / 29, np.nan]):
        pairs = np.array([agreeing, agreeing]).T
        assert resolution(pairs, np.arange(len(pairs))) == pytest.approx(1 / 29)
    assert resolution(np.full((3, 2), 28 / 29)) == pytest.approx(1 / 29)
    assert resolution(np.ones((3, 2)), np.arange(3)) == 1e-6
    assert resolution(RNG.normal(0.5, 0.05, (5, 1)).repeat(2, axis=1), np.arange(5)) < 1e-4
    losses = RNG.normal(0.5, 0.05, 30)
    assert resolution(losses) == pytest.approx(1e-6 * losses.max())
    assert resolution(np.array([1.0, 1.0 + 1e-9])) == pytest.approx(1e-6)
    assert resolution(np.array([0.0, 0.0])) == 0
    assert resolution(np.array([np.nan])) == 0


def test_missing_pairs_are_left_out_and_counted_and_failures_are_not_averaged_in():
    row = compare(results({"0": [*BASE[:4], None], "0.5": [None, *UP[1:]], "0.7": UP})).iloc[1:]
    assert row["n"].tolist() == [3, 4]
    assert row["missing"].tolist() == [2, 1]
    assert row["failed"].tolist() == [1, 0]
    assert row["mean"].tolist() == pytest.approx([np.mean(UP[1:]), np.mean(UP)])
    assert row["mean_difference"].iloc[0] == pytest.approx(np.mean(np.array(UP[1:4]) - BASE[1:4]))


def test_the_correlation_is_pearsons_over_the_complete_pairs_and_none_where_it_is_not_defined():
    levels = {
        "0": [*BASE, None],
        "0.5": [0.91, 0.90, None, 0.95, 0.88, 0.9],
        "0.7": [0.5] * 6,
        "0.9": [None] * 4 + UP[:2],
    }
    found = compare(results(levels)).set_index("reg.dropout.rate")["correlation"]
    there = [0, 1, 3, 4]
    pearson = scipy.stats.pearsonr(np.take(BASE, there), np.take(levels["0.5"], there).astype(float)).statistic
    assert found["0.5"] == pytest.approx(pearson)
    assert found[["0", "0.7", "0.9"]].isna().all()


def test_what_some_runs_have_a_value_of_is_a_metric():
    table = results({"0": [*BASE[:4], None], "0.5": UP}).assign(selected_test_loss=np.nan)
    assert metrics_of(table) == ["test_accuracy"]


def test_a_variant_that_always_failed_is_shown_without_numbers():
    row = compare(results({"0": BASE, "0.5": [None] * 5})).iloc[1]
    assert (row["n"], row["failed"], row["verdict"]) == (0, 5, "too few seeds")
    assert np.isnan(row["mean"])


def test_folds_are_paired_and_their_common_training_data_widen_the_interval():
    values = RNG.normal(0.9, 0.02, (2, 10))
    table = results({"0": values[0], "0.5": values[1]})
    folded = table.assign(seed=table["seed"] // 5, fold=(table["seed"] % 5).astype("Int64"))
    plain, folds = compare(table).iloc[1], compare(folded).iloc[1]
    assert folds["n"] == 10
    widened = np.sqrt((1 / 10 + 1 / 4) / (1 / 10))  # Nadeau & Bengio 2003
    assert folds.ci_high - folds.ci_low == pytest.approx(widened * (plain.ci_high - plain.ci_low))


def test_at_last_compares_the_last_epochs():
    table = results({"0": BASE, "0.5": UP})
    table["last_test_accuracy"] = 0.5
    assert compare(table, at="last")["mean"].tolist() == [0.5, 0.5]


FACTORS = ("reg.l2.strength", "reg.norm.kind", "optimizer.lr")


def named(levels, **options):
    table = compare(results(dict.fromkeys(levels, BASE), factors=FACTORS), **options)
    return table[table.verdict == "baseline"].variant.item()


def test_the_baseline_is_where_everything_is_at_neutral_or_else_at_its_first_level():
    both = [("1e-4", "batch", "0.1"), ("0", "none", "0.1"), ("0", "none", "0.2"), ("0", "batch", "0.1")]
    assert named(both) == "l2.strength=0, norm.kind=none, optimizer.lr=0.1"
    never_off = [("1e-4", "batch", "0.1"), ("1e-3", "batch", "0.1")]
    assert named(never_off) == "l2.strength=1e-4, norm.kind=batch, optimizer.lr=0.1"


def test_a_design_without_that_variant_is_compared_with_its_first():
    left_out = [("1e-4", "batch", "0.2"), ("0", "batch", "0.2"), ("1e-4", "none", "0.2"), ("1e-4", "batch", "0.1")]
    assert named(left_out) == "l2.strength=1e-4, norm.kind=batch, optimizer.lr=0.2"


@pytest.mark.parametrize(
    "asked",
    [
        "l2.strength=1e-4, norm.kind=batch, optimizer.lr=0.1",
        "l2.strength=1e-4,reg.norm.kind=batch",
        {"reg.l2.strength": "1e-4", "reg.norm.kind": "batch"},
    ],
)
def test_a_baseline_is_given_by_name_or_by_levels(asked):
    levels = [("0", "none", "0.1"), ("1e-4", "batch", "0.1")]
    assert named(levels, baseline=asked) == "l2.strength=1e-4, norm.kind=batch, optimizer.lr=0.1"


def test_a_headline_that_was_not_measured_is_an_error_and_no_other_metric_takes_its_place():
    table = results({"0": BASE, "0.5": UP}, metric="test_loss")
    table.attrs["headline"] = "auroc"
    with pytest.raises(UsageError, match=r"^test_auroc: unknown metric"):
        compare(table)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"baseline": "dropout.rate=0.4"}, "baseline dropout.rate=0.4: unknown variant; did you mean"),
        ({"baseline": "nonsense"}, "baseline nonsense: must be the name of a variant, or key=value,…"),
        ({"metric": "test_acuracy"}, "test_acuracy: unknown metric; did you mean test_accuracy?"),
        ({"practical": -1.0}, "practical=-1.0: must be a number from 0"),
        ({"at": "best"}, "at=best: must be selected or last"),
    ],
)
def test_what_a_table_does_not_have_is_said_in_one_line(options, message):
    with pytest.raises(UsageError) as error:
        compare(results({"0": BASE, "0.5": UP}), **options)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_a_run_that_is_there_twice_is_refused():
    table = results({"0": BASE, "0.5": UP})
    with pytest.raises(UsageError, match=r"dropout.rate=0: seed 0 is there twice"):
        compare(pd.concat([table, table.iloc[:1]], ignore_index=True))


# Tables read from files


def write_sweep(root, runs, epochs=20):
    """A sweep's files as far as tables read them; ``runs`` are (dropout, l2, seed, accuracy)."""
    factors = [key for i, key in enumerate(("reg.dropout.rate", "reg.l2.strength")) if len({r[i] for r in runs}) > 1]
    rows = []
    for dropout, l2, seed, accuracy in runs:
        folder = root / f"{dropout}-{l2}-{seed}"
        (folder / ".hydra").mkdir(parents=True)
        reg = {"dropout": {"rate": float(dropout)}, "l2": {"strength": float(l2)}}
        config = {"name": root.name, "seed": seed, "epochs": epochs, "data": {"root": str(root)}, "reg": reg}
        (folder / ".hydra" / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        levels = {"reg.dropout.rate": dropout, "reg.l2.strength": l2}
        outcome = {"seed": seed, "fold": "", "status": "finished", "reason": "", "selected_test_accuracy": accuracy}
        rows.append({f: levels[f] for f in factors} | outcome | {"last_test_accuracy": accuracy, "folder": folder.name})
    with (root / "results.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return root


def sweep_a(root, **more):
    runs = [(dropout, "0", seed, acc[seed]) for dropout, acc in (("0", BASE), ("0.5", UP)) for seed in range(3)]
    return write_sweep(root, runs, **more)


def sweep_b(root, **more):
    runs = [("0.0", l2, seed, acc[seed]) for l2, acc in (("0.0", BASE), ("1e-3", UP)) for seed in range(3)]
    return write_sweep(root, runs, **more)


def test_a_table_is_typed_and_without_cross_validation_its_folds_are_missing(tmp_path):
    table = read([sweep_a(tmp_path / "a")])
    assert list(table)[:4] == ["reg.dropout.rate", "seed", "fold", "status"]
    assert table["reg.dropout.rate"].tolist() == ["0"] * 3 + ["0.5"] * 3
    assert (table["seed"].dtype, table["fold"].dtype) == ("int64", "Int64")
    assert table["fold"].isna().all()
    assert table["selected_test_accuracy"].tolist() == [*BASE[:3], *UP[:3]]
    assert table["folder"][0] == str(tmp_path / "a" / "0-0-0")


def test_sweeps_are_merged_where_their_baselines_agree(tmp_path):
    table = read([sweep_a(tmp_path / "a"), sweep_b(tmp_path / "b")])
    assert len(table) == 9  # the baseline's three runs count once
    found = compare(table)
    assert found[["reg.dropout.rate", "reg.l2.strength"]].to_numpy().tolist() == [
        ["0", "0"],
        ["0.5", "0"],
        ["0", "1e-3"],
    ]
    assert found["n"].tolist() == [3, 3, 3]


def test_sweeps_that_differ_in_what_neither_varies_are_refused(tmp_path):
    a, b = sweep_a(tmp_path / "a"), sweep_b(tmp_path / "b", epochs=30)
    with pytest.raises(UsageError, match=r"a and .*b differ in epochs \(20 against 30\), which neither varies"):
        read([a, b])


def test_two_results_of_one_run_and_one_sweep_given_twice_are_refused(tmp_path):
    a = sweep_a(tmp_path / "a")
    with pytest.raises(UsageError, match="a: given twice"):
        read([a, a])
    b = write_sweep(tmp_path / "b", [("0", "0", 0, 0.5), ("0.5", "0", 0, 0.6)])
    with pytest.raises(UsageError, match=r"dropout.rate=0, seed 0: there are two runs of it, .*a/0-0-0 and .*b/0-0-0"):
        read([a, b])


def test_one_variant_in_two_configurations_is_refused(tmp_path):
    a = sweep_a(tmp_path / "a")
    file = a / "0-0-2" / ".hydra" / "config.yaml"
    file.write_text(file.read_text().replace("epochs: 20", "epochs: 25"))
    with pytest.raises(UsageError, match=r"dropout.rate=0: its runs differ in epochs \(20 against 25\)"):
        read([a])


def test_a_folder_without_results_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"there is no results.csv"):
        read([tmp_path])
    (tmp_path / "results.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match=r"results.csv: not a table of regab's"):
        read([tmp_path])


@pytest.mark.slow
def test_what_a_real_sweep_writes_is_read_and_compared(regab):
    words = ("model=linear", "data.n_train=100", "epochs=2", "reg.l2=0,0.1", "reg.dropout=0,0.3")
    sweep = regab("train", "-m", *words, "reg.dropout.where=input", "seed=range(3)").folder
    found = compare(read([sweep]))
    assert found["n"].tolist() == [3] * 4
    assert found["verdict"][0] == "baseline"
    assert found["ci_low"][1:].notna().all()


def test_a_table_of_one_variant_has_a_baseline_and_no_more():
    table = compare(results({"0": BASE}))
    assert table["verdict"].tolist() == ["baseline"]
    assert table["n"].tolist() == [5]
