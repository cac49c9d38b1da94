"""Designs: which variants a sweep consists of."""

import csv
import itertools
import re

import numpy as np
import pytest

from regab.errors import UsageError
from regab.sweep.design import Range, assign
from regab.sweep.fraction import confounded, fraction
from regab.sweep.reference import reference

FACTORS = {"a": ["0", "1", "2"], "b": ["no", "yes"], "c": ["x", "y"]}


def written(runs, keys="abc"):
    return [" ".join(run[key] for key in keys) for run in runs]


def test_one_at_a_time_is_the_baseline_then_every_other_level_alone():
    assert written(assign("one_at_a_time", FACTORS)) == ["0 no x", "1 no x", "2 no x", "0 yes x", "0 no y"]


def test_leave_one_out_is_everything_then_each_off():
    assert written(assign("leave_one_out", FACTORS)) == ["2 yes y", "0 yes y", "2 no y", "2 yes x"]


def test_an_ablation_is_the_baseline_each_alone_each_left_out_and_everything():
    assert written(assign("ablation", FACTORS)) == [
        "0 no x", "2 no x", "0 yes x", "0 no y", "0 yes y", "2 no y", "2 yes x", "2 yes y",
    ]  # fmt: skip


def test_an_ablation_of_two_has_no_variant_twice():
    assert written(assign("ablation", {"a": ["0", "1"], "b": ["0", "1"]}), "ab") == ["0 0", "1 0", "0 1", "1 1"]


def test_zip_goes_through_all_lists_together():
    assert written(assign("zip", {"a": ["1", "2", "3"], "b": ["[1]", "[2,3]", "[4]"]}), "ab") == [
        "1 [1]", "2 [2,3]", "3 [4]",
    ]  # fmt: skip


@pytest.mark.parametrize("design", ["grid", "one_at_a_time", "leave_one_out", "ablation", "random"])
def test_seeds_and_folds_are_no_factors_and_single_values_go_along(design):
    draws = {"n": 4} if design == "random" else {}
    variants = assign(design, FACTORS, **draws)
    runs = assign(design, {"seed": ["0", "1"], "model": ["mlp"], **FACTORS, "data.fold": ["0", "1", "2"]}, **draws)
    assert written(runs[::6]) == written(variants)
    assert [(run["seed"], run["data.fold"]) for run in runs[:6]] == list(itertools.product("01", "012"))
    assert all(list(run) == ["seed", "model", "a", "b", "c", "data.fold"] for run in runs)


@pytest.mark.parametrize("count", range(1, 20))
def test_a_fraction_is_balanced_has_resolution_four_and_the_baseline_first(count):
    runs = np.array(fraction(count))
    assert not runs[0].any()
    assert len(runs) < 2**count or count < 4
    assert len(runs) <= max(4 * count, 8)
    signs = 2 * runs - 1
    main = signs.T @ signs
    np.testing.assert_array_equal(main, len(runs) * np.eye(count))  # main effects are orthogonal to each other,
    for a, b in itertools.combinations(range(count), 2):  # and to every product of two
        products = signs.T @ (signs[:, a] * signs[:, b])
        assert not products.any()


@pytest.mark.parametrize("count", [3, 4, 5, 6, 8, 11])
def test_the_confounding_that_is_printed_is_that_of_the_runs(count):
    names = [f"f{i}" for i in range(count)]
    signs = 2 * np.array(fraction(count)) - 1
    products = {f"{names[a]}×{names[b]}": signs[:, a] * signs[:, b] for a, b in itertools.combinations(range(count), 2)}
    equal = {
        frozenset((one, two))
        for one, two in itertools.combinations(products, 2)
        if abs(products[one] @ products[two]) == len(signs)
    }
    said = {frozenset(pair) for group in confounded(names) for pair in itertools.combinations(group, 2)}
    assert said == equal
    assert bool(said) == (count not in (3, 5))  # five factors in 16 runs have resolution V


def test_random_draws_lie_in_their_ranges_and_fill_them():
    ranges = {"lr": Range(1e-6, 1e-2, log=True), "rate": Range(0.1, 0.7), "batch": Range(16, 64), "kind": ["p", "q"]}
    draws = assign("random", ranges, n=400)
    assert len({tuple(draw.values()) for draw in draws}) == 400
    logs = np.log10([float(draw["lr"]) for draw in draws])
    np.testing.assert_allclose(np.histogram(logs, 4, (-6, -2))[0], 100, atol=30)
    rates = np.array([float(draw["rate"]) for draw in draws])
    np.testing.assert_allclose(np.histogram(rates, 4, (0.1, 0.7))[0], 100, atol=30)
    assert {int(draw["batch"]) for draw in draws} == set(range(16, 65))
    assert abs(sum(draw["kind"] == "p" for draw in draws) - 200) < 40


def test_more_random_draws_begin_with_the_fewer_and_another_key_changes_none():
    ranges = {"a": Range(0.0, 1.0), "b": Range(0.0, 1.0)}
    few, many = assign("random", ranges, n=5), assign("random", ranges, n=50)
    assert many[:5] == few
    with_third = assign("random", ranges | {"c": Range(0.0, 1.0)}, n=5)
    assert [(d["a"], d["b"]) for d in with_third] == [(d["a"], d["b"]) for d in few]
    assert assign("random", ranges, n=5, random_seed=1) != few
    assert all(d["a"] != d["b"] for d in few)


def test_random_draws_from_few_combinations_stop_when_all_are_drawn():
    assert len(assign("random", {"a": ["0", "1"], "b": ["0", "1"]}, n=10)) == 4


