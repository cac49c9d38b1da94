"""Splits that do not leak, and torchvision's data sets read from files in place."""

import gzip
import hashlib
import pickle

import numpy as np
import pytest
import scipy.io
import torch
import torchvision.datasets

from regab.data import series, vision
from regab.data.division.parts import stratified_order
from regab.data.embedded import digits, wine
from regab.data.inputs.scaling import standardize
from regab.data.split import Division, Source, Split, divide
from regab.data.tables import encode
from regab.data.tables.moments import Series
from regab.errors import UsageError
from tests.conftest import DATA, needs_mnist


def numbered(n=1000, classes=4, shares=(0.1, 0.2, 0.3, 0.4)):
    """Examples whose only feature is their number, so that they can be followed."""
    y = torch.repeat_interleave(torch.arange(classes), torch.tensor([int(s * n) for s in shares]))
    return Source(Split(torch.arange(n, dtype=torch.float64)[:, None], y), classes)


def numbers(data, part):
    """Which examples are in a part of numbered data, undoing the standardization."""
    x = torch.cat([getattr(data, p).x for p in ("train", "val", "test")]).double()[:, 0]
    order = {v.item(): i for i, v in enumerate(x.sort().values)}
    return {order[v.item()] for v in getattr(data, part).x.double()[:, 0]}


def test_parts_are_disjoint_complete_and_stratified():
    data = divide(numbered(), Division(val_fraction=0.25, test_fraction=0.2))
    parts = [numbers(data, p) for p in ("train", "val", "test")]
    assert [len(p) for p in parts] == [600, 200, 200]
    assert len(set.union(*parts)) == 1000
    for part in (data.train, data.val, data.test):
        shares = torch.bincount(part.y) / len(part)
        torch.testing.assert_close(shares, torch.tensor([0.1, 0.2, 0.3, 0.4]), atol=0.005, rtol=0)


def test_as_many_as_there_are_may_be_trained_on_and_as_few_as_there_are_classes():
    for n in (4, 800):
        assert len(divide(numbered(), Division(n_train=n, test_fraction=0.2)).train) == n


def test_what_is_fitted_sees_training_examples_only_and_encodes_any_sequence():
    words = np.array([f"word{i}" for i in range(1000)], dtype=object)
    seen = []

    def fit(x):
        seen.extend(x)
        return lambda examples: torch.tensor([[seen.index(e) if e in seen else -1] for e in examples]), {
            "vocabulary": 600
        }

    source = numbered()
    data = divide(Source(Split(words, source.train.y), 4, fit=fit), Division(None, 0.25, 0.2))
    assert data.train.x[:, 0].tolist() == list(range(600))
    assert set(data.val.x[:, 0].tolist()) == set(data.test.x[:, 0].tolist()) == {-1}
    assert (data.kind, data.shape, data.given) == ("tokens", (1,), {"vocabulary": 600})


def test_a_smaller_training_set_is_part_of_a_larger_and_leaves_the_others_alone():
    source = numbered()._replace(fit=lambda x: (lambda examples: examples, {}))  # so that examples keep their numbers
    large, small = (divide(source, Division(n, 0.2, 0.2)) for n in (300, 40))
    assert set(small.train.x[:, 0].tolist()) < set(large.train.x[:, 0].tolist())
    assert torch.equal(small.val.x, large.val.x)
    assert torch.bincount(small.train.y).tolist() == [4, 8, 12, 16]


def test_training_data_has_mean_zero_and_deviation_one_and_others_its_scale():
    data = divide(wine(), Division(val_fraction=0.2, test_fraction=0.2))
    torch.testing.assert_close(data.train.x.mean(0), torch.zeros(13), atol=1e-5, rtol=0)
    torch.testing.assert_close(data.train.x.std(0, correction=0), torch.ones(13))
    assert data.val.x.mean(0).abs().max() > 1e-3
    images = divide(digits(), Division(test_fraction=0.2))
    assert images.train.x.mean().item() == pytest.approx(0, abs=1e-5)
    assert images.train.x.std().item() == pytest.approx(1, abs=1e-3)


def test_a_constant_feature_stays_finite():
    source = Source(Split(torch.ones(20, 2), torch.arange(20) % 2), 2)
    assert divide(source, Division()).train.x.isfinite().all()


HUGE = 1e30 + np.arange(48) % 3  # which are the same number, and whose mean is another
WIDE = np.float32(2**30) + 64 * np.arange(3, dtype=np.float32)[np.arange(48) % 3]  # ever so different, and so rounded


@pytest.mark.parametrize(
    "encoded",
    [
        lambda: encode.fitter(9)(encode.Cells(HUGE[:, None], np.empty((48, 0))))[0](
            encode.Cells(HUGE[:, None], np.empty((48, 0)))
        ),
        lambda: series.fitter(48, False)(Series([HUGE[:, None]]))[0](Series([HUGE[:, None]])),
        lambda: standardize(torch.from_numpy(WIDE)[:, None])[0](torch.from_numpy(WIDE)[:, None]),
    ],
)
def test_what_is_constant_but_for_rounding_stays_small_however_large_it_is(encoded):
    assert encoded().abs().max() <= 1


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_label_noise_replaces_its_share_of_training_labels_and_no_others(share):
    clean, noisy = (divide(numbered(4000), Division(None, 0.2, 0.2, s)) for s in (0.0, share))
    changed = (clean.train.y != noisy.train.y).float().mean().item()
    assert changed == pytest.approx(share * 3 / 4, abs=0.02)  # a drawn label is the true one in a quarter of cases
    assert torch.equal(clean.val.y, noisy.val.y)
    assert torch.equal(clean.test.y, noisy.test.y)
    assert torch.equal(clean.train.x, noisy.train.x)


