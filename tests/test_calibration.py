"""The promise of verdicts: where nothing differs at most one sweep in twenty says so, and intervals cover at 95 %."""

import subprocess

import numpy as np
import pytest

from regab.analysis.compare import compare, metrics_of
from regab.analysis.table import read
from regab.analysis.verdicts import HELPS, HURTS
from tests.benchmarks.calibration import MEAN, NOISES, judge, power, simulate, table
from tests.conftest import python
from tests.test_verdicts import results

SWEEPS = 4_000


@pytest.mark.slow
def test_at_most_one_sweep_in_twenty_without_a_difference_gets_a_verdict_and_intervals_cover():
    rates = table(SWEEPS)
    assert len(rates) == 4 * 3 * 3
    error = 3 * np.sqrt(0.05 * 0.95 / SWEEPS)
    for case, found in rates.items():
        assert found.false <= 0.05 + error, case
        assert 0.93 < found.coverage < 0.97 + error, case


@pytest.mark.slow
def test_ten_seeds_find_a_difference_of_one_deviation_more_often_than_not():
    found = power(seeds=10, variants=2, deviations=1.0, sweeps=SWEEPS)
    assert 0.7 < found < 0.85  # by the noncentral t: 0.80, less what rounding to 359 examples costs
    assert power(seeds=5, variants=2, deviations=2.0, sweeps=SWEEPS) > 0.8


def test_a_simulated_sweep_is_judged_as_compare_judges_its_table():
    accuracy = simulate(NOISES["normal"], 5, 4, np.random.default_rng(7), sweeps=40)
    named, covered = [], []
    for sweep in accuracy:
        found = compare(results({str(i): list(values) for i, values in enumerate(sweep)})).iloc[1:]
        named.append(found["verdict"].isin([HELPS, HURTS]).any())
        covered.append(((found["ci_low"] <= 0) & (found["ci_high"] >= 0)).mean())
    rates = judge(accuracy)
    assert (rates.false, rates.coverage) == (pytest.approx(np.mean(named)), pytest.approx(np.mean(covered)))
    assert abs(accuracy.mean() - MEAN) < 0.002


@pytest.fixture(scope="module")
def same_twice(tmp_path_factory):
    """One variant under two names, with 40 seeds: clipping at 10⁹ clips nothing."""
    folder = tmp_path_factory.mktemp("sweep") / "same"
    words = ("model=mlp", "epochs=8", "reg.gradient_clipping=inf,1e9", "seed=range(40)", f"hydra.sweep.dir={folder}")
    subprocess.run(python("-m", "regab", "train", "-m", *words), check=True, capture_output=True)
    return read([folder])


@pytest.mark.slow
def test_the_same_variant_under_two_names_gets_no_verdict(same_twice):
    for metric in metrics_of(same_twice):
        row = compare(same_twice, metric=metric).iloc[1]
        assert (row["n"], row["mean_difference"]) == (40, 0)
        assert row["verdict"] == "changed nothing"


@pytest.mark.slow
def test_the_same_variant_with_other_twenty_seeds_under_each_name_gets_no_verdict(same_twice):
    once = same_twice[same_twice["reg.gradient_clipping.limit"] == "inf"]
    names = once["reg.gradient_clipping.limit"].where(once["seed"] < 20, "other")
    row = compare(once.assign(**{"reg.gradient_clipping.limit": names, "seed": once["seed"] % 20})).iloc[1]
    assert row["n"] == 20
    assert row["mean_difference"] != 0
    assert row["verdict"] == "no evidence"


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["test_accuracy", "test_loss", "val_accuracy", "val_loss"])
@pytest.mark.parametrize(("variants", "seeds"), [(2, 20), (4, 10), (8, 5), (12, 3)])
def test_real_runs_of_one_variant_dealt_out_to_many_names_seldom_get_a_verdict(same_twice, metric, variants, seeds):
    once = same_twice[same_twice["reg.gradient_clipping.limit"] == "inf"][f"selected_{metric}"].to_numpy()
    dealt = np.random.default_rng(0).permuted(np.tile(once, (1000, 1)), axis=1)[:, : variants * seeds]
    assert judge(dealt.reshape(-1, variants, seeds)).false <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1000)
