"""Data sets of torch's that a loader returns: kept or streamed, drawn by the run's seed, and taken as they are."""

import random

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, Subset, TensorDataset, WeightedRandomSampler

from regab.data.inputs import room
from regab.data.own import reading
from regab.data.own.loaded import taken
from regab.data.own.streamed import Streamed
from regab.data.split import Source, Split
from regab.errors import UsageError
from regab.seeding import drawn_since, global_states, stream_seed
from regab.training.noise import Noise
from tests.conftest import curves, objectives_taken_up, same

X = torch.randn(90, 5, generator=torch.Generator().manual_seed(0))
Y = (X.sum(1) > 0).long()


class Plain:
    """A data set without a base class, as torch's own DataLoader takes it."""

    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        return X[i], int(Y[i])


class Drawing(Plain):
    def __getitem__(self, i):
        noise = torch.randn(5) * np.random.rand() * random.random()
        return X[i] + noise, int(Y[i])


def plain():
    return Plain()


def drawing():
    return {"train": Drawing(), "test": Plain()}


def as_tensors():
    return Source(Split(X, Y), 2, fit=lambda train: (lambda x: x, {}))


def config_of(small, load, seed=0, memory="auto", **values):
    node = {"_target_": f"tests.test_datasets.{load}", "val_fraction": 0.2}
    model = {"_target_": "regab.models.mlp.MLP", "widths": [8]}
    return small({"data": node, "model": model, "seed": seed, "epochs": 3, "stack.memory": memory, **values})


def test_a_data_set_in_memory_and_streamed_trains_as_its_tensors_do_to_the_bit(small):
    expected, kept, streamed = (
        curves(*(config_of(small, load, seed, memory) for seed in (0, 1)))
        for load, memory in [("as_tensors", "auto"), ("plain", "auto"), ("plain", 0)]
    )
    for ours in (kept, streamed):
        assert all(same(a, b) for a, b in zip(expected, ours, strict=True))


def test_what_is_streamed_averages_epochs_with_norms_as_in_memory(small):
    options = {"reg.norm.kind": "batch", "reg.swa.start": 0.3}
    kept, streamed = (curves(config_of(small, "plain", memory=memory, **options)) for memory in ("auto", 0))
    assert same(*kept, *streamed)


@pytest.mark.parametrize("memory", ["auto", 0])
def test_a_run_draws_its_examples_alone_as_in_a_stack_and_each_epoch_anew(small, memory):
    configs = [
        config_of(small, "drawing", seed, memory, **{"reg.l2.strength": l2}) for seed, l2 in [(1, 0), (0, 0), (1, 0.1)]
    ]
    together = curves(*configs)
    for config, run in zip(configs, together, strict=True):
        assert same(*curves(config), run)
    assert not same(together[0], together[1])


def test_where_drawn_examples_are_kept_for_measuring_changes_nothing(small):
    assert same(*curves(config_of(small, "drawing")), *curves(config_of(small, "drawing", memory=0)))


def test_a_run_of_drawn_examples_goes_on_as_if_undisturbed(small):
    config = config_of(small, "drawing")
    assert objectives_taken_up(config) == curves(config)[0]["train_objective"][2:].tolist()


def test_a_drawn_example_depends_on_seed_epoch_and_its_own_place_alone():
    streamed = taken(Drawing(), "k").train.x
    noise = Noise([7, 3, 7], torch.device("cpu"))
    noise.begin(4)
    rows = torch.tensor([[5, 8], [5, 2], [5, 8]])
    before = global_states()
    (found,) = streamed.gather([rows], noise)
    for run, (seed, places) in enumerate(zip([7, 3, 7], rows.tolist(), strict=True)):
        for column, place in enumerate(places):
            drawn = stream_seed(seed, "example", 4, place)
            torch.manual_seed(drawn)
            np.random.seed(drawn % 2**32)
            random.seed(drawn)
            expected = X[place] + torch.randn(5) * np.random.rand() * random.random()
            assert torch.equal(found[run, column], expected)
    before = global_states()
    [*streamed.gather([rows], noise)]
    assert not drawn_since(before)


def test_parts_of_what_is_drawn_keep_the_places_of_the_whole():
    streamed = taken(Drawing(), "k").train.x
    noise, rows = Noise([0], torch.device("cpu")), torch.arange(30, 40)
    (whole,), (part,) = (
        streamed.gather([rows[None]], noise),
        streamed.take(rows).gather([torch.arange(10)[None]], noise),
    )
    assert torch.equal(whole, part)
    assert torch.equal(streamed[rows], streamed.take(rows)[:])


