"""What may mislead: metrics that stopping rewards, folds with one test set, labels that are wrong on purpose."""

import numpy as np
import pandas as pd
import pytest
import torch

import regab as api
from regab.analysis.diagnosis import diagnosis, memorized, overfitting
from regab.analysis.merge import _configuration
from regab.analysis.selection import rules_differ
from regab.analysis.table import read
from regab.analysis.verdicts.compare import default_metric
from regab.data.split import Division, Source, Split, divide
from regab.errors import UsageError
from regab.records.files import from_json
from regab.records.log import CONFIG
from regab.report.conclusions import choice
from regab.report.study import Options, Study
from regab.report.summary import sweep_summary
from tests.conftest import SMALL


def test_validation_metrics_under_different_stopping_rules_are_compared_at_the_last_epoch(regab):
    words = (*SMALL, "epochs=8", "optimizer.lr=0.3", "reg.early_stopping=inf,8", "seed=0,1,2")
    sweep = regab("train", "-m", *words)
    assert "different rules" not in sweep.out
    folder = sweep.folder
    study = Study([folder], read([folder]), Options(metric="val_accuracy"))
    assert "Variants stop by different rules, so val accuracy is compared at the last epoch" in sweep_summary(study)
    assert (study.comparisons["mean_difference"].dropna() == 0).all()  # patience 8 of 8 epochs: the same weights
    by_test = study.by("test_accuracy")
    assert (by_test.options.at, by_test.moved) == ("selected", False)
    assert all("at the last epoch, as stopping rules differ" in text for _, text in choice(by_test))
    assert Study([folder], read([folder]), Options(metric="val_loss", at="last")).moved is False
    for results in (api.load(folder), pd.read_csv(folder / "results.csv")):  # in Python, where nobody reads a sentence
        with pytest.raises(UsageError, match=r'val_accuracy: .* different rules; compare at="last"'):
            api.compare(results, metric="val_accuracy")
        assert (api.compare(results, metric="val_accuracy", at="last")["mean_difference"].dropna() == 0).all()
        assert len(api.compare(results, metric="test_accuracy")) == 2
    with pytest.raises(UsageError, match="different rules"):
        api.load(folder).factors(metric="val_loss")


def test_where_all_stop_alike_nothing_is_moved(regab):
    words = (*SMALL, "reg.early_stopping=3", "reg.dropout=0,0.5", "seed=0,1,2")
    folder = regab("train", "-m", *words).folder
    assert not Study([folder], read([folder]), Options(metric="val_accuracy")).moved


def runs_that_stop_by(tmp_path, *rules):
    """A variant for each rule, as it stands in their configurations alone."""
    for number, rule in enumerate(rules):
        (tmp_path / f"{number}" / ".hydra").mkdir(parents=True)
        (tmp_path / f"{number}" / CONFIG).write_text(f"x: {number}\nreg:\n{rule}  l2:\n    strength: {number}\n")
    numbers = range(len(rules))
    return pd.DataFrame({"x": numbers, "seed": 0, "status": "finished", "folder": [f"{tmp_path}/{n}" for n in numbers]})


def test_rules_that_are_written_alike_are_read_once(tmp_path):
    of = "  early_stopping:\n    patience: {}\n    monitor: val_loss\n".format
    before = _configuration.cache_info().misses
    assert not rules_differ(runs_that_stop_by(tmp_path / "alike", *map(of, (3, 3, 3))))
    assert _configuration.cache_info().misses == before + 1
    assert not rules_differ(runs_that_stop_by(tmp_path / "so_to_speak", *map(of, (3, "3", "3 # epochs"))))
    assert rules_differ(runs_that_stop_by(tmp_path / "last", *map(of, (3, 3, 4))))
    in_a_line = "  early_stopping: {patience: 3, monitor: val_loss}\n"
    assert not rules_differ(runs_that_stop_by(tmp_path / "otherwise", of(3), in_a_line, in_a_line))
    assert rules_differ(runs_that_stop_by(tmp_path / "in_a_line", in_a_line, in_a_line.replace("3", "4")))


@pytest.mark.parametrize(("folds", "metric"), [([None, None], "test_accuracy"), ([0, 1], "val_accuracy")])
def test_under_folds_the_folds_own_metric_is_the_default(folds, metric):
    measured = {f"selected_{split}_accuracy": [0.5, 0.6] for split in ("val", "test")}
    runs = {"seed": [0, 1], "fold": pd.array(folds, "Int64"), "status": ["finished", "finished"]}
    assert default_metric(pd.DataFrame(runs | measured)) == metric


def test_the_default_is_measured_of_every_variant():
    """Balanced accuracy comes first of data with a rare class; others do not have it."""
    runs = {
        "data.path": ["a", "a", "b"],
        "seed": [0, 1, 0],
        "fold": pd.array([None] * 3, "Int64"),
        "status": "finished",
    }
    balanced = {"selected_test_balanced_accuracy": [0.5, 0.6, None], "selected_test_accuracy": [0.9, None, 0.8]}
    assert default_metric(pd.DataFrame(runs | balanced)) == "test_accuracy"
    both = pd.DataFrame(runs | balanced)[:2]
    assert default_metric(both) == "test_balanced_accuracy"


def test_the_share_of_wrong_labels_is_what_the_noise_left_wrong(regab):
    y = torch.arange(1000) % 5
    data = divide(Source(Split(torch.rand(1000, 2), y), 5), Division(label_noise=0.4, test_fraction=0.2))
    assert data.wrong == pytest.approx(0.4 * 4 / 5, abs=0.04)
    assert divide(Source(Split(torch.rand(1000, 2), y), 5), Division(test_fraction=0.2)).wrong == 0
    folder = regab("train", *SMALL, "data.label_noise=0.5", "curves=false").folder
    assert 0.35 < from_json((folder / "result.json").read_bytes())["wrong_labels"] < 0.55


def test_wrong_labels_that_were_learned_are_counted():
    assert memorized(0.925, 0.18) == (
        "fits 92.5% of the training labels, of which 18.0% are wrong, so 82.0% could be fitted honestly: at least 58% "
        "of the wrong labels were learned"
    )
    assert memorized(0.8, 0.18) == memorized(1.0, 0.0) == ""
    flat = np.full(11, 0.5)
    run = {"epoch": np.arange(11.0), "train_loss": flat, "val_loss": flat, "val_accuracy": flat}
    run["train_accuracy"] = np.linspace(0.1, 0.925, 11)
    assert diagnosis([run], wrong=0.18).startswith("Memorizes: it fits 92.5% of the training labels")
    assert overfitting(run, wrong=0.18).startswith("It fits 92.5% of the training labels")
    assert "overfit" not in (diagnosis([run], wrong=0.18) + overfitting(run, wrong=0.18))
    assert "Memorizes" not in diagnosis([run])
