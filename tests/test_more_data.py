"""Data that scikit-learn downloads, read from files in place; and data drawn from a known law."""

import urllib.error
import urllib.request

import joblib
import numpy as np
import pytest
import torch

from regab.data.fetched import california_housing, covtype
from regab.data.split import Division, divide
from regab.data.synthetic import teacher
from regab.errors import UsageError


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def unreachable(*_, **__):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr("sklearn.datasets._base.urlretrieve", unreachable)
    monkeypatch.setattr("sklearn.datasets._base.time.sleep", lambda _: None)


def test_california_housing_is_read_from_scikit_learns_file_in_place(tmp_path):
    raw = np.random.default_rng(0).uniform(1, 9, (50, 9))  # value, income, age, rooms, bedrooms, people, households, …
    joblib.dump(raw, tmp_path / "cal_housing_py3.pkz", compress=6)
    source = california_housing(str(tmp_path), download=True)  # nothing is missing, so nothing is fetched
    assert (source.task, source.classes) == ("regression", 1)
    np.testing.assert_allclose(source.train.y, raw[:, 0] / 100_000)
    np.testing.assert_allclose(source.train.x[:, 0], raw[:, 1])
    np.testing.assert_allclose(source.train.x[:, 2], raw[:, 3] / raw[:, 6])  # rooms per household
    data = divide(source, Division(val_fraction=0.2, test_fraction=0.2))
    torch.testing.assert_close(data.train.x.mean(0), torch.zeros(8), atol=1e-6, rtol=0)


def test_covtype_is_read_from_scikit_learns_files_in_place(tmp_path):
    random = np.random.default_rng(0)
    area, soil = random.integers(0, 4, 60), random.integers(0, 40, 60)
    x = np.column_stack([random.uniform(0, 500, (60, 10)), np.eye(4)[area], np.eye(40)[soil]])
    folder = tmp_path / "covertype"
    folder.mkdir()
    joblib.dump(x, folder / "samples_py3", compress=9)
    joblib.dump(np.arange(60) % 7 + 1, folder / "targets_py3", compress=9)
    source = covtype(str(tmp_path), download=False)
    assert source.train.y.tolist() == (np.arange(60) % 7).tolist()
    data = divide(source, Division())
    assert data.given == {"categories": (4, 40)}
    torch.testing.assert_close(data.train.x[:, :10].std(0, correction=0), torch.ones(10))
    np.testing.assert_array_equal(data.train.x[:, 10:].sum(1), np.full(60, 2))


@pytest.mark.parametrize("load", [california_housing, covtype])
def test_without_files_and_network_there_is_one_line(tmp_path, load):
    with pytest.raises(UsageError, match=r"data.root=.*: no readable .* here .*no route to host.*; check the network"):
        load(str(tmp_path), download=True)
    with pytest.raises(UsageError, match=r"no readable .* here .*; set data\.download=true"):
        load(str(tmp_path), download=False)
    with pytest.raises(UsageError, match=r"nowhere: no .* here; set data\.download=true"):
        load(str(tmp_path / "nowhere"), download=False)
    assert not (tmp_path / "nowhere").exists()


def test_a_broken_file_is_reported(tmp_path):
    (tmp_path / "cal_housing_py3.pkz").write_bytes(b"no such format")
    with pytest.raises(UsageError, match="no readable california_housing here"):
        california_housing(str(tmp_path), download=True)


def test_the_noise_of_a_synthetic_regression_is_what_was_asked_for():
    clean, noisy = (teacher(20_000, 5000, classes=None, noise=noise).train for noise in (0.0, 0.5))
    assert torch.equal(clean.x, noisy.x)
    added = noisy.y - clean.y
    assert clean.y.std().item() == pytest.approx(1, abs=0.02)
    assert added.std().item() == pytest.approx(0.5, abs=0.01)
    together = torch.corrcoef(torch.column_stack([added, clean.y, clean.x]).T)
    assert together[0, 1:].abs().max() < 0.03


@pytest.mark.parametrize("classes", [2, 5])
def test_the_share_of_wrong_labels_of_a_synthetic_classification_is_what_was_asked_for(classes):
    clean, noisy = (teacher(20_000, 5000, classes=classes, noise=noise) for noise in (0.0, 0.3))
    for part in ("train", "test"):
        wrong = (getattr(clean, part).y != getattr(noisy, part).y).double().mean().item()
        assert wrong == pytest.approx(0.3 * (classes - 1) / classes, abs=0.02)
    assert torch.bincount(clean.train.y, minlength=classes).min() > 500
    drawn = torch.bincount(teacher(20_000, classes=classes, noise=1.0).train.y, minlength=classes) / 20_000
    assert drawn.tolist() == pytest.approx([1 / classes] * classes, abs=0.02)


def test_the_teacher_is_no_line_and_can_be_learned(configure):
    source = teacher(4000, 2000, features=4, classes=None, noise=0.0)
    x, y = source.train
    _, residual, *_ = np.linalg.lstsq(np.column_stack([x, np.ones(len(x))]), y, rcond=None)
    assert residual[0] / len(y) > 0.2 * y.var()


def test_fewer_synthetic_examples_are_the_first_of_more_and_seeds_are_other_teachers():
    few, many, other = teacher(100), teacher(300), teacher(100, seed=1)
    assert torch.equal(few.train.x, many.train.x[:100])
    assert torch.equal(few.train.y, many.train.y[:100])
    assert torch.equal(few.test.y, many.test.y)
    assert not torch.equal(few.train.x, other.train.x)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": 0}, "data.n=0: must be at least 1"),
        ({"classes": 1}, "data.classes=1: must be at least 2, or null for a regression"),
        ({"noise": 1.5}, r"data.noise=1.5: must be in \[0, 1\]"),
        ({"noise": -0.1, "classes": None}, r"data.noise=-0.1: must be in \[0, inf\)"),
    ],
)
def test_synthetic_data_that_cannot_be_are_refused(options, words):
    with pytest.raises(UsageError, match=words):
        teacher(**options)


def test_synthetic_data_are_trained_on_from_the_command_line(regab):
    words = ("train", "data=synthetic", "model=mlp", "data.n=200", "data.n_test=100", "epochs=2", "curves=false")
    assert "test accuracy" in regab(*words).out
    assert "test RMSE" in regab(*words, "data.classes=null").out
