"""Tables of the user's own: how they are read and encoded, what is said of bad ones, and the model for them."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from torch import nn

from regab.data.split import Division, divide
from regab.data.table import load
from regab.errors import UsageError
from regab.models.tabular import TabularMLP
from tests.conftest import curves, same

N = 120


@pytest.fixture
def people(write):
    """A table with numbers, missing numbers, categories, and two things to predict from them."""
    random = np.random.default_rng(0)
    lines = ["age,income,city,job,rich,spend"]
    for _ in range(N):
        age, city, job = random.integers(18, 80), random.choice(["Rome", "Oslo", "Lima"]), random.choice(["a", "b", ""])
        income = random.normal(30 + 20 * (city == "Oslo"), 3)
        shown = f"{income:.2f}" if random.random() > 0.2 else random.choice(["", "NA", "?"])
        spend = income / 2 + (age > 50) + random.normal()
        lines.append(f"{age},{shown},{city},{job},{'yes' if spend > 18 else 'no'},{spend:.3f}")
    return write(*lines)


def test_columns_are_encoded_as_by_scikit_learns_transformers(people):
    source = load(people, "rich", ignore=["spend"])
    data = divide(source, Division(val_fraction=0.25, test_fraction=0.25))
    parts = []  # the same rows, as they are in the file

    def keep(train):
        return lambda examples: parts.append(examples) or torch.zeros(len(examples), 1), {}

    divide(source._replace(fit=keep), Division(val_fraction=0.25, test_fraction=0.25))
    tables = [np.column_stack([part.numbers.astype(object), part.words]) for part in parts]
    assert 0 < np.isnan(parts[0].numbers).sum() < len(parts[0])
    transformer = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), [0, 1]),
            ("gaps", MissingIndicator(), [0, 1]),
            ("words", OneHotEncoder(handle_unknown="ignore", sparse_output=False), [2, 3]),
        ]
    ).fit(tables[0])
    for split, rows in zip((data.train, data.val, data.test), tables, strict=True):
        np.testing.assert_allclose(split.x, transformer.transform(rows).astype(float), atol=1e-6)
    assert data.given == {"categories": (3, 3)}
    assert data.kind == "features"


def test_a_word_that_training_lacks_has_no_place(write):
    train = write("x,c,y", *[f"{i},{'ab'[i % 2]},{i % 2}" for i in range(10)])
    test = write("c,y,x", "a,0,1", "zebra,1,2", name="test.csv")  # columns may stand in another order
    data = divide(load(train, "y", test), Division())
    assert data.test.x[:, 1:].tolist() == [[1, 0], [0, 0]]
    assert data.test.y.tolist() == [0, 1]


def test_what_a_test_set_has_and_training_has_not_is_said(write):
    train = write("sex,age,y", *[f"{'MF'[i % 2]},{i},{i % 2}" for i in range(10)])
    test = write("sex,age,y", "male,1,0", "F,,1", "female,3,1", name="test.csv")
    said = load(train, "y", test).said
    assert "test data: sex is 'male', 'female' in 2 rows, none of the categories known" in said
    assert "test data: missing, though never in training; the median is taken: age" in said
    assert not [words for words in load(train, "y", train).said if "test data" in words]


def test_codes_are_the_same_in_files_that_write_them_as_whole_numbers_and_with_decimals(write):
    for ours, theirs in (("{}.0", "{}"), ("{}", "{}.0")):
        lines = [[f"{form.format(i % 3)},{i % 2}" for i in range(9)] for form in (ours, theirs)]
        train, test = write("code,y", *lines[0]), write("code,y", *lines[1], name="test.csv")
        source = load(train, "y", test, categorical=["code"])
        data = divide(source, Division(val_fraction=0))
        assert data.test.x.tolist() == torch.eye(3)[torch.arange(9) % 3].tolist()
        assert not [words for words in source.said if "none of the categories" in words]
    padded = write("code,y", "01,0", "1,1", name="test.csv")
    assert "test data: code is '01' in 1 rows" in " ".join(load(train, "y", padded, categorical=["code"]).said)


def test_a_number_for_missing_is_one_however_a_file_writes_it(write, tmp_path):
    values = [-999 if i % 5 == 0 else i for i in range(30)]
    frame = pd.DataFrame({"x": np.array(values, dtype=float), "c": [f"{v % 3 if v >= 0 else v}" for v in values]})
    frame["y"] = ["p", "q"] * 15
    frame.to_csv(tmp_path / "floats.csv", index=False)
    frame.to_json(tmp_path / "floats.json", orient="records")
    frame.astype({"x": int}).to_csv(tmp_path / "whole.csv", index=False)
    frame.to_csv(tmp_path / "commas.csv", index=False, sep=";", decimal=",", float_format="%.2f")
    for missing in ([-999], [-999.0], ["NA", "-999"]):
        for name in ("floats.csv", "floats.json", "whole.csv", "commas.csv"):
            source = load(str(tmp_path / name), "y", missing=missing)
            np.testing.assert_array_equal(source.train.x.numbers[:, 0], [np.nan if v < 0 else v for v in values])
            cells = load(str(tmp_path / name), "y", missing=missing, categorical=["c"]).train.x.words[:, 0]
            assert [cell == "" for cell in cells] == [v < 0 for v in values]
    data = divide(source, Division(val_fraction=0))
    unseen = data.reader.read(frame, data.encode)
    np.testing.assert_array_equal(unseen.x.numbers, source.train.x.numbers)


def test_rare_words_share_no_place(write):
    table = write("c,y", *[f"{c},{i % 2}" for i, c in enumerate("aaabbbccd" * 2)])
    data = divide(load(table, "y", max_categories=2), Division())
    assert data.given == {"categories": (2,)}
    assert data.train.x.sum(0).tolist() == [6, 6]


def test_what_a_column_is_follows_from_its_cells_or_from_its_name(people):
    source = load(people, "rich", categorical=["age"], ignore=["spend", "job"])
    assert source.train.x.numbers.shape == (N, 1)
    assert source.train.x.words.shape == (N, 2)


@pytest.mark.parametrize(
    ("labels", "task", "found", "classes"),
    [
        (["yes", "no"], "auto", "classification", 2),
        (["0", "1", "2"], "auto", "classification", 3),
        (["1", "1.0", "2"], "auto", "classification", 2),
        (["1", "2", "x"], "auto", "classification", 3),
        (["0.5", "1.5"], "auto", "regression", 1),
        ([str(i) for i in range(21)], "auto", "regression", 1),
        ([str(i) for i in range(21)], "classification", "classification", 21),
        (["0", "1", "2"], "regression", "regression", 1),
    ],
)
def test_the_task_follows_from_the_label(write, labels, task, found, classes):
    source = load(write("x,y", *[f"{i},{labels[i % len(labels)]}" for i in range(42)]), "y", task=task)
    assert (source.task, source.classes) == (found, classes)
    if found == "regression":
        assert source.train.y[:2].tolist() == [float(label) for label in labels[:2]]


def test_classes_are_numbered_in_the_order_of_their_values(write):
    source = load(write("x,y", "1,10", "2,9", "3,10"), "y")
    assert source.train.y.tolist() == [1, 0, 1]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(write, delimiter):
    table = write(delimiter.join(["x", "z", "y"]), *[delimiter.join([str(i), '"a, b"', str(i % 2)]) for i in range(4)])
    source = load(table, "y")
    assert source.train.x.numbers[:, 0].tolist() == [0, 1, 2, 3]
    assert source.train.x.words[:, 0].tolist() == ["a, b"] * 4


BAD = {
    "no file": (None, {}, "there.csv: cannot be read (No such file or directory)"),
    "empty": ([], {}, "table.csv: is empty"),
    "no rows": (["x,y"], {}, "table.csv: has a first line, which names the columns, and nothing below it"),
    "ragged": (["x,y", "1,0", "2,1,3"], {}, "table.csv, line 3: has 3 cells, but the first line has 2"),
    "one name twice": (["x,x,y", "1,2,3"], {}, "table.csv: has two columns of the name 'x'"),
    "no such column": (["x,y", "1,0"], {"label": "z"}, "data.label=z: unknown column; there is: x, y (data.path="),
    "misspelt": (["x,target", "1,0"], {"label": "tagret"}, "unknown column; did you mean data.label=target?"),
    "no such ignored": (["x,y", "1,0"], {"ignore": ["w"]}, "data.ignore=w: unknown column; there is: x, y"),
    "one class only": (["x,y", "1,a", "2,a"], {}, "data.label=y: is 'a' in all rows, so there is nothing to tell"),
    "no label": (["x,y", "1,a", "2,"], {}, "table.csv, line 3: has no y, which is to be predicted"),
    "nothing else": (["y", "1", "2"], {}, "table.csv: has no column but y"),
    "text for a number": (
        ["x,y", "1,a", "two,b"], {"numeric": ["x"]}, "line 3: x is 'two', and not a number as elsewhere in that column"
    ),
    "text for a target": (
        ["x,y", "1,2.5", "2,high"], {"task": "regression"}, "line 3: y is 'high', and not a number"
    ),
    "no such task": (["x,y", "1,0"], {"task": "ranking"}, "data.task=ranking: must be auto, classification or"),
    "no delimiter": (["x,y", "1,0"], {"delimiter": "::"}, "cannot be read as a table"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_table_is_described_in_one_line(write, tmp_path, case):
    lines, options, words = BAD[case]
    path = str(tmp_path / "there.csv") if lines is None else write(*lines)
    with pytest.raises(UsageError) as complaint:
        load(**{"path": path, "label": "y"} | options)
    assert words in str(complaint.value)
    assert "\n" not in str(complaint.value)


def test_what_is_no_text_is_said_so(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"x,y\n1,\xff\xfe\n")
    with pytest.raises(UsageError, match=r"is not a text file in UTF-8 \(byte 6\)"):
        load(str(tmp_path / "t.csv"), "y")
    (tmp_path / "nul.csv").write_bytes(b"x,y\n1,\x00\n2,b\n")
    load(str(tmp_path / "nul.csv"), "y")  # an odd word, but a word


def test_a_label_that_training_lacks_is_named_among_numbers_too(write):
    with pytest.raises(UsageError, match="line 3: y is 'x', which the training data do not have"):
        load(write("x,y", "1,0", "2,1"), "y", write("x,y", "1,1.0", "2,x", name="test.csv"))


@pytest.mark.parametrize(
    ("test", "words"),
    [
        (["x,y", "1,c"], "line 2: y is 'c', which the training data do not have"),
        (["x", "1"], "data.label=y: unknown column; there is: x (data.test_path="),
        (["y", "a"], "has no column 'x', which the training data have"),
        (["x,y", "one,a"], "line 2: x is 'one', and not a number as elsewhere"),
    ],
)
def test_a_test_set_that_does_not_fit_is_described_in_one_line(write, test, words):
    train = write("x,y", "1,a", "2,b")
    with pytest.raises(UsageError) as complaint:
        load(train, "y", write(*test, name="test.csv"))
    assert words in str(complaint.value)


def test_a_table_is_trained_on_from_the_command_line_as_classes_and_as_numbers(regab, people, write):
    words = (f"data.path={people}", "model=tabular_mlp", "epochs=2", "curves=false")
    classes = regab("train", "data=csv", *words, "data.label=rich", "data.ignore=[spend]")
    assert "test accuracy" in classes.out, classes.err
    numbers = regab("train", "data=csv", *words, "data.label=spend", "data.ignore=[rich]")
    assert "test RMSE" in numbers.out, numbers.err
    beside = regab("train", "data=csv", *words, "data.label=rich", f"data.test_path={people}")
    assert "test accuracy" in beside.out, beside.err
    wrong = regab("train", "data=csv", *words, "data.label=wealth")
    assert wrong.err.startswith("regab: data.label=wealth: unknown column")
    assert (wrong.code, wrong.err.count("\n")) == (2, 1)
    assert "data.label: needs a value" in regab("train", "data=csv", f"data.path={people}").err


def test_categories_are_embedded_as_by_a_lookup():
    torch.manual_seed(0)
    model = TabularMLP((2 + 5 + 3,), 4, [6], embedding=4, categories=(5, 3)).eval()
    numbers, codes = torch.randn(7, 2), torch.randint(3, (7, 2))
    x = torch.cat([numbers, *[nn.functional.one_hot(codes[:, i], n) for i, n in enumerate((5, 3))]], 1)
    tables = [nn.Embedding.from_pretrained(layer.weight.t()) for layer in model.embeddings]
    assert [table.embedding_dim for table in tables] == [4, 3]
    embedded = torch.cat([numbers, *[table(codes[:, i]) for i, table in enumerate(tables)]], 1)
    torch.testing.assert_close(model(x), model.layers(embedded))


def test_without_categories_the_model_is_an_mlp_and_of_images_it_says_what_to_use(configure):
    assert TabularMLP((5,), 3, [4])(torch.randn(2, 5)).shape == (2, 3)
    with pytest.raises(UsageError, match="use model=mlp"):
        TabularMLP((1, 8, 8), 3, [4])


def test_a_tabular_run_has_the_same_numbers_alone_and_stacked(configure, people):
    words = ("data=csv", f"data.path={people}", "data.label=rich", "data.ignore=[spend]", "model=tabular_mlp")
    words = (*words, "model.widths=[16]", "epochs=2", "batch_size=16", "reg.norm=batch")
    runs = [configure(*words, f"seed={seed}", f"reg.dropout={0.2 * seed}") for seed in range(3)]
    for alone, beside in zip([curves(run)[0] for run in runs], curves(*runs), strict=True):
        assert same(alone, beside)


def test_how_a_table_is_read_is_shown_before_and_kept_with_every_run(regab, people):
    words = ("data=csv", f"data.path={people}", "data.label=rich", "data.ignore=[spend]")
    shown = regab("data", *words)
    (first, *_, last) = shown.out.splitlines()
    assert first.startswith(
        "data: 2 numeric, 2 categorical (city: 3, job: 3), 1 ignored (spend: as asked); rich: 2 classes"
    )
    assert "  city    categorical, 3 values: " in shown.out
    assert last.startswith("77 for training, 19 for validation, 24 for testing; an input is ")
    assert shown.folder is None
    train = ("train", *words, "model=tabular_mlp", "epochs=1", "curves=false")
    plan = regab(*train, "seed=0,1", "--dry-run", "stack.workers=0")
    assert plan.out.splitlines()[: shown.out.count("\n") - 1] == shown.out.splitlines()[:-1]
    run = regab(*train)
    assert first in run.out.splitlines()
    result = json.loads((run.folder / "result.json").read_text())
    assert result["columns"]["spend"].startswith("ignored (as asked): ")
    assert result["data_notes"] == [first.removeprefix("data: ")]
    assert last.endswith(f"fingerprint {result['data_fingerprint']}")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("-m",), "data -m: takes keys only"),
        (("data=dgits",), "data=dgits: unknown option; did you mean data=digits?"),
        (("data=csv",), "data.label: needs a value"),
        (
            ("data=csv", "data.path=no.csv", "data.label=y"),
            "data.path=no.csv: cannot be read (No such file or directory)",
        ),
    ],
)
def test_what_cannot_be_shown_is_one_line(regab, words, line):
    done = regab("data", *words)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert line in done.err
