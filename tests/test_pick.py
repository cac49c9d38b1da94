"""Choosing a configuration by its mean validation score."""

import pandas as pd
import pytest

from regab.analysis.pick import ranking
from regab.analysis.table import read
from regab.errors import UsageError


def results(scores, losses=None, metric="accuracy", failed=()):
    """Runs of variants ``scores[level]`` with one score per fold."""
    rows = [
        {
            "reg.l2.strength": level, "seed": 0, "fold": fold,
            "status": "failed" if (level, fold) in failed else "finished",
            f"selected_val_{metric}": score, "selected_val_loss": (losses or scores)[level][fold],
            f"selected_test_{metric}": 0.5,
        }
        for level, own in scores.items() for fold, score in enumerate(own)
    ]  # fmt: skip
    return pd.DataFrame(rows).astype({"fold": "Int64"})


def test_the_best_mean_over_the_folds_wins_and_not_the_best_fold():
    found = ranking(results({"0": [0.99, 0.60], "1": [0.85, 0.85], "2": [0.80, 0.80]}))
    assert found["reg.l2.strength"].tolist() == ["1", "2", "0"]
    assert found["mean"].tolist() == pytest.approx([0.85, 0.80, 0.795])
    assert found["n"].tolist() == [2, 2, 2]


def test_of_equal_accuracies_the_lower_loss_wins_and_errors_are_better_when_lower():
    same = {"0": [0.9, 0.9], "1": [0.9, 0.9]}
    assert ranking(results(same, {"0": [0.4, 0.4], "1": [0.3, 0.3]}))["reg.l2.strength"].tolist() == ["1", "0"]
    errors = results({"0": [3.0, 2.0], "1": [2.0, 2.0]}, metric="rmse")
    assert ranking(errors)["reg.l2.strength"].tolist() == ["1", "0"]


def test_a_variant_with_a_failed_fold_cannot_win():
    table = results({"0": [0.99, 0.2], "1": [0.8, 0.8]}, failed={("0", 1)})
    assert ranking(table)["reg.l2.strength"].tolist() == ["1", "0"]
    assert ranking(table)["complete"].tolist() == [True, False]


def test_without_validation_data_nothing_is_ranked():
    table = results({"0": [0.9], "1": [0.8]})
    table[["selected_val_accuracy", "selected_val_loss"]] = float("nan")
    assert ranking(table).empty


def test_a_metric_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match="unknown metric"):
        ranking(results({"0": [0.9], "1": [0.8]}), metric="val_f1")


@pytest.mark.slow
def test_a_random_design_over_folds_picks_a_configuration_by_mean_validation_score(regab):
    words = ("data=wine", "model=linear", "epochs=3", "optimizer.lr=0.01", "data.folds=5", "data.fold=range(5)")
    sweep = regab("train", "-m", "--design", "random", "--n", "6", *words, "reg.l2=tag(log,interval(1e-4,10))")
    assert sweep.code == 0, sweep.err
    table = pd.read_csv(sweep.folder / "results.csv")
    assert len(table) == 35  # six draws, and with all methods at neutral
    means = table.groupby("reg.l2.strength")[["selected_val_accuracy", "selected_val_loss"]].mean()
    order = means.sort_values(["selected_val_accuracy", "selected_val_loss"], ascending=[False, True])
    found = ranking(read([sweep.folder]))
    assert found["reg.l2.strength"].astype(float).tolist() == order.index.tolist()
    assert found["mean"].tolist() == pytest.approx(order["selected_val_accuracy"].tolist())
    assert "To choose, go by val accuracy (mean over 5 folds): " in sweep.out
    assert "deviation over folds (n = 5). Differences are paired by fold," in (sweep.folder / "table.md").read_text()
