"""Time series from tables: how they are put together, padded and told to models, and what is said of bad ones."""

import sys
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from regab.data import series
from regab.data.fingerprint import fingerprint
from regab.data.split import Division, divide
from regab.errors import UsageError
from regab.models.conv1d import Conv1D
from regab.models.foreign.places import adopt
from tests.conftest import curves, same


@pytest.fixture
def walks(tmp_path):
    """40 series of 5 to 12 moments, mixed up, of two channels, of which the first rises or falls."""
    random, rows = np.random.default_rng(0), []
    for i in range(40):
        for t in range(5 + i % 8):
            up = 1 if i % 2 else -1
            rows.append((f"s{i}", t, up * t + random.normal(), 10 * random.normal() + 3, ["down", "up"][i % 2], i // 4))
    frame = pd.DataFrame(rows, columns=["who", "when", "a", "b", "trend", "home"]).sample(frac=1, random_state=0)
    frame.to_csv(tmp_path / "walks.csv", index=False)
    return str(tmp_path / "walks.csv"), frame


def load(path, **options):
    return series.load(path, **({"id": "who", "time": "when", "label": "trend", "values": ["a", "b"]} | options))


def test_series_are_in_the_order_of_time_padded_at_their_end_and_scaled_by_training_moments(walks):
    path, frame = walks
    source = load(path)
    data = divide(source, Division(val_fraction=0.2, test_fraction=0.2))
    assert data.train.x.shape == (26, 3, 12)
    assert (data.kind, data.given) == ("series", {"masked": True})
    moments = {who: part.sort_values("when")[["a", "b"]].to_numpy() for who, part in frame.groupby("who")}
    whole = {float(values[0, 0]): values for values in moments.values()}
    raw = divide(source._replace(fit=lambda x: ((lambda s: s), {})), Division(val_fraction=0.2, test_fraction=0.2))
    seen = np.concatenate(raw.train.x.values)
    for part, read in ((data.train, raw.train), (data.val, raw.val), (data.test, raw.test)):
        for x, values in zip(part.x.numpy(), read.x.values, strict=True):
            expected = (whole[float(values[0, 0])] - seen.mean(0)) / seen.std(0)
            np.testing.assert_allclose(x[:2, : len(values)].T, expected, rtol=1e-5, atol=1e-6)
            assert (x[:, len(values) :] == 0).all()
            assert x[2].tolist() == [1] * len(values) + [0] * (12 - len(values))
    assert sorted(source.names) == ["down", "up"]
    assert source.said[0] == "40 series of 5 to 12 moments, 2 channels (a, b); trend: 2 classes (down 20, up 20)"


def test_series_of_one_length_have_no_mask_and_long_ones_are_cut(walks, write):
    data = divide(load(walks[0], max_length=5), Division(test_fraction=0.2))
    assert data.train.x.shape == (32, 2, 5)
    assert (data.kind, data.given) == ("features", {"masked": False})
    assert "35 series are cut after 5 moments" in load(walks[0], max_length=5).said
    path = write("who,when,x,trend", *[f"{i},{t},{t * i},{i % 2}" for i in range(6) for t in range(3)])
    assert divide(load(path, values=None), Division()).train.x.shape == (6, 1, 3)


def test_dates_order_rows_and_missing_values_are_those_of_the_moment_before(write):
    path = write(
        *("who,when,x,y,trend", "p,3.2.2024,,4,1", "p,1.2.2024,5,,1", "p,28.2.2024,7,6,1"),
        *("q,3.2.2024,1,,0", "q,1.1.2024,,,0", "q,28.4.2024,3,6,0"),
    )
    source = load(path, values=None)
    p, q = source.train.x.values
    np.testing.assert_array_equal(p, [[5, np.nan], [5, 4], [7, 6]])
    np.testing.assert_array_equal(q, [[np.nan, np.nan], [1, np.nan], [3, 6]])
    encoded = divide(source, Division()).train.x
    assert torch.isfinite(encoded).all()
    assert (encoded == 0).sum() == 4  # what is missing at the beginning is the mean
    assert "5 missing values are those of the moment before, at the beginning the mean" in source.said
    assert "moments are not evenly spaced; their order alone is used" in source.said


def test_a_group_keeps_series_together_and_the_label_may_be_a_number(walks):
    source = load(walks[0], group="home", values=None)
    data = divide(source, Division(val_fraction=0.25, test_fraction=0.2))
    assert data.said[-1].startswith("10 groups, each in one part only")
    assert source.said[0].startswith("40 series of 5 to 12 moments, 2 channels (a, b)")
    level = load(walks[0], label="home", values=["a"], task="regression")
    assert level.train.y.tolist() == [int(who[1:]) // 4 for who in dict.fromkeys(walks[1]["who"])]


def test_a_test_file_is_read_alike_and_what_it_shares_is_said(walks, tmp_path):
    path, frame = walks
    own = frame[frame["who"].isin(["s1", "s2"])]
    own.to_csv(tmp_path / "test.csv", index=False)
    source = load(path, test_path=str(tmp_path / "test.csv"))
    assert len(source.test) == 2
    assert "2 of the 2 groups of the test data are in the training data too" in source.said
    assert fingerprint(source) != fingerprint(load(path))


BAD = {
    "no id": (["p,1,1,a", ",2,1,a"], {}, "line 3: has no who, which is data.id"),
    "no time": (["p,1,1,a", "p,,1,a"], {}, "line 3: has no when, which is data.time"),
    "time in words": (["p,now,1,a", "q,then,1,b"], {}, "data.time=when: is neither numbers nor dates"),
    "twice": (["p,1,1,a", "q,2,1,b", "p,1,4,a"], {}, "line 4: p has when '1' already in line 2"),
    "two labels": (["p,1,1,a", "q,1,1,b", "p,2,1,b"], {}, "line 4: trend is 'b', but 'a' in other rows of p"),
    "words": (["p,1,x,a", "q,2,y,b"], {}, r"x is words, and series are numbers; leave it out by data.ignore=\[x\]"),
    "nothing": (["p,1,1,a", "q,2,1,b"], {"ignore": ["x"]}, "has no column"),
    "unknown": (["p,1,1,a", "q,2,1,b"], {"id": "hwo"}, "data.id=hwo: unknown column; did you mean data.id=who?"),
    "unknown value": (["p,1,1,a", "q,2,1,b"], {"values": ["z"]}, "data.values=z: unknown column"),
    "one for two": (["p,1,1,a", "q,2,1,b"], {"time": "who"}, "data.time=who: is data.id as well"),
    "length": (["p,1,1,a", "q,2,1,b"], {"max_length": 0}, "data.max_length=0: must be at least 1"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_are_told_in_a_line(write, case):
    lines, options, complaint = BAD[case]
    with pytest.raises(UsageError, match=complaint) as told:
        load(write("who,when,x,trend", *lines), **({"values": None} | options))
    assert "\n" not in str(told.value)


def test_the_convolutions_do_not_see_padding():
    torch.manual_seed(0)
    model, x = Conv1D((3, 9), 2, [8, 6], [5, 4], masked=True), torch.zeros(4, 3, 9)
    x[:, :2, :6], x[:, 2, :6] = torch.randn(4, 2, 6), 1
    longer = torch.cat([x, torch.zeros(4, 3, 7)], 2)
    torch.testing.assert_close(model(x), model(longer))
    hidden = x[:, :, :6]
    for layer, sides in zip(model.convolutions, ((2, 2), (1, 2)), strict=True):
        hidden = layer(nn.functional.pad(hidden, sides)).relu()
    torch.testing.assert_close(model(x), model.output(hidden.mean(2)))


@pytest.mark.parametrize("masked", [True, False])
def test_a_model_that_asks_is_told_lengths_and_masks(masked):
    class Asking(nn.Module):
        def __init__(self):
            super().__init__()
            self.out = nn.Linear(2, 2)

        def forward(self, x, lengths, padding_mask):
            self.told = lengths, padding_mask
            return self.out(torch.stack([lengths, (~padding_mask).sum(1)], 1).to(x.dtype))

    model, x = Asking(), torch.zeros(3, 2, 5)
    for row, length in enumerate((5, 2, 3)):
        x[row, 1, :length] = 1
    notes = adopt(model, x, masked)
    assert "its forward is given padding_mask, lengths, from the padding of the series" in notes
    model(x)
    expected = [5, 2, 3] if masked else [5, 5, 5]
    assert model.told[0].tolist() == expected
    assert (~model.told[1]).sum(1).tolist() == expected


def test_a_run_on_series_learns_and_is_the_same_alone_and_stacked(walks, configure):
    words = ["data=timeseries_csv", f"data.path={walks[0]}", "data.id=who", "data.time=when", "data.label=trend"]
    words += ["data.ignore=[home]", "model=conv1d", "model.channels=[8]", "model.windows=[3]", "epochs=15"]
    words += ["optimizer.lr=0.02", "reg.dropout=0.2", "device=cpu", "batch_size=16", "reg.norm=batch"]
    runs = [configure(*words, f"seed={seed}") for seed in (0, 1)]
    alone = [curves(run)[0] for run in runs]
    assert all(same(a, b) for a, b in zip(alone, curves(*runs), strict=True))
    assert min(run["train_accuracy"][-1] for run in alone) > 0.8


@pytest.mark.slow
def test_a_recurrent_network_of_ones_own_is_trained_on_padded_series(walks, regab):
    module = ModuleType("mine_series")

    class Packed(nn.Module):
        def __init__(self, in_channels, num_classes):
            super().__init__()
            self.gru, self.out = nn.GRU(in_channels, 8, batch_first=True), nn.Linear(8, num_classes)

        def forward(self, x, lengths):
            packed = nn.utils.rnn.pack_padded_sequence(
                x.transpose(1, 2), lengths.cpu(), batch_first=True, enforce_sorted=False
            )
            return self.out(self.gru(packed)[1][0])

    Packed.__module__ = "mine_series"
    module.Packed = Packed
    sys.modules["mine_series"] = module
    words = ["data=timeseries_csv", f"data.path={walks[0]}", "data.id=who", "data.time=when", "data.label=trend"]
    words += ["data.group=home", "model._target_=mine_series.Packed", "epochs=3", "device=cpu", "curves=false"]
    try:
        run = regab("train", *words)
        refused = regab("train", *words, "reg.input_noise=0.1")
    finally:
        del sys.modules["mine_series"]
    assert run.code == 0, run.err
    assert "its forward is given lengths, from the padding of the series" in run.out
    assert refused.err.startswith("regab: reg.input_noise: acts on images or features, but the inputs")


def test_further_series_are_read_as_those_of_training(walks, write):
    path, frame = walks
    source = load(path)
    data = divide(source, Division(val_fraction=0.2))
    frame = frame.sample(frac=1, random_state=1)
    found = source.reader.read(frame, data.encode)
    first = frame.drop_duplicates("who")
    assert found.places == {"who": first["who"].tolist()}
    assert found.y.tolist() == [("down", "up").index(word) for word in first["trend"]]
    whole = dict(zip(source.reader.read(path).places["who"], source.train.x.values, strict=True))
    for who, values in zip(found.places["who"], found.x.values, strict=True):
        np.testing.assert_array_equal(values, whole[who])
    mixed = frame.assign(trend=["up", "down"] * (len(frame) // 2) + ["up"] * (len(frame) % 2))
    assert "nothing is measured: the data frame, row" in source.reader.read(mixed).said[-1]
    assert source.reader.read(frame.drop(columns=["trend", "home"])).y is None
    long = pd.DataFrame({"who": "z", "when": range(15), "a": 1.0, "b": 2.0})
    assert source.reader.read(long, data.encode).said == ["1 series are cut after 12 moments"]
    even = load(path, max_length=5)
    said = even.reader.read(long[:3], divide(even, Division()).encode).said
    assert said == ["1 series are shorter than all of training; the mean is put in after their end"]
    for bad, words in (
        (frame.drop(columns="a"), "has no column 'a', which the training data had"),
        (frame.drop(columns="who"), "has no column 'who'"),
        (pd.concat([long, long[:1]]), "z has when '0' already in row"),
        (long.assign(when=np.nan), "has no when, which is data.time"),
        (long.assign(b="much"), "b is 'much', and not a number"),
    ):
        with pytest.raises(UsageError, match=words):
            source.reader.read(bad, data.encode)


def test_times_of_further_series_are_read_by_the_form_that_training_had(write):
    path = write("who,when,x,y", *[f"{w},{d}.{m}.2024,{d},{w % 2}" for w in range(4) for d in (1, 28) for m in (1, 2)])
    reader = load(path, label="y", values=["x"]).reader
    new = write("who,when,x", "9,3.2.2024,30", "9,4.1.2024,40", name="new.csv")
    assert reader.read(new).x.values[0].tolist() == [[40.0], [30.0]]
    days = pd.DataFrame({"who": 9, "when": pd.to_datetime(["2024-02-03", "2024-01-04"]), "x": [30, 40]})
    assert reader.read(days).x.values[0].tolist() == [[40.0], [30.0]]


def test_a_number_that_may_mean_missing_is_said(walks, tmp_path):
    path, frame = walks
    frame["a"] = frame["a"].mask(np.arange(len(frame)) % 9 == 0, -999)
    frame.to_csv(tmp_path / "coded.csv", index=False)
    assert " and else from " not in " ".join(load(path).said)
    assert f"a is -999 in {sum(frame['a'] == -999)} rows, and else from " in " ".join(
        load(str(tmp_path / "coded.csv")).said
    )
