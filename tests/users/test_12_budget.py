"""Use 12: somebody searches within a budget, and wants to know whether what was found is better than nothing."""

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

WORDS = ("data.n_train=200", "model=mlp", "model.widths=[32]", "epochs=4", "device=cpu")
SEARCH = ("--design", "random", "--n", "3", "reg.dropout=interval(0.1,0.6)", "reg.l2=tag(log,interval(1e-5,1e-2))")


def test_what_a_search_finds_is_compared_with_no_regularization_and_seeds_are_no_hyperparameter(regab):
    done = regab("train", "-m", *WORDS, *SEARCH, "--seeds", "3")
    assert done.code == 0, done.err
    effects = pd.read_csv(done.folder / "effects.csv", keep_default_na=False)
    assert effects["verdict"].tolist()[0] == "baseline"
    assert effects.loc[0, ["reg.dropout.rate", "reg.l2.strength"]].astype(float).tolist() == [0, 0]
    assert effects["n"].tolist() == [3] * 4
    assert "To choose, go by val accuracy (mean over 3 seeds)" in done.out


def test_a_budget_ends_a_sweep_that_adds_seeds_and_more_draws_are_added_to_it(regab):
    done = regab("train", "-m", *WORDS, *SEARCH, "--seeds", "auto", "--budget", "1s")
    assert done.code == 0, done.err
    assert len(pd.read_csv(done.folder / "results.csv")) >= 12
    more = regab("train", "--resume", str(done.folder), "--n", "5", "--seeds", "3")
    assert more.code == 0, more.err
    assert len(pd.read_csv(done.folder / "effects.csv")) == 6