def test_workers_read_what_this_process_reads(monkeypatch):
    streamed = taken(Drawing(), "k").train.x
    noise, batches = Noise([0, 1], torch.device("cpu")), [torch.randint(90, (2, 33)) for _ in range(3)]
    here = [*streamed.gather(batches, noise)]
    monkeypatch.setattr(reading, "AT_ONCE", -1.0)
    monkeypatch.setattr(reading, "PIECE", 7 * 20)  # pieces end where no batch does
    assert all(map(torch.equal, here, streamed.gather(batches, noise)))


class Iterable(IterableDataset):
    def __iter__(self):
        yield from (Plain()[i] for i in torch.randperm(len(X)).tolist())


def weighted():
    return DataLoader(Plain(), batch_size=4, sampler=WeightedRandomSampler(torch.ones(len(X)), 10))


KINDS = {
    "a TensorDataset": lambda: TensorDataset(X, Y),
    "a Subset": lambda: Subset(TensorDataset(torch.cat([X, X]), torch.cat([Y, Y])), range(90)),
    "a DataLoader": lambda: DataLoader(Plain(), batch_size=4, shuffle=True),
    "a DataLoader with a sampler": weighted,
    "a data set in a Source": lambda: Source(Plain(), 2),
    "arrays": lambda: (X.numpy(), Y.numpy()),
    "frames": lambda: (pd.DataFrame(X.numpy()), pd.Series(Y.numpy())),
    "labels from 1": lambda: (X, Y + 1),
    "words": lambda: (X, np.array(["no", "yes"])[Y]),
    "whole floats": lambda: TensorDataset(X, Y.float()),
    "a column of labels": lambda: TensorDataset(X, Y[:, None]),
    "double precision": lambda: TensorDataset(X.double(), Y.int()),
    "arrays by name": lambda: {"train": (X, Y)},
    "scikit-learn's": lambda: {"data": X.numpy(), "target": Y.numpy(), "DESCR": ""},
    "dicts": lambda: [{"image": x, "label": y} for x, y in Plain()] and Dicts(),
}


class Dicts(Plain):
    def __getitem__(self, i):
        return {"image": X[i].numpy(), "label": np.int32(Y[i])}


@pytest.mark.parametrize("kind", KINDS)
def test_what_people_return_is_two_classes_of_the_same_examples(kind):
    found = taken(KINDS[kind](), "k")
    assert (found.classes, found.task, found.train.y.tolist()) == (2, "classification", Y.tolist())
    torch.testing.assert_close(found.train.x.float(), X, rtol=0, atol=0)


def test_an_iterable_data_set_is_read_once_by_a_fixed_seed():
    one, two = taken(Iterable(), "k"), taken(Iterable(), "k")
    assert torch.equal(one.train.x, two.train.x)
    assert not torch.equal(one.train.x, X)
    assert torch.equal(one.train.x.sort(0).values, X.sort(0).values)
    assert one.said == ("an iterable data set is read once; what it draws stays as it is",)


def test_targets_that_are_no_classes_make_a_regression():
    found = taken(TensorDataset(X, X.sum(1)), "k")
    assert (found.task, found.classes) == ("regression", 1)
    assert torch.equal(found.train.y, X.sum(1))


@pytest.mark.parametrize(
    ("names", "kind"), [("train val test", dict), ("train test", tuple), ("train val test", tuple)]
)
def test_splits_are_known_by_name_or_place(names, kind):
    parts = {name: TensorDataset(X + i, Y) for i, name in enumerate(names.split())}
    found = taken(parts if kind is dict else tuple(parts.values()), "k")
    for i, name in enumerate(names.split()):
        assert torch.equal(getattr(found, name).x, X + i)


class Pictures(Plain):
    classes = ("cat", "dog", "fox")

    def __getitem__(self, i):
        from PIL import Image

        pixels = np.full((4, 6, 3), i, dtype=np.uint8)
        pixels[0, 0] = 1, 2, 3
        return Image.fromarray(pixels), int(Y[i])


def test_pictures_are_channels_first_in_shares_of_255_and_classes_have_their_names():
    found = taken(Subset(Pictures(), range(5)), "k")
    assert (found.names, found.classes) == (("cat", "dog", "fox"), 3)
    assert found.train.x.shape == (5, 3, 4, 6)
    assert found.train.x[4, :, 0, 0].tolist() == pytest.approx([1 / 255, 2 / 255, 3 / 255])
    assert found.train.x[4, :, 1, 1].tolist() == pytest.approx([4 / 255] * 3)


