"""Main effects and interactions: planted ones are recovered, and agree with least squares by statsmodels."""

import itertools

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from regab.analysis.verdicts.compare import compare
from regab.analysis.verdicts.contrasts import design
from regab.analysis.verdicts.effects import interactions, main_effects, same
from regab.sweep.design import assign
from tests.test_verdicts import results

FACTORS = ("reg.dropout.rate", "reg.l2.strength", "reg.norm.kind", "optimizer.lr")
LEVELS = {FACTORS[0]: ["0", "0.5"], FACTORS[1]: ["0", "1e-4"], FACTORS[2]: ["none", "batch"], FACTORS[3]: ["1", "2"]}
PLANTED = {FACTORS[0]: 0.03, FACTORS[1]: 0.0, FACTORS[2]: -0.02, FACTORS[3]: 0.01}
TOGETHER = 0.04  # of dropout and L2, beyond their sum


def planted(design, seeds, noise, rng, order=2):
    """Accuracies with the planted effects, a large effect of each seed on all variants, and noise."""
    bumps = rng.normal(0, 0.1, seeds)

    def accuracy(run):
        on = {key: run[key] == LEVELS[key][-1] for key in LEVELS}
        both = order == 2 and on[FACTORS[0]] and on[FACTORS[1]]
        return 0.7 + sum(effect for key, effect in PLANTED.items() if on[key]) + TOGETHER * both

    runs = [tuple(run.values()) for run in assign(design, LEVELS)]
    return results(
        {run: accuracy(dict(zip(LEVELS, run, strict=True))) + bumps + rng.normal(0, noise, seeds) for run in runs},
        factors=FACTORS,
    )


def test_contrasts_are_the_same_where_all_their_weights_are():
    rng = np.random.default_rng(0)
    one = rng.integers(-2, 3, (30, 7)) / 6
    other = np.concatenate([one[::3] + 1e-10, one[::5] + 1e-4, rng.normal(size=(5, 7))])
    assert (same(one, other) == np.isclose(one[:, None], other[None]).all(-1)).all()
    assert same(one, other)[::3, :10].diagonal().all()
    assert not same(one, other)[:, 10:].any()


def test_planted_effects_and_their_interaction_are_recovered():
    table = planted("grid", 6, 0.01, np.random.default_rng(1))
    main = main_effects(table).set_index("factor")
    # averaged over the other factor of the interaction, each of the two gains half of it
    expected = {key: effect + TOGETHER / 2 * (key in FACTORS[:2]) for key, effect in PLANTED.items()}
    for key, effect in expected.items():
        assert main.ci_low[key] < effect < main.ci_high[key]
        assert main.effect[key] == pytest.approx(effect, abs=0.006)
    assert main.verdict.tolist()[:3] == ["helps", "helps", "hurts"]
    pairs = interactions(table).set_index(["factor", "other"])
    assert len(pairs) == 6
    for pair, row in pairs.iterrows():
        assert row.ci_low < TOGETHER * (pair == FACTORS[:2]) < row.ci_high
    assert (pairs.verdict == "better together").tolist() == [True] + [False] * 5


def test_the_levels_of_a_baseline_that_is_asked_for_are_the_references_of_factors():
    table = planted("grid", 4, 0.01, np.random.default_rng(3))
    plain, turned = main_effects(table), main_effects(table, baseline={FACTORS[0]: "0.5", FACTORS[2]: "batch"})
    for factor, sign in ((FACTORS[0], -1), (FACTORS[1], 1), (FACTORS[2], -1), (FACTORS[3], 1)):
        ((before,), (after,)) = (rows[rows.factor == factor].to_dict("records") for rows in (plain, turned))
        names = ("level", "reference") if sign == 1 else ("reference", "level")
        assert (after["level"], after["reference"]) == tuple(before[name] for name in names)
        assert after["effect"] == pytest.approx(sign * before["effect"])


@pytest.mark.slow
def test_intervals_cover_planted_effects():
    rng, inside = np.random.default_rng(2), []
    for _ in range(60):
        table = planted("grid", 4, 0.02, rng)
        row = interactions(table).iloc[0]
        main = main_effects(table).iloc[2]
        inside += [row.ci_low < TOGETHER < row.ci_high, main.ci_low < PLANTED[FACTORS[2]] < main.ci_high]
    assert np.mean(inside) > 0.89


def test_seeds_are_blocks():
    """Seeds differ ten times as much as the noise; unpaired, no effect would be seen."""
    main = main_effects(planted("grid", 4, 0.01, np.random.default_rng(3)))
    assert (main.ci_high - main.ci_low).max() < 0.06


