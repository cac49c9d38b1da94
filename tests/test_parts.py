"""Division by whole groups and in an order: what is never torn apart, and what never comes before what."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

from regab.data import folder, table, text
from regab.data.fingerprint import fingerprint
from regab.data.own.loaded import taken
from regab.data.split import Division, Source, Split, divide
from regab.errors import UsageError

quick = settings(max_examples=40)
sizes = st.lists(st.integers(1, 9), min_size=2, max_size=30)
shares = st.sampled_from([0.1, 0.2, 0.34, 0.5])


def numbered(y, **more):
    """A source whose inputs are the numbers of its rows, as they are."""
    rows = torch.arange(len(y), dtype=torch.float64)[:, None]
    task = "regression" if torch.as_tensor(y).is_floating_point() else "classification"
    classes = 1 if task == "regression" else int(max(y)) + 1
    return Source(
        Split(rows, torch.as_tensor(y)), classes, task=task, fit=lambda x: (lambda examples: examples, {}), **more
    )


def rows_of(data):
    return [part.x[:, 0].long().numpy() for part in (data.train, data.val, data.test)]


def divided_or_refused(source, by, words):
    """None where it is refused in these words."""
    try:
        return divide(source, by)
    except UsageError as error:
        if not re.search(words, str(error)):
            raise


def patients(sizes, seed=0):
    """So many rows of each patient, mixed up, and a class for each row that its patient mostly has."""
    random = np.random.default_rng(seed)
    groups = random.permutation(np.repeat(np.arange(len(sizes)), sizes))
    y = np.where(random.random(len(groups)) < 0.8, groups % 3, random.integers(0, 3, len(groups)))
    y[:3] = range(min(3, len(y)))
    return groups, torch.from_numpy(y)


@quick
@given(sizes, shares, shares, st.integers(0, 9), st.booleans())
def test_a_group_is_in_one_part_and_every_row_in_one(sizes, val, test, seed, numbers):
    groups, y = patients(sizes, seed)
    source = numbered(torch.rand(len(y)).double() if numbers else y, groups=groups)
    data = divided_or_refused(source, Division(None, val, test, split_seed=seed), "group|choose another share")
    if data is None:
        return
    parts = rows_of(data)
    assert sorted(np.concatenate(parts)) == list(range(len(y)))
    assert sum(len(set(groups[rows])) for rows in parts) == len(sizes)
    assert 0 < len(parts[2]) <= max(2 * round(test * len(y)), 1)
    again = divide(source, Division(None, val, test, split_seed=seed))
    assert all(np.array_equal(a, b) for a, b in zip(parts, rows_of(again), strict=True))


@quick
@given(sizes, st.integers(2, 6), st.integers(0, 9), st.booleans())
def test_folds_of_groups_hold_each_row_out_once_and_are_as_even_as_scikit_learns(sizes, folds, seed, numbers):
    groups, y = patients(sizes, seed)
    source = numbered(torch.rand(len(y)).double() if numbers else y, groups=[f"p{g}" for g in groups])
    if folds > len(sizes):
        with pytest.raises(UsageError, match=f"data.folds={folds}: must be at most {len(sizes)}, the number of groups"):
            divide(source, Division(folds=folds, split_seed=seed))
        return
    parts = [rows_of(divide(source, Division(folds=folds, fold=f, split_seed=seed))) for f in range(folds)]
    assert sorted(np.concatenate([val for _, val, _ in parts])) == list(range(len(y)))
    assert not any(set(groups[train]) & set(groups[val]) for train, val, _ in parts)
    assert all(len(val) for _, val, _ in parts)
    if numbers:
        theirs = [len(held) for _, held in GroupKFold(folds).split(y, groups=groups)]
        assert sorted(len(val) for _, val, _ in parts) == sorted(theirs)


def test_folds_of_groups_keep_the_shares_of_classes_as_well_as_scikit_learns():
    def unevenness(parts, y):
        return np.mean([np.abs((y[rows] == c).mean() - (y == c).mean()) for rows in parts for c in range(3)])

    ours, theirs = [], []
    for seed in range(10):
        groups, y = patients(np.random.default_rng(seed).integers(1, 15, 40), seed)
        source = numbered(y, groups=groups)
        held = [rows_of(divide(source, Division(folds=4, fold=fold, split_seed=seed)))[1] for fold in range(4)]
        ours.append(unevenness(held, y.numpy()))
        splitter = StratifiedGroupKFold(4, shuffle=True, random_state=seed)
        theirs.append(unevenness([held for _, held in splitter.split(y, y, groups)], y.numpy()))
    assert np.mean(ours) <= 1.1 * np.mean(theirs)


def test_shares_of_groups_are_near_those_asked_for_and_seeds_choose_other_groups():
    groups, y = patients([5] * 60)
    held = []
    for seed in range(5):
        parts = rows_of(divide(numbered(y, groups=groups), Division(None, 0.25, 0.2, split_seed=seed)))
        assert [len(rows) for rows in parts] == pytest.approx([180, 60, 60], abs=10)
        held.append(frozenset(groups[parts[2]]))
    assert len(set(held)) == 5


@quick
@given(st.integers(3, 40), st.integers(3, 40))
def test_the_smaller_of_two_training_sets_is_a_part_of_the_larger_and_tears_one_group_at_most(a, b):
    groups, y = patients([4, 1, 7, 3] * 5)
    small, large = (
        rows_of(divide(numbered(y, groups=groups), Division(n_train=n, val_fraction=0.2)))[0] for n in sorted((a, b))
    )
    assert len(large) == max(a, b)
    assert set(small) <= set(large)
    full = rows_of(divide(numbered(y, groups=groups), Division(val_fraction=0.2)))[0]
    assert sum(0 < (groups[large] == g).sum() < (groups[full] == g).sum() for g in set(groups)) <= 1


def test_what_is_divided_by_groups_is_said():
    groups, y = patients([5] * 20)
    data = divide(numbered(y, groups=groups), Division(val_fraction=0.2, test_fraction=0.25))
    counts = [len(set(groups[rows])) for rows in rows_of(data)]
    assert sum(counts) == 20
    assert data.said == ("20 groups, each in one part only: training {}, validation {}, test {}".format(*counts),)


@pytest.mark.parametrize("sizes", [[19, 15, 8, 9], [29, 6, 28], [22, 16, 9]])
def test_where_every_group_is_more_than_the_share_the_nearest_is_held_out(sizes):
    groups, y = patients(sizes)
    for seed in range(5):
        by = Division(val_fraction=5 / sum(sizes), split_seed=seed)
        assert len(rows_of(divide(numbered(y, groups=groups)._replace(test=numbered(y).train), by))[1]) == min(sizes)


def test_no_share_is_no_group():
    groups, y = patients([4, 9, 7])
    train, val, test = rows_of(divide(numbered(y, groups=groups), Division(val_fraction=0.0, test_fraction=0.0)))
    assert sorted(train) == list(range(20))
    assert len(val) == len(test) == 0


@pytest.mark.parametrize(
    ("sizes", "by", "complaint"),
    [
        ([50, 50, 50], {"val_fraction": 0.1}, "data.val_fraction=0.1: is 15 of 150 examples, but the 3 groups, which "),
        ([50, 50, 50], {"val_fraction": 0.1}, "make it 50; set about 0.33"),
        ([50], {"val_fraction": 0.5}, "data.val_fraction=0.5: all 50 examples are of one group"),
        ([50, 9], {"folds": 3}, "data.folds=3: must be at most 2, the number of groups"),
    ],
)
def test_groups_that_leave_no_such_parts_are_refused(sizes, by, complaint):
    groups, y = patients(sizes)
    with pytest.raises(UsageError, match=complaint):
        divide(numbered(y, groups=groups), Division(**by))


@quick
@given(st.lists(st.integers(0, 12), min_size=4, max_size=60), shares, shares, st.booleans())
def test_training_ends_before_validation_begins_and_validation_before_testing(order, val, test, times):
    order = np.array(order)
    kept = np.datetime64("2024-01-30") + order if times else order
    source = numbered(torch.arange(len(order)) % 2, order=kept)
    data = divided_or_refused(source, Division(None, val, test), "same place in data.order|choose another share")
    if data is None:
        return
    train, held, tested = (order[rows] for rows in rows_of(data))
    assert train.max() < held.min()
    assert held.max() < tested.min()
    assert len(train) + len(held) + len(tested) == len(order)


def test_without_ties_the_last_rows_are_tested_and_the_latest_of_the_rest_are_trained_on():
    order = np.random.default_rng(0).permutation(100)
    data = divide(numbered(torch.rand(100).double(), order=order), Division(20, 0.25, 0.2))
    assert [sorted(order[rows]) for rows in rows_of(data)] == [
        [*range(40, 60)],
        [*range(60, 80)],
        [*range(80, 100)],
    ]
    assert data.said == ("divided in order: training 40 to 59, validation 60 to 79, test 80 to 99",)


def test_equal_places_stay_on_the_nearer_side_of_a_cut():
    data = divide(numbered(torch.rand(10).double(), order=[0] * 6 + [1] * 4), Division(test_fraction=0.1))
    assert [len(rows) for rows in rows_of(data)] == [6, 0, 4]


@pytest.mark.parametrize(
    ("order", "by", "complaint"),
    [
        ([1.0] * 6, {"val_fraction": 0.5}, "data.val_fraction=0.5: all 6 rows have the same place in data.order, 1"),
        ([1.0, 2, 3, 4, 5, np.nan], {}, "data.order: example 5 has none"),
        ([1.0, 2], {}, "data.order: must be a number or time for each of the 6"),
        ([1.0, 2, 3, 4, 5, 6], {"folds": 2}, "data.order: cannot be kept in cross-validation"),
    ],
)
def test_orders_that_cannot_be_kept_are_refused(order, by, complaint):
    with pytest.raises(UsageError, match=complaint):
        divide(numbered(torch.rand(6).double(), order=order), Division(**by))


@pytest.fixture
def visits(tmp_path):
    """A table of patients who are ill or well at every visit, and have a number that gives them away."""
    random = np.random.default_rng(0)
    patient = np.repeat(np.arange(30), 10)
    frame = pd.DataFrame({"patient_id": [f"P{p:03}" for p in patient], "face": random.normal(size=30)[patient]})
    frame["visit"] = [f"{1 + day % 28}.{1 + day // 28}.2024" for day in random.integers(0, 300, 300)]
    frame["ill"] = np.where(random.random(30) < 0.5, "yes", "no")[patient]
    frame.sample(frac=1, random_state=0).to_csv(tmp_path / "visits.csv", index=False)
    return str(tmp_path / "visits.csv")


def test_the_column_of_groups_is_no_feature_and_divides(visits):
    source = table.load(visits, "ill", group="patient_id", day_first=True)
    assert source.features == ("face", "visit")
    assert source.train.x.words.shape[1] == 0
    assert source.columns["patient_id"].startswith("ignored (data.group)")
    data = divide(source, Division(val_fraction=0.2, test_fraction=0.2))
    parts = [set(part.x[:, 0].tolist()) for part in (data.train, data.val, data.test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 30


def test_a_column_that_may_be_of_groups_is_said_once_and_not_where_it_is_given(visits, tmp_path):
    (words,) = [s for s in table.load(visits, "ill", day_first=True).said if "leak" in s]
    assert words.startswith("patient_id has 30 values in 300 rows")
    assert "data.group=patient_id" in words
    assert not [s for s in table.load(visits, "ill", day_first=True, group="patient_id").said if "leak" in s]
    path = tmp_path / "others.csv"
    path.write_text("\n".join(["id,patient,age,y", *(f"{i},{i % 2},{i % 5 + 0.5},{i % 3 % 2}" for i in range(40))]))
    assert not [s for s in table.load(str(path), "y").said if "leak" in s]  # ids that do not repeat; yes and no


def test_rows_are_divided_by_dates_as_they_are_read(visits):
    source = table.load(visits, "ill", order="visit", day_first=True)
    assert source.features == ("face",)
    cells = pd.to_datetime(pd.read_csv(visits)["visit"], format="%d.%m.%Y").to_numpy()
    assert np.array_equal(source.order, cells)
    data = divide(source, Division(val_fraction=0.2, test_fraction=0.2))
    assert len(data.test) == pytest.approx(60, abs=4)
    assert f"test {np.sort(cells)[-len(data.test)].astype('datetime64[D]')} to" in data.said[-1]
    kept = table.load(visits, "ill", order="visit", day_first=True, numeric=["visit"])
    assert kept.features == ("face", "visit")


def test_an_order_may_be_of_numbers_with_a_decimal_comma(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["when;x;y", *(f"{i % 7},{25 * (i % 4):02};{i % 3};{i % 2}" for i in range(28))]))
    source = table.load(str(path), "y", order="when")
    assert source.order.tolist() == [i % 7 + 0.25 * (i % 4) for i in range(28)]


def test_what_a_test_file_shares_with_training_is_said(visits, tmp_path):
    frame = pd.read_csv(visits)
    test = str(tmp_path / "test.csv")
    frame[:40].to_csv(test, index=False)
    shared = frame[:40]["patient_id"].nunique()
    said = table.load(visits, "ill", test, group="patient_id", day_first=True).said
    assert f"{shared} of the {shared} groups of the test data are in the training data too" in said
    frame[40:].to_csv(ours := str(tmp_path / "ours.csv"), index=False)
    frame[:40].assign(patient_id=lambda f: f["patient_id"] + "x").to_csv(test, index=False)
    said = table.load(ours, "ill", test, group="patient_id", day_first=True).said
    assert not [words for words in said if "groups of the test data" in words]
    said = table.load(visits, "ill", test, order="visit", day_first=True).said
    assert any(words.startswith("the test data begin at 2024-") for words in said)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"group": "patient"}, "data.group=patient: unknown column; did you mean data.group=patient_id?"),
        ({"group": "ill"}, "data.group=ill: is data.label"),
        ({"group": "face", "numeric": ["face"]}, "data.group=face: is no feature"),
        ({"order": "patient_id"}, "data.order=patient_id: is neither numbers nor dates"),
        ({"order": "visit", "group": "patient_id"}, "data.order=visit: cannot be kept together with data.group=pat"),
    ],
)
def test_keys_that_cannot_be_are_refused_in_a_line(visits, options, complaint):
    with pytest.raises(UsageError, match=complaint):
        table.load(visits, "ill", **options)


def test_an_empty_key_is_named_with_its_line_and_numbers_are_equal_by_value(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("p,d,x,y\n1,1,1,a\n1.0,,2,b\n,3,3,a\n")
    with pytest.raises(UsageError, match=r"line 4: has no p, which is data\.group"):
        table.load(str(path), "y", group="p")
    with pytest.raises(UsageError, match=r"line 3: has no d, which is data\.order"):
        table.load(str(path), "y", order="d")
    path.write_text("p,x,y\n1,1,a\n1.0,2,b\n01,3,a\n")
    assert len(set(table.load(str(path), "y", group="p").groups)) == 3
    path.write_text("p,x,y\n1,1,a\n1.0,2,b\n2,3,a\n")
    assert len(set(table.load(str(path), "y", group="p").groups)) == 2


def test_texts_have_groups_too(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,label,author\n" + "".join(f"word {i},{'ab'[i % 2]},A{i % 5}\n" for i in range(50)))
    source = text.load(str(path), text="text", label="label", group="author")
    assert len(set(source.groups)) == 5
    assert "5 groups" in divide(source, Division(val_fraction=0.4)).said[-1]


def test_images_are_grouped_by_what_is_found_in_their_paths(tmp_path):
    for i in range(24):
        file = tmp_path / f"{'ab'[i % 2]}" / f"p{i % 6}" / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4), i).save(file)
    source = folder.load(str(tmp_path), group=r"p\d")
    pixels = source.train.x[:, 0, 0, 0].numpy()
    assert list(source.groups) == [f"p{i % 6}" for i in pixels]
    assert list(folder.load(str(tmp_path), group=r"/p(\d)/").groups) == [str(i % 6) for i in pixels]
    with pytest.raises(UsageError, match=r"data\.group=q: is not found in a/p0/0\.png"):
        folder.load(str(tmp_path), group="q")
    with pytest.raises(UsageError, match=r"data.group=\(: is no regular expression"):
        folder.load(str(tmp_path), group="(")


def test_a_loader_of_ones_own_gives_groups_or_an_order():
    y = torch.arange(40) % 2
    plain = Source(Split(torch.randn(40, 3), y), 2)
    grouped = taken(plain._replace(groups=[i // 4 for i in range(40)]), "k")
    parts = divide(grouped._replace(fit=numbered(y).fit), Division(val_fraction=0.3, test_fraction=0.2))
    assert "10 groups" in parts.said[-1]
    dates = pd.Series(pd.date_range("2024-01-01", periods=40))
    ordered = taken(plain._replace(order=dates), "k")
    assert "test 2024-02-02 to 2024-02-09" in divide(ordered, Division(test_fraction=0.2)).said[-1]
    with pytest.raises(UsageError, match="k: groups: must have a value for each of 40 training examples, not 3"):
        taken(plain._replace(groups=[1, 2, 3]), "k")
    prints = [fingerprint(source) for source in (taken(plain, "k"), grouped, ordered)]
    assert len(set(prints)) == 3


@pytest.mark.slow
def test_leakage_by_patient_is_gone_with_groups(regab, visits):
    words = ["train", "data=csv", f"data.path={visits}", "data.label=ill", "data.day_first=true", "model=mlp"]
    words += ["epochs=10", "optimizer.lr=0.02", "curves=false"]
    torn = regab(*words, "data.ignore=[visit,patient_id]")
    kept = regab(*words, "data.ignore=[visit]", "data.group=patient_id")
    assert (torn.code, kept.code) == (0, 0), torn.err + kept.err
    frames = [pd.read_csv(run.folder / "metrics.csv") for run in (torn, kept)]
    assert frames[0]["test_accuracy"].iloc[-1] > frames[1]["test_accuracy"].iloc[-1] + 0.1
    assert "30 groups, each in one part only" in kept.out
