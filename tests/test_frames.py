"""Parquet, Feather and packed files: the same as the CSV of the same table, and what their types say."""

import bz2
import datetime
import gzip
import lzma
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from regab.data import table, text
from regab.data.split import Division, divide
from regab.data.tables.rows import read_rows
from regab.errors import UsageError

pytest.importorskip("pyarrow")
N = 60


@pytest.fixture
def frame():
    random = np.random.default_rng(0)
    made = pd.DataFrame({"whole": random.integers(-5, 5, N), "number": random.normal(size=N) * 1e-7})
    made["single"] = random.normal(size=N).astype(np.float32)
    made["gaps"] = [None if i % 7 == 0 else i / 4 for i in range(N)]
    made["words"] = [["red", "green", None, "New York, NY"][i % 4] for i in range(N)]
    made["nullable"] = pd.array([None if i % 5 == 0 else i for i in range(N)], dtype="Int64")
    made["truth"] = random.random(N) < 0.5
    made["day"] = pd.date_range("2024-02-27", periods=N)
    made["moment"] = pd.date_range("2024-02-27 12:30", periods=N, freq="37min")
    made["zone"] = pd.date_range("2024-02-27", periods=N, freq="h", tz="Europe/Rome")
    made["date"] = [datetime.date(2024, 1, 1 + i % 28) for i in range(N)]
    made["price"] = [Decimal(f"{i}.50") for i in range(N)]
    made["digits"] = [f"{i % 9}" for i in range(N)]
    made["y"] = [["yes", "no"][i % 2] for i in range(N)]
    return made


def written(frame, path):
    kind = path.suffix
    if kind == ".parquet":
        frame.to_parquet(path)
    elif kind == ".feather":
        frame.to_feather(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if kind == ".tsv" else ",")
    return str(path)


@pytest.mark.parametrize(("kind", "label"), [("parquet", "y"), ("feather", "gaps_filled"), ("tsv", "y")])
def test_a_table_is_the_same_from_every_kind_of_file(frame, tmp_path, kind, label):
    frame["gaps_filled"] = frame["gaps"].fillna(3)
    csv, other = (table.load(written(frame, tmp_path / f"t.{k}"), label) for k in ("csv", kind))
    assert (other.task, other.classes, other.names, other.features) == (
        csv.task, csv.classes, csv.names, csv.features,
    )  # fmt: skip
    a, b = (divide(source, Division(val_fraction=0.2, test_fraction=0.2)) for source in (csv, other))
    for ours, theirs in zip((a.train, a.val, a.test), (b.train, b.val, b.test), strict=True):
        assert ours.x.equal(theirs.x)
        assert ours.y.equal(theirs.y)
    assert csv.fingerprint == other.fingerprint
    assert {"nullable", "day", "moment", "zone", "date", "price", "digits"} <= set(other.features) | {label}


@pytest.mark.parametrize(("ending", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)])
def test_packed_tables_are_opened(frame, tmp_path, ending, pack):
    plain = table.load(written(frame, tmp_path / "t.csv"), "y")
    (tmp_path / f"t.csv.{ending}").write_bytes(pack((tmp_path / "t.csv").read_bytes()))
    packed = table.load(str(tmp_path / f"t.csv.{ending}"), "y")
    assert np.array_equal(packed.train.x.numbers, plain.train.x.numbers, equal_nan=True)
    assert np.array_equal(packed.train.x.words, plain.train.x.words)
    (tmp_path / "damaged").write_bytes(pack(b"a,b\n" * 99)[:-9])
    with pytest.raises(UsageError, match="cannot be read"):
        table.load(str(tmp_path / "damaged"), "y")


def test_categories_stay_words_whatever_they_look_like_and_labels_of_them_are_classes(frame, tmp_path):
    frame["code"] = pd.Categorical(frame["whole"])
    frame["level"] = pd.Categorical(np.arange(N) % 30)
    source = table.load(written(frame, tmp_path / "t.parquet"), "y")
    assert source.columns["code"].startswith("categorical (as its type says), 10 values")
    assert source.columns["truth"].startswith("categorical")
    assert "code" in table.load(str(tmp_path / "t.parquet"), "y", numeric=["code"]).features
    assert table.load(str(tmp_path / "t.parquet"), "level").classes == 30


def test_durations_are_days_and_nested_columns_are_left_out_and_said(frame, tmp_path):
    frame["stay"] = pd.to_timedelta(np.arange(N) * 6, unit="h")
    frame["vector"] = [[1.0, 2.0]] * N
    source = table.load(written(frame, tmp_path / "t.parquet"), "y")
    stay = source.train.x.numbers[:, source.features.index("stay")]
    assert stay.tolist() == (np.arange(N) / 4).tolist()
    assert "left out, as their cells hold several values each: vector" in source.said
    assert "vector" not in source.columns


def test_an_index_with_a_name_is_a_column_and_empty_rows_are_left_out(frame, tmp_path):
    frame.set_index(pd.Index(np.arange(N) % 4, name="ward")).to_parquet(tmp_path / "t.parquet")
    rows = read_rows(str(tmp_path / "t.parquet"), "data.path").named()
    assert next(iter(rows.columns)) == "ward"
    frame.loc[2, "price"] = None  # where there is no word either
    frame[["words", "price"]].to_parquet(tmp_path / "u.parquet")
    rows = read_rows(str(tmp_path / "u.parquet"), "data.path").named()
    assert rows.said == ["1 rows without content left out"]
    assert rows.at(3).endswith("u.parquet, row 5")


def test_complaints_name_the_row(frame, tmp_path):
    frame.loc[4, "y"] = None
    with pytest.raises(UsageError, match=r"t.parquet, row 5: has no y, which is to be predicted"):
        table.load(written(frame, tmp_path / "t.parquet"), "y")


def test_texts_are_read_from_parquet_by_position_or_name(tmp_path):
    frame = pd.DataFrame({"text": [f"word, {i}" for i in range(20)], "label": [i % 2 for i in range(20)]})
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_csv(tmp_path / "t.csv", index=False)
    for options in ({}, {"text": "text", "label": "label"}):
        csv, parquet = (text.load(str(tmp_path / name), **options) for name in ("t.csv", "t.parquet"))
        assert csv.train.x.tolist() == parquet.train.x.tolist()
        assert csv.train.y.equal(parquet.train.y)
        assert len(parquet.train) == 20


def test_what_cannot_be_read_is_told_in_a_line(frame, tmp_path, monkeypatch):
    (tmp_path / "broken.parquet").write_bytes(b"PAR1rest")
    with pytest.raises(UsageError, match=r"broken.parquet: is a Parquet file that cannot be read \(") as told:
        table.load(str(tmp_path / "broken.parquet"), "y")
    assert "\n" not in str(told.value)
    frame[:0].to_parquet(tmp_path / "none.parquet")
    with pytest.raises(UsageError, match=r"none.parquet: is empty"):
        table.load(str(tmp_path / "none.parquet"), "y")
    path = written(frame, tmp_path / "t.feather")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"is a Feather file, which pyarrow reads; install it by: pip install pyarrow"):
        table.load(path, "y")
