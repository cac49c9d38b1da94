"""One page: factors, interactions and variants share the five per cent, over all looks."""

import numpy as np
import pytest

from regab.analysis.verdicts.compare import compare, sweep_of
from regab.analysis.verdicts.effects import interactions, main_effects
from regab.analysis.verdicts.family import gatekept, holm
from regab.analysis.verdicts.judgement import judge
from regab.analysis.verdicts.looks import at_look, automatic, spending
from tests.test_effects import FACTORS, planted
from tests.test_verdicts import BASE, UP, results

RNG = np.random.default_rng(0)


def test_factors_have_the_adjustment_that_is_theirs_alone_while_none_has_a_verdict():
    p = np.array([0.03, 0.2, 0.6])
    first, then = gatekept(p, np.array([1e-9, 1e-9]))
    np.testing.assert_allclose(first[0], 3 * 0.03)
    assert (then >= first[0]).all()


def test_a_single_question_of_either_kind_is_adjusted_for_nothing():
    first, then = gatekept(np.array([0.03]), np.array([]))
    assert [*first] == [0.03]
    assert [*then] == []
    assert [*gatekept(np.array([]), np.array([0.03, np.nan]))[1]][:1] == [0.03]


def test_without_factors_the_adjustment_is_holms():
    p = RNG.uniform(0, 0.1, 8)
    p[3] = np.nan
    np.testing.assert_allclose(gatekept(np.array([]), p)[1], holm(p))
    np.testing.assert_allclose(gatekept(p, np.array([]))[0], holm(p))


def test_what_a_verdict_does_not_use_up_passes_on():
    """Two factors at 2.5 % each: the first passes 1.25 % to the other factor and 1.25 % to two variants."""
    first, then = gatekept(np.array([0.02, 0.9]), np.array([0.006, 0.012]))
    np.testing.assert_allclose(first, [0.04, 0.9])  # and the variants, found, pass theirs back
    np.testing.assert_allclose(then, [0.006 / 0.125, 0.012 / 0.25], rtol=1e-6)


def test_whatever_is_true_at_most_one_page_in_twenty_has_a_false_verdict():
    rng, true = np.random.default_rng(1), np.array([True, False, False, True, False, False, False])
    wrong = 0
    for _ in range(4000):
        p = np.where(true, rng.uniform(0, 1e-6, 7), rng.uniform(0, 1, 7))
        adjusted = np.concatenate(gatekept(p[:3], p[3:]))
        wrong += (adjusted[~true] < 0.05).any()
    assert wrong / 4000 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4000)


def test_a_page_has_the_tables_of_its_parts_with_verdicts_of_its_own():
    table = planted("grid", 5, 0.01, np.random.default_rng(2))
    page = judge(sweep_of(table))
    for found, alone in zip(page, (main_effects(table), interactions(table), compare(table)), strict=True):
        assert list(found) == list(alone)
        np.testing.assert_array_equal(found["p_value"], alone["p_value"])
    assert page.factors["verdict"].tolist()[:3] == ["helps", "helps", "hurts"]
    assert page.factors["depends_on"].tolist() == [FACTORS[1], FACTORS[0], "", ""]


def test_a_level_depends_on_others_only_where_that_level_has_the_interaction():
    factors = ("reg.dropout.rate", "reg.norm.kind", "reg.l2.strength")
    rng, noise = np.random.default_rng(0), 1e-3
    cells = {
        (rate, kind, l2): 0.8 + 0.05 * (rate == "0.5" and kind == "batch") + rng.normal(0, noise, 4)
        for rate in ("0", "0.2", "0.5") for kind in ("none", "batch") for l2 in ("0", "0.5")
    }  # fmt: skip
    found = judge(sweep_of(results(cells, factors=factors))).factors.set_index(["factor", "level"])["depends_on"]
    assert found.to_dict() == {
        (factors[0], "0.2"): "",
        (factors[0], "0.5"): factors[1],
        (factors[1], "batch"): factors[0],
        (factors[2], "0.5"): "",
    }


def test_where_a_variant_is_the_factor_both_have_one_verdict():
    table = planted("one_at_a_time", 5, 0.005, np.random.default_rng(6))
    page = judge(sweep_of(table))
    np.testing.assert_array_equal(page.factors["p_adjusted"], page.variants["p_adjusted"][1:])
    assert page.factors["verdict"].tolist() == page.variants["verdict"].tolist()[1:]
    np.testing.assert_allclose(page.factors["p_adjusted"], main_effects(table)["p_adjusted"])  # sums round


@pytest.mark.parametrize("planned", [None, 1, 3])
def test_looks_never_spend_more_than_five_per_cent(planned):
    assert sum(spending([3, 5, 8, 12, 20, 40], planned)) <= 0.05
    assert sum(level for _, level in automatic(6)) <= 0.05 + 1e-12  # with more they lean on each other: calibration
    assert [seeds for seeds, _ in automatic(30)][:: len(automatic(30)) - 1] == [3, 30]


def test_a_verdict_of_an_earlier_look_stands_and_later_looks_spend_what_is_left():
    table = results({"0": [*BASE, 0.90, 0.91], "0.5": [*UP, 0.85, 0.99]})
    seeds = {f"dropout.rate={level}": list(range(5)) for level in ("0", "0.5")}
    then = at_look(table, seeds)
    assert len(then) == 10
    assert judge(sweep_of(table)).variants["verdict"][1] == "no evidence"
    assert judge(sweep_of(table), before=[(seeds, 0.025)]).variants["verdict"][1] == "helps"
    alone = judge(sweep_of(then)).variants["p_adjusted"][1]
    assert judge(sweep_of(then), level=0.01).variants["p_adjusted"][1] == pytest.approx(5 * alone)
    assert judge(sweep_of(then), level=0.0).variants["p_adjusted"][1] == 1


def test_an_earlier_look_knows_only_the_runs_that_each_variant_had_then():
    noisy = [0.01, -0.02, 0.03]
    table = results({"0": [0.9] * 8, "0.5": [0.9 + gain for gain in (*noisy, *np.linspace(0.05, 0.06, 5))]})
    seeds = {"dropout.rate=0": [*range(8)], "dropout.rate=0.5": [0, 1, 2]}
    assert judge(sweep_of(table)).variants["verdict"][1] == "helps"
    assert judge(sweep_of(table), level=1e-6, before=[(seeds, 0.05)]).variants["verdict"][1] == "no evidence"
