"""The promise of verdicts: where nothing differs at most one sweep in twenty says so, and intervals cover at 95 %."""

import subprocess
from itertools import product

import numpy as np
import pytest
from scipy.stats import f, t

from regab.analysis.table import read
from regab.analysis.verdicts.compare import compare
from regab.analysis.verdicts.paired import LEVEL, paired
from regab.analysis.verdicts.variances import FREEDOMS, INDEPENDENT, MOST, ODD, SCALES, SPAN, WEIGHTS, p_value
from regab.analysis.verdicts.words import HELPS, HURTS
from tests.benchmarks.calibration import adjusted, false_at_any_look, grid, most
from tests.benchmarks.simulated import KINDS, add_seeds, judge, simulate
from tests.conftest import python
from tests.test_verdicts import results

SWEEPS = 4_000


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_at_most_one_sweep_in_twenty_without_a_difference_gets_a_verdict_and_intervals_cover(kind):
    for variants, seeds in ((2, 3), (3, 3), (5, 4), (12, 3), (12, 5), (30, 3)):
        rates = judge(simulate(kind, variants, seeds, SWEEPS))
        assert rates.new <= most(SWEEPS), (variants, seeds)
        assert rates.covers_least > 0.91, (variants, seeds)
        assert rates.covers_most < 0.995, (variants, seeds)


@pytest.mark.parametrize("kind", ["normal", "one variant x5", "deviations log-normal, 0.9", "half near-copies"])
def test_a_few_kinds_keep_the_five_per_cent(kind):
    for variants, seeds in ((3, 3), (12, 4)):
        assert judge(simulate(kind, variants, seeds, 1000)).new <= most(1000), (variants, seeds)


def test_near_copies_of_the_baseline_make_nobody_elses_variance_small():
    assert judge(simulate("half near-copies", 12, 3, 1500)).new < 0.04  # 7 % where no variance may be odd


@pytest.mark.parametrize(
    ("variants", "seeds", "effect", "before", "now"),
    [(12, 3, 3.0, 0.25, 0.7), (5, 3, 2.0, 0.22, 0.35), (12, 5, 2.0, 0.6, 0.8)],
)
def test_variances_that_learn_from_the_sweep_find_more(variants, seeds, effect, before, now):
    """An effect in paired deviations; the old power is that of Student's t with Holm's adjustment."""
    rates = judge(simulate("normal", variants, seeds, 1000, seed=1), effect * np.sqrt(2))
    assert rates.old_power < before
    assert rates.power > now


@pytest.mark.parametrize("comparisons", [2, 12])
def test_p_values_are_averages_over_how_unequal_variances_may_be(comparisons):
    """The model of ``borrow`` written out with scipy's F and t, one hypothesis and one comparison after the other."""
    random = np.random.default_rng(0)
    differences, size = (
        random.normal(0.3, random.uniform(0.2, 3, (comparisons, 1)), (comparisons, 4)),
        np.ones(comparisons),
    )
    differences[0, 3], size[1] = np.nan, np.sqrt(2)
    differences = np.concatenate([differences, np.full((1, 4), np.nan)])
    found = p_value(paired(differences), np.append(size, 1.0))
    count = np.sum(~np.isnan(differences[:-1]), 1)
    nu, squares, mean = count - 1, np.nanvar(differences[:-1], 1, ddof=1), np.nanmean(differences[:-1], 1)
    typical = np.mean(squares / size**2)
    chances, by_each = [], []
    for (k, weight), centre in product(zip(FREEDOMS, WEIGHTS, strict=True), SCALES):
        ratio = squares / (size**2 * typical * centre)
        usual, odd = (1 - ODD) * f.pdf(ratio, nu, k) * ratio, ODD / SPAN  # of the ratio's logarithm
        chances.append(weight * np.prod(usual + odd) ** min(INDEPENDENT, MOST / comparisons))
        error = np.sqrt((nu * squares + k * centre * typical * size**2) / (nu + k) / count)
        shared, own = t.sf(abs(mean) / error, nu + k), t.sf(abs(mean) / np.sqrt(squares / count), nu)
        by_each.append((usual * shared + odd * own) / (usual + odd))
    np.testing.assert_allclose(found[:-1], 2 * np.average(by_each, axis=0, weights=chances))
    assert np.isnan(found[-1])


def test_a_comparison_whose_runs_collapsed_silences_nobody():
    """Two comparisons, one with a thousand times the deviation: the other has its own Student's t, not less."""
    values = simulate("normal", 3, 4, 1000, seed=1)
    values[:, 2] *= 1000
    found = paired(values[:, 1:] - values[:, :1] + 3.0, 1e-9)
    p = p_value(found)[:, 0]
    assert np.mean(p < 0.05) > 0.9 * np.mean(found.p[:, 0] < 0.05)


def test_two_variants_are_judged_by_students_t():
    rates = judge(simulate("normal", 2, 5, 2000, seed=1), np.sqrt(2))
    assert rates.power == rates.old_power
    assert 0.33 < rates.power < 0.45  # by the noncentral t: 0.40


@pytest.mark.parametrize("levels", [(2, 2, 2, 2), (3, 2, 2)])
def test_a_whole_page_of_a_grid_in_which_nothing_differs_seldom_has_a_false_word(levels):
    p = np.concatenate(adjusted(simulate("normal", len(grid(levels)), 3, 400), levels), axis=1)
    assert (p < LEVEL).any(1).mean() <= most(400)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["normal", "half near-copies", "half with a seed effect", "359 test examples"])
@pytest.mark.parametrize("levels", [(2, 2), (3, 2)])
def test_adding_seeds_until_every_factor_is_clear_keeps_the_five_per_cent(kind, levels):
    assert false_at_any_look(kind, levels, 1000) <= most(1000)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["normal", "one variant x5", "baseline x3", "half near-copies", "1 in 20 collapses"])
@pytest.mark.parametrize("variants", [2, 3, 12])
def test_adding_seeds_until_it_is_clear_keeps_the_five_per_cent(kind, variants):
    assert add_seeds(simulate(kind, variants, 30, 2000), 0.0).any <= most(2000)


@pytest.mark.slow
def test_a_simulated_sweep_is_judged_as_compare_judges_its_table():
    accuracy = simulate("359 test examples", 5, 4, sweeps=40)
    named, covered = [], []
    for sweep in accuracy:
        found = compare(results({str(i): list(values) for i, values in enumerate(sweep)})).iloc[1:]
        named.append(found["verdict"].isin([HELPS, HURTS]).any())
        covered.append(((found["ci_low"] <= 0) & (found["ci_high"] >= 0)).to_numpy())
    rates = judge(accuracy)
    assert rates.new == pytest.approx(np.mean(named))
    assert rates.covers_least == pytest.approx(np.mean(covered, axis=0).min())


@pytest.fixture(scope="module")
def same_twice(tmp_path_factory):
    """One variant under two names, with 40 seeds: clipping at 10⁹ clips nothing."""
    folder = tmp_path_factory.mktemp("sweep") / "same"
    words = ("model=mlp", "epochs=8", "reg.gradient_clipping=inf,1e9", "seed=range(40)", f"hydra.sweep.dir={folder}")
    subprocess.run(python("-m", "regab", "train", "-m", *words), check=True, capture_output=True)
    return read([folder])


@pytest.mark.slow
def test_the_same_variant_under_two_names_gets_no_verdict(same_twice):
    for metric in ("test_accuracy", "test_loss", "val_accuracy", "val_loss", "train_loss"):
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
    assert judge(dealt.reshape(-1, variants, seeds)).new <= most(1000)
