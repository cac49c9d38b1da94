"""Cross-validation: the folds, and folds as replicates of a sweep."""

import csv
import json

import numpy as np
import pytest
import torch
from sklearn.model_selection import KFold, StratifiedKFold

from regab.command.shorthands import expand
from regab.data.division.folds import held_out_in
from regab.data.embedded import diabetes, wine
from regab.data.split import Division, Source, Split, divide
from regab.errors import UsageError
from tests.conftest import curves, same

SWEEP = ("data=wine", "model=mlp", "model.widths=[8]", "epochs=2", "data.folds=3", "data.fold=range(3)")


def numbered(source):
    """The same source with the number of each example as its only feature, left as it is."""
    rows = torch.arange(len(source.train), dtype=torch.float64)[:, None]
    return source._replace(train=Split(rows, source.train.y), fit=lambda x: (lambda examples: examples, {}))


def table(folder):
    with (folder / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("folds", [2, 3, 5, 10])
@pytest.mark.parametrize("seed", [0, 7])
def test_folds_are_those_of_scikit_learns_splitters(folds, seed):
    source, shuffled = wine().train, torch.randperm(178, generator=torch.Generator().manual_seed(seed))
    for y in (source.y, source.y[shuffled], torch.arange(178) % 5 % 3):
        splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
        for number, (_, held_out) in enumerate(splitter.split(np.zeros(len(y)), y)):
            assert (held_out_in(y, folds, seed) == number).nonzero()[:, 0].tolist() == held_out.tolist()
    y = diabetes().train.y
    for number, (_, held_out) in enumerate(KFold(folds, shuffle=True, random_state=seed).split(y)):
        assert (held_out_in(y, folds, seed) == number).nonzero()[:, 0].tolist() == sorted(held_out)


def test_all_of_a_data_set_is_cross_validated_as_scikit_learn_does_it():
    source, splitter = numbered(wine()), StratifiedKFold(5, shuffle=True, random_state=3)
    for fold, (train, held_out) in enumerate(splitter.split(np.zeros(178), source.train.y)):
        data = divide(source, Division(val_fraction=0.2, split_seed=3, folds=5, fold=fold))
        assert data.train.x[:, 0].tolist() == train.tolist()
        assert data.val.x[:, 0].tolist() == held_out.tolist()
        assert len(data.test) == 0


@pytest.mark.parametrize("source", [wine(), diabetes()])
def test_the_test_set_is_the_same_for_every_fold_and_without_folds(source):
    source = numbered(source)
    plain = divide(source, Division(None, 0.2, 0.25))
    parts = [divide(source, Division(None, 0.2, 0.25, folds=4, fold=fold)) for fold in range(4)]
    assert all(torch.equal(part.test.x, plain.test.x) for part in parts)
    held_out = sorted(number for part in parts for number in part.val.x[:, 0].tolist())
    assert held_out == sorted(set(range(len(source.train))) - set(plain.test.x[:, 0].tolist()))
    for part in parts:
        everything = torch.cat([split.x for split in (part.train, part.val, part.test)])[:, 0]
        assert sorted(everything.tolist()) == list(range(len(source.train)))


def test_what_is_fitted_never_sees_the_fold_held_out():
    seen = []

    def fit(x):
        seen.append(set(x[:, 0].tolist()))
        return lambda examples: examples, {}

    source = numbered(wine())._replace(fit=fit)
    for fold in range(3):
        data = divide(source, Division(folds=3, fold=fold))
        assert not seen[-1] & set(data.val.x[:, 0].tolist())


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ({"fold": 1}, "data.fold=1: needs data.folds"),
        ({"folds": 1}, "data.folds=1: must be at least 2"),
        ({"folds": 5, "fold": 5}, "data.fold=5: must be from 0 to 4"),
        ({"folds": 200}, "data.folds=200: must be at most 178"),
    ],
)
def test_folds_that_cannot_be_are_refused(words, complaint):
    with pytest.raises(UsageError, match=complaint):
        divide(wine(), Division(**words))


def test_early_stopping_takes_the_fold_for_its_validation_data(configure):
    words = ("data=wine", "model=linear", "data.val_fraction=0", "epochs=3", "reg.early_stopping=1")
    with pytest.raises(UsageError, match=r"needs data.val_fraction above 0"):
        configure(*words)
    (run,) = curves(configure(*words, "data.folds=4"))
    assert np.isfinite(run["val_loss"]).all()


@pytest.mark.slow
def test_a_fold_is_a_replicate_beside_the_seed(regab, configure):
    sweep = regab("train", "-m", *SWEEP, "reg.dropout=0,0.5", "seed=0,1")
    assert sweep.code == 0, sweep.err
    rows = table(sweep.folder)
    assert list(rows[0])[:5] == ["reg.dropout.rate", "seed", "fold", "status", "reason"]
    assert sorted((row["reg.dropout.rate"], row["seed"], row["fold"]) for row in rows) == sorted(
        (rate, seed, fold) for rate in ("0", "0.5") for seed in "01" for fold in "012"
    )
    assert "dropout.rate=0.5     6" in sweep.out
    assert any(row["folder"].startswith("fold=2,dropout.rate=0.5,seed=1-") for row in rows)
    row = next(row for row in rows if (row["fold"], row["seed"]) == ("2", "1"))
    (alone,) = curves(configure(*SWEEP[:-1], "data.fold=2", "seed=1", f"reg.dropout={row['reg.dropout.rate']}"))
    assert float(row["last_val_loss"]) == alone["val_loss"][-1]
    result = json.loads((sweep.folder / row["folder"] / "result.json").read_text())
    assert (result["seed"], result["fold"]) == (1, 2)


def test_folds_have_a_shorthand(regab):
    assert expand(["--folds", "4"])[:2] == (["-m", "data.folds=4", "data.fold=range(4)"], False)
    assert regab("train", "--folds", "1").err == "regab: --folds 1: must be a whole number from 2\n"
    assert regab("train", "--folds").err == "regab: --folds: needs a value, as in --folds 3\n"


def test_a_sweep_of_folds_has_no_factors_and_lists_failed_runs_with_their_fold(regab):
    rows = table(regab("train", "-m", *SWEEP, "optimizer.lr=1e20").folder)
    assert next(iter(rows[0])) == "seed"
    assert {row["status"] for row in rows} == {"failed"}
    assert [row["fold"] for row in rows] == ["0", "1", "2"]


def test_runs_of_one_fold_are_the_same_alone_and_stacked(configure):
    runs = [configure(*SWEEP[:-1], "data.fold=1", f"seed={seed}") for seed in range(3)]
    for alone, beside in zip([curves(run)[0] for run in runs], curves(*runs), strict=True):
        assert same(alone, beside)


def test_a_source_is_read_once_for_all_folds(configure, monkeypatch):
    from regab.data import embedded
    from regab.training.assembly.data import load_data

    read = []
    original = embedded.iris
    monkeypatch.setattr(embedded, "iris", lambda: read.append(1) or original())
    for fold in range(4):
        load_data(configure("data=iris", "data.folds=4", f"data.fold={fold}")["data"], torch.device("cpu"))
    assert len(read) == 1


def test_examples_too_few_for_every_fold_to_have_each_class_are_still_all_held_out_once():
    source = Source(Split(torch.randn(7, 2), torch.tensor([0, 0, 0, 0, 1, 1, 1])), 2)
    sizes = [len(divide(source, Division(folds=5, fold=fold)).val) for fold in range(5)]
    assert sorted(sizes) == [1, 1, 1, 2, 2]