@pytest.mark.parametrize("failed", [0, 3, 12])
@pytest.mark.parametrize("kind", ["grid", "ablation"])
def test_the_estimates_are_those_of_least_squares_with_seeds_as_dummies(kind, failed):
    """With every run there and with some failed: a failed run costs itself, not its seed."""
    from statsmodels.api import OLS  # 0.7 s, for these tests only

    rng = np.random.default_rng(4)
    table = planted(kind, 5, 0.02, rng)
    table.loc[rng.choice(len(table), failed, replace=False), "status"] = "failed"
    there = table[table["status"] == "finished"]
    on = pd.DataFrame({key: (there[key] == LEVELS[key][-1]).astype(float) for key in LEVELS})
    seeds = pd.get_dummies(there["seed"]).astype(float)
    target = there["selected_test_accuracy"].to_numpy()
    fitted = OLS(target, pd.concat([on, seeds], axis=1).to_numpy()).fit()
    main = main_effects(table)
    np.testing.assert_allclose(main["effect"], fitted.params[: len(LEVELS)])
    assert set(main["missing"]) == {failed}
    assert main["n"].tolist() == [5] * 4
    if kind == "grid":
        products = [on[a] * on[b] for a, b in itertools.combinations(LEVELS, 2)]
        fitted = OLS(target, pd.concat([*products, on, seeds], axis=1).to_numpy()).fit()
        np.testing.assert_allclose(interactions(table)["effect"], fitted.params[:6])


def test_where_runs_failed_intervals_have_errors_clustered_by_seed_and_the_freedom_of_their_shares():
    """By statsmodels' sandwich, and the shares of seeds in what tells a factor apart from all else (Frisch & Waugh)."""
    from statsmodels.api import OLS

    rng = np.random.default_rng(4)
    table = planted("grid", 4, 0.02, rng)
    table.loc[rng.choice(len(table), 14, replace=False), "status"] = "failed"
    there = table[table["status"] == "finished"]
    on = np.array([there[key] == LEVELS[key][-1] for key in LEVELS], float).T
    x = np.concatenate([on, pd.get_dummies(there["seed"]).to_numpy(float)], 1)
    clustered = {"groups": there["seed"], "use_correction": False}
    fitted = OLS(there["selected_test_accuracy"].to_numpy(), x).fit(cov_type="cluster", cov_kwds=clustered)
    main = main_effects(table)
    for j, row in enumerate(main.itertuples()):
        told = pd.Series(OLS(x[:, j], np.delete(x, j, 1)).fit().resid ** 2).groupby(there["seed"].to_numpy()).sum()
        concentration = np.square(told / told.sum()).sum()
        error = fitted.bse[j] / np.sqrt(1 - concentration)
        reach = scipy.stats.t.ppf(0.975, 1 / concentration - 1) * error
        assert [row.ci_low, row.ci_high] == pytest.approx([row.effect - reach, row.effect + reach])


def test_a_fraction_tells_main_effects_and_no_interaction_that_it_confounds():
    rng = np.random.default_rng(5)
    table = planted("fractional", 5, 0.005, rng)  # 8 of 16 variants, resolution IV
    main = main_effects(table).set_index("factor")
    for key, effect in PLANTED.items():
        assert main.ci_low[key] < effect + TOGETHER / 2 * (key in FACTORS[:2]) < main.ci_high[key]
    assert interactions(table).empty


def test_one_at_a_time_has_the_differences_from_the_baseline_as_its_effects():
    table = planted("one_at_a_time", 5, 0.02, np.random.default_rng(6))
    main, differences = main_effects(table), compare(table).iloc[1:]
    np.testing.assert_allclose(main["effect"], differences["mean_difference"])
    np.testing.assert_allclose(main["ci_low"], differences["ci_low"])
    assert interactions(table).empty


def test_a_factor_of_three_levels_has_two_effects_against_its_off():
    cells = {(a, b): 0.8 + 0.1 * i + 0.01 * j for (i, a), (j, b) in
             itertools.product(enumerate(("0", "0.2", "0.5")), enumerate(("none", "batch")))}  # fmt: skip
    noise = np.random.default_rng(7)
    table = results({k: v + noise.normal(0, 1e-3, 3) for k, v in cells.items()}, factors=(FACTORS[0], FACTORS[2]))
    main = main_effects(table)
    assert main[["level", "reference"]].to_numpy().tolist() == [["0.2", "0"], ["0.5", "0"], ["batch", "none"]]
    np.testing.assert_allclose(main["effect"], [0.1, 0.2, 0.01], atol=3e-3)
    assert len(interactions(table)) == 2