def test_the_split_seed_alone_decides_who_goes_where():
    a, b, c = (divide(digits(), Division(val_fraction=0.2, split_seed=s)) for s in (0, 0, 1))
    assert torch.equal(a.train.x, b.train.x)
    assert not torch.equal(a.train.y, c.train.y)


def test_every_beginning_of_a_stratified_order_holds_all_classes_in_their_shares():
    y = numbered().train.y
    order = stratified_order(y, torch.Generator().manual_seed(0))
    assert sorted(order.tolist()) == list(range(1000))
    for n in (20, 100, 500):
        counts = torch.bincount(y[order[:n]], minlength=4)
        assert (counts - n * torch.tensor([0.1, 0.2, 0.3, 0.4])).abs().max() <= 1


@pytest.mark.parametrize(
    ("division", "words"),
    [
        (Division(n_train=3), "data.n_train=3: must be from 4"),
        (Division(n_train=2000), "to 1000"),
        (Division(val_fraction=0.0001), "data.val_fraction=0.0001: gives 0 of 1000"),
        (Division(test_fraction=0.9999), "data.test_fraction=0.9999: gives 1000 of 1000"),
    ],
)
def test_too_few_examples_for_a_split_are_refused_in_words(division, words):
    with pytest.raises(UsageError, match=words):
        divide(numbered(), division)


def test_a_data_set_with_its_own_test_set_takes_no_test_fraction():
    source = Source(numbered().train, 4, numbered().train)
    with pytest.raises(UsageError, match="own test set"):
        divide(source, Division(test_fraction=0.1))
    assert len(divide(source, Division()).test) == 1000


@needs_mnist
def test_mnist_is_read_from_torchvisions_files_in_place():
    source = vision.load("MNIST", str(DATA), download=False)
    assert tuple(source.train.x.shape) == (60000, 1, 28, 28)
    assert tuple(source.test.x.shape) == (10000, 1, 28, 28)
    assert source.classes == 10
    assert source.train.x.min() == 0
    assert source.train.x.max() == 1


def test_fashion_mnist_is_read_from_files_in_place(tmp_path):
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    images, labels = np.arange(10 * 28 * 28, dtype=np.uint8).reshape(10, 28, 28), np.arange(10, dtype=np.uint8)
    for which in ("train", "t10k"):
        (raw / f"{which}-images-idx3-ubyte").write_bytes(
            bytes([0, 0, 8, 3]) + np.array([10, 28, 28], ">i4").tobytes() + images.tobytes()
        )
        (raw / f"{which}-labels-idx1-ubyte").write_bytes(
            bytes([0, 0, 8, 1]) + np.array([10], ">i4").tobytes() + labels.tobytes()
        )
    source = vision.load("FashionMNIST", str(tmp_path), download=True)  # nothing is missing, so nothing is fetched
    np.testing.assert_allclose(source.test.x[:, 0], images / np.float32(255))
    assert source.train.y.tolist() == labels.tolist()


@pytest.mark.parametrize(("name", "labels"), [("CIFAR10", "labels"), ("CIFAR100", "fine_labels")])
def test_cifar_is_read_from_files_in_place(tmp_path, monkeypatch, name, labels):
    cls = getattr(torchvision.datasets, name)
    folder = tmp_path / cls.base_folder
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32), dtype=np.uint8)

    def put(file, content):
        (folder / file).write_bytes(pickle.dumps(content))
        return [file, hashlib.md5((folder / file).read_bytes()).hexdigest()]

    batch = {"data": pixels.reshape(4, -1), labels: [0, 1, 2, 3]}
    meta = put("meta", {cls.meta["key"]: list("abcd")})
    monkeypatch.setattr(cls, "train_list", [put("train_batch", batch)])
    monkeypatch.setattr(cls, "test_list", [put("test_batch", batch)])
    monkeypatch.setattr(cls, "meta", cls.meta | {"filename": meta[0], "md5": meta[1]})
    source = vision.load(name, str(tmp_path), download=False)
    np.testing.assert_allclose(source.train.x, pixels / np.float32(255))
    assert source.test.y.tolist() == [0, 1, 2, 3]


def test_svhn_is_read_from_files_in_place(tmp_path, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3, 4), dtype=np.uint8)
    listed = {}
    for which in ("train", "test"):
        file = tmp_path / f"{which}_32x32.mat"
        scipy.io.savemat(file, {"X": pixels, "y": np.array([[1], [2], [3], [10]])})  # 10 stands for the digit 0
        listed[which] = ["", file.name, hashlib.md5(file.read_bytes()).hexdigest()]
    monkeypatch.setattr(torchvision.datasets.SVHN, "split_list", listed)
    source = vision.load("SVHN", str(tmp_path), download=False)
    np.testing.assert_allclose(source.train.x, pixels.transpose(3, 2, 0, 1) / np.float32(255))
    assert source.test.y.tolist() == [1, 2, 3, 0]


def test_missing_files_are_reported_with_the_cure(tmp_path):
    with pytest.raises(UsageError, match=r"data.root=.*: no readable MNIST here .* data.download=true"):
        vision.load("MNIST", str(tmp_path), download=False)


def test_an_unreadable_file_is_reported(tmp_path):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for which in ("train", "t10k"):
        for what in ("images-idx3", "labels-idx1"):
            (raw / f"{which}-{what}-ubyte").write_bytes(gzip.compress(b"not an idx file"))
    with pytest.raises(UsageError, match=r"data\.root"):
        vision.load("MNIST", str(tmp_path), download=False)