def test_whole_numbers_are_tokens_of_a_vocabulary():
    found = taken(TensorDataset(torch.arange(24).view(6, 4), torch.arange(6) % 2), "k")
    assert found.train.x.dtype == torch.int64
    assert found.fit(found.train.x)[1] == {"vocabulary": 24}


def test_the_fingerprint_is_of_the_content_wherever_it_is_kept():
    other = X.clone()
    other[89, 4] += 1e-3
    with room.limited(0):
        streamed = taken(Plain(), "k")
    assert isinstance(streamed.train.x, Streamed)
    kept = taken(Plain(), "k")
    assert isinstance(kept.train.x, torch.Tensor)
    found = [streamed.fingerprint, kept.fingerprint, *(taken(TensorDataset(x, Y), "k").fingerprint for x in (X, other))]
    assert found[0] == found[1] == found[2] != found[3]
    assert taken(TensorDataset(X, 1 - Y), "k").fingerprint != found[0]


class Rarely(Plain):
    """Draws at a place that is not among those that are tried."""

    def __getitem__(self, i):
        return X[i] + (torch.rand(5) if i == 1 else 0), int(Y[i])


def test_a_single_example_that_draws_is_found():
    found = taken(Rarely(), "k")
    assert found.train.x.draws
    assert "examples are drawn anew in every epoch" in found.said[0]


class Unsteady(Plain):
    generator = np.random.default_rng(0)

    def __getitem__(self, i):
        return X[i] + self.generator.random(), int(Y[i])


class Changing(Plain):
    def __getitem__(self, i):
        return X[i], random.randrange(2**30)


class Ragged(Plain):
    def __getitem__(self, i):
        return X[i, : 3 + (i == 50)], int(Y[i])


class Broken(Plain):
    def __getitem__(self, i):
        return X[i], [0, 1][i]


class Odd(Plain):
    item = X[0], 1, "left.png"

    def __getitem__(self, i):
        return self.item


def odd(item):
    found = Odd()
    found.item = item
    return found


REFUSED = {
    "an own generator": (
        Unsteady,
        "example 0 is another at every reading, by its own generator; let it draw from torch",
    ),
    "targets that are drawn": (Changing, "its targets change with what is drawn; draw its inputs alone"),
    "shapes": (Ragged, "example 50 is [4] of float32, but example"),
    "a crash": (Broken, "IndexError: list index out of range (HYDRA_FULL_ERROR=1 shows all)"),
    "a triple": (Odd, "example 0: must be a pair (input, target), not a tuple of 3"),
    "words": (lambda: odd(("abc", 1)), "example 0: its input is a str, not numbers; give the data set a transform"),
    "no target": (lambda: odd((X[0], None)), "example 0: its target is a NoneType, neither numbers nor a word"),
    "NaN": (lambda: odd((X[0] * np.nan, 1)), "example 0: its input holds NaN or infinity"),
    "a number": (lambda: odd((3.0, 1)), "example 0: its input is a single number; must be [features] or more"),
    "parts alone": (lambda: odd({"a": X[0], "b": 1}), "example 0: has a, b; must have inputs, and one target (one of"),
    "empty": (lambda: Subset(Plain(), []), "train: is empty"),
    "a collate_fn": (lambda: DataLoader(Plain(), collate_fn=list), "its DataLoader has a collate_fn of its own;"),
    "batches of its own": (lambda: DataLoader(Plain(), batch_size=None), "its DataLoader leaves batches to the data"),
    "half a data set": (lambda: {"train": Plain(), "test": (X, Y)}, "some of train, test are data sets, and others"),
    "other shapes in test data": (
        lambda: (Plain(), TensorDataset(X[:, :2], Y)),
        "has the shape [5] in training and [2] in test data",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_taken_is_refused_in_one_line(kind):
    make, words = REFUSED[kind]
    with pytest.raises(UsageError) as complaint:
        taken(make(), "data._target_=mine.load")
    assert str(complaint.value).startswith("data._target_=mine.load")
    assert words in str(complaint.value)
    assert "\n" not in str(complaint.value)


def test_what_goes_wrong_in_a_worker_is_the_same_line(monkeypatch):
    monkeypatch.setattr(reading, "AT_ONCE", -1.0)
    with pytest.raises(UsageError, match=r"example 2: tests/test_datasets.py, line [0-9]+: IndexError"):
        [*reading.Reader(Broken(), "k").read(map(reading.Key, range(5)), 5)]