def test_failed_runs_cost_no_more_than_themselves_and_a_seed_that_is_hardly_there_counts_for_little():
    rng = np.random.default_rng(8)
    cells = {(a, b): list(rng.normal(0.8, 0.01, 3)) for a in ("0", "0.2", "0.5") for b in ("none", "batch")}
    whole = main_effects(results(cells, factors=(FACTORS[0], FACTORS[2])))
    cells["0.2", "batch"][1] = None
    one = main_effects(results(cells, factors=(FACTORS[0], FACTORS[2])))
    assert one["ci_low"].notna().all()
    np.testing.assert_allclose(one["effect"], whole["effect"], atol=0.01)
    for cell in [("0", "batch"), ("0.2", "none"), ("0.2", "batch"), ("0.5", "none"), ("0.5", "batch")]:
        cells[cell][2] = None  # one run is left of the third seed: nothing to compare it with
    assert main_effects(results(cells, factors=(FACTORS[0], FACTORS[2])))["verdict"].unique() == "too few seeds"


@pytest.mark.slow
def test_intervals_cover_where_runs_failed():
    rng, inside = np.random.default_rng(12), []
    for _ in range(150):
        table = planted("grid", 4, 0.02, rng, order=1)
        table.loc[rng.choice(len(table), 8, replace=False), "status"] = "failed"
        main = main_effects(table)
        inside += [(main["ci_low"] < list(PLANTED.values())) & (main["ci_high"] > list(PLANTED.values()))]
    assert 0.92 < np.mean(inside) < 0.985


def test_a_level_is_counted_ahead_and_behind_in_the_settings_of_the_others():
    cells = {("0", "none"): 0.80, ("0.5", "none"): 0.82, ("0", "batch"): 0.90, ("0.5", "batch"): 0.89}
    table = results({k: [v, v + 0.01, v + 0.02] for k, v in cells.items()}, factors=(FACTORS[0], FACTORS[2]))
    found = main_effects(table).set_index("factor")[["ahead", "behind", "settings"]]
    assert found.loc[FACTORS[0]].tolist() == [1, 1, 2]
    assert found.loc[FACTORS[2]].tolist() == [2, 0, 2]


def test_a_factor_whose_runs_are_equal_to_the_last_digit_changed_nothing():
    rng = np.random.default_rng(3)
    cells = {("0", kind): list(rng.normal(0.8, 0.01, 3)) for kind in ("none", "batch")}
    cells |= {("1e-4", kind): values for (_, kind), values in cells.items()}
    found = main_effects(results(cells, factors=(FACTORS[1], FACTORS[2]))).set_index("factor")["verdict"]
    assert found[FACTORS[1]] == "changed nothing"
    assert found[FACTORS[2]] != "changed nothing"


def test_draws_that_share_no_level_have_no_effects():
    table = results({(str(i), str(2 * i)): [0.8, 0.81, 0.82] for i in range(1, 6)}, factors=FACTORS[:2])
    assert main_effects(table).empty
    assert interactions(table).empty


@pytest.mark.parametrize("seeds", [1, 2])
def test_one_or_two_seeds_have_effects_without_intervals(seeds):
    table = planted("grid", seeds, 0.01, np.random.default_rng(9))
    for found in (main := main_effects(table), interactions(table)):
        assert set(found["verdict"]) == {"too few seeds"}
        assert found["effect"].notna().all()
        assert found["ci_low"].isna().all()
    for row in main.itertuples():
        mean = table.groupby(row.factor)["selected_test_accuracy"].mean()
        assert row.effect == pytest.approx(mean[row.level] - mean[row.reference])


def test_the_weights_of_a_full_grid_are_differences_of_means():
    variants = {str(run): run for run in assign("grid", {"a": ["0", "1"], "b": ["0", "1"]})}
    one, two = (design(variants, {"a": "0", "b": "0"}, order) for order in (1, 2))
    assert one.terms == [(("a", "1"),), (("b", "1"),)]
    np.testing.assert_allclose(one.weights, [[-0.5, -0.5, 0.5, 0.5], [-0.5, 0.5, -0.5, 0.5]], atol=1e-12)
    np.testing.assert_allclose(two.weights, [[1, -1, -1, 1]], atol=1e-12)