@pytest.mark.parametrize(
    ("design", "factors", "message"),
    [
        ("gird", FACTORS, "--design gird: must be one of grid, one_at_a_time, leave_one_out, ablation"),
        ("fractional", FACTORS, "--design fractional: a has 3 values; give it two, off and on"),
        ("zip", FACTORS, "--design zip: all keys must have the same number of values; a has 3, b has 2, c has 2"),
        ("ablation", {"a": ["1"]}, "--design ablation: no key has two values or more"),
        (
            "grid",
            {"a": Range(0, 1)},
            "a=interval(0,1): this design needs a list of values; give a list or range(…)",
        ),
        ("random", {"a": Range(2, 1)}, "a=interval(2,1): must go from a smaller to a larger number"),
        ("random", {"a": Range(0, 1, log=True)}, "a=tag(log,interval(0,1)): must begin above 0"),
    ],
)
def test_what_a_design_cannot_do_is_said_in_one_line(design, factors, message):
    with pytest.raises(UsageError) as error:
        assign(design, factors)
    assert str(error.value).startswith(message)


TINY = ("data.n_train=100", "epochs=1", "stack.workers=0")


def rows(folder):
    with (folder / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_groups_and_lists_are_factors_of_a_design(regab):
    words = ("model=mlp", "optimizer=adam,sgd", "model.widths=[4],[8,4]", "reg.dropout=0,0.5", "seed=0,1", *TINY)
    done = regab("train", "-m", "--design", "one_at_a_time", *words)
    assert done.code == 0, done.err
    keys = ("optimizer", "model.widths", "reg.dropout.rate", "seed")
    assert [tuple(row[key] for key in keys) for row in rows(done.folder)[::2]] == [
        ("adam", "[4]", "0", "0"), ("sgd", "[4]", "0", "0"), ("adam", "[8,4]", "0", "0"), ("adam", "[4]", "0.5", "0"),
    ]  # fmt: skip


def test_the_plan_says_what_a_design_will_train_and_what_it_confounds(regab):
    factors = [f"reg.{m}=0,0.1" for m in ("dropout", "l1", "l2", "weight_decay", "label_smoothing", "elastic_net")]
    done = regab("train", "--design", "fractional", *factors, "--seeds", "3", "--dry-run", *TINY)
    lines = done.out.splitlines()
    assert lines[0].startswith("fractional: 16 variants, each 3 times, instead of 64; every main effect is clear")
    assert "dropout.rate×l1.strength = l2.strength×" in done.out
    assert lines[-1].startswith("48 runs; 48 to train")
    assert done.folder is None


def test_random_values_are_drawn_from_intervals_on_the_command_line(regab):
    words = ("reg.l2=tag(log,interval(1e-6,1e-2))", "batch_size=int(interval(16,64))", "model=linear", *TINY)
    done = regab("train", "--design", "random", "--n", "3", *words, "seed=0,1", "--dry-run")
    listed = re.findall(r"^  l2\.strength=(\S+), batch_size=(\d+), 2 times$", done.out, re.MULTILINE)
    assert ("0", "64") in listed  # what they are compared with: the configuration without what is varied
    drawn = {*listed} - {("0", "64")}
    assert (len(listed), len(drawn)) == (4, 3)
    assert all(1e-6 <= float(l2) <= 1e-2 and 16 <= int(size) <= 64 for l2, size in drawn)


def test_draws_are_compared_with_neutral_methods_and_the_other_keys_as_they_stand():
    factors = {
        "reg.dropout.rate": Range(0.1, 0.6),
        "reg.norm.kind": ["batch", "none"],
        "reg.early_stopping.patience": Range(2, 5),
        "model": ["cnn", "mlp"],
        "optimizer.lr": Range(1e-4, 1e-2, log=True),
    }
    standing = {"optimizer.lr": "0.001"}
    assert reference(factors, standing.get) == dict(zip(factors, ("0", "none", "inf", "cnn", "0.001"), strict=True))
    assert reference(factors, {}.get) is None  # nothing stands there to compare with
    runs = assign(
        "random", factors | {"seed": ["0", "1"]}, n=3, reference=lambda varied: reference(varied, standing.get)
    )
    assert len(runs) == 8
    assert [run["seed"] for run in runs if run["reg.dropout.rate"] == "0"] == ["0", "1"]


@pytest.mark.slow
def test_a_design_is_resumed_with_more_seeds(regab):
    words = ("reg.dropout=0,0.5", "reg.l2=0,0.1", "model=mlp", "model.widths=[8]", *TINY)
    done = regab("train", "-m", "--design", "leave_one_out", *words, "seed=0")
    again = regab("train", "--resume", str(done.folder), "seed=0,1")
    assert again.code == 0, again.err
    assert "3 done already; 3 to train" in again.out
    assert len(rows(done.folder)) == 6


def test_a_number_of_draws_is_refused_where_nothing_is_drawn():
    with pytest.raises(UsageError, match="--n 4: is for --design random"):
        assign("ablation", FACTORS, n=4)


def test_a_dry_run_of_many_variants_shows_some_and_counts_the_rest(regab):
    rates = ",".join(f"{i / 100}" for i in range(50))
    done = regab("train", "-m", f"reg.dropout={rates}", "--dry-run", *TINY)
    lines = [line for line in done.out.splitlines() if line.startswith("  ")]
    assert len(lines) == 41
    assert lines[-1] == "  … and 10 more"
