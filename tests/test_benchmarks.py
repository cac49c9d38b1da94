"""What benchmarks say of the usual way is what that way would say."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.benchmarks.rivals import noisy_labels
from tests.benchmarks.rivals.noisy_labels import EPOCHS, NOISE, splits
from tests.benchmarks.verdict import usual_words

GRID = {"dropout": [0, 0.5], "norm": ["none", "batch"], "weight_decay": [0, 1]}


def grid(unsteady=0.0, **effects):
    """Ten seeds of all combinations; what a regularizer does differs by seed by ± ``unsteady``."""
    rows = [dict(zip([*GRID, "seed"], levels, strict=True)) for levels in product(*GRID.values(), range(10))]
    table, random = pd.DataFrame(rows), np.random.default_rng(0).normal(0, 0.02, 10)
    does = (-1.0) ** table["seed"] * unsteady
    table["accuracy"] = 0.9 + random[table["seed"]]
    for factor, effect in effects.items():
        table["accuracy"] += (table[factor] == GRID[factor][1]) * (effect + does)
    return table


def test_the_usual_way_tells_help_from_harm_and_from_nothing():
    table = grid(0.003, dropout=0.02, norm=-0.02, weight_decay=0.0)
    expected = {"dropout=0.5": "helps", "norm=batch": "hurts", "weight_decay=1": "no practical difference"}
    assert usual_words(table, GRID) == expected


def test_the_usual_way_counts_how_many_regularizers_it_tries():
    table = grid(0.01, dropout=0.0086, norm=0.0086, weight_decay=0.0)
    means = table.pivot_table("accuracy", index="seed", columns="dropout")
    assert 0.05 / 3 < stats.ttest_rel(means[0.5], means[0]).pvalue < 0.05
    assert usual_words(table, {"dropout": GRID["dropout"]}) == {"dropout=0.5": "helps"}
    assert set(usual_words(table, GRID).values()) == {"no evidence"}


def test_the_usual_script_writes_a_row_for_every_combination_and_seed(tmp_path, monkeypatch):
    monkeypatch.setattr(noisy_labels, "EPOCHS", 1)
    noisy_labels.main(8, 2, {"norm": ["none", "batch"], "dropout": [0, 0.9]}, tmp_path / "runs.csv")
    table = pd.read_csv(tmp_path / "runs.csv", keep_default_na=False)
    assert table[["norm", "dropout", "seed"]].drop_duplicates().shape == (8, 3)
    assert table["accuracy"].nunique() > 4
    assert table["accuracy"][0] == pytest.approx(noisy_labels.accuracy(8, 0))


def test_the_usual_script_trains_on_what_regab_trains_on():
    train, val, test = splits()
    assert [len(part) for part in (train, val, test)] == [1149, 288, 360]
    assert EPOCHS == 40
    assert NOISE == 0.2
