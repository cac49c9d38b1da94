"""Odd tables: what is mended, what is said of them, and what is refused in a line that names the place."""

import json
import pickle
import zipfile

import numpy as np
import pytest
import torch

from regab.data.division.checks import examined
from regab.data.inputs.scaling import standardize
from regab.data.split import Division, Source, Split, divide
from regab.data.table import load
from regab.data.tables.rows import read_rows
from regab.data.text import load as load_texts
from regab.errors import UsageError


@pytest.fixture
def write(tmp_path):
    def make(*lines, name="t.csv", end="\n"):
        (tmp_path / name).write_bytes("".join(f"{line}{end}" for line in lines).encode())
        return str(tmp_path / name)

    return make


GOOD = ["a,b,y", "1,x z,p", "2,w,q", "3,x z,p"]
SAME = {
    "as it is": (GOOD, "\n"),
    "Windows lines": (GOOD, "\r\n"),
    "old Mac lines": (GOOD, "\r"),
    "a separator at every end": ([f"{line}," for line in GOOD], "\n"),
    "separators at some ends": (["a,b,y", "1,x z,p,,", *GOOD[2:]], "\n"),
    "blank lines": (["", "a,b,y", "", "1,x z,p", "   ", "2,w,q", "3,x z,p", "", ""], "\n"),
    "rows without content": ([*GOOD, ",,", ",,"], "\n"),
    "Excel's first line": (["sep=;", *[line.replace(",", ";") for line in GOOD]], "\n"),
    "spaces around": (["a , b, y", " 1, x z , p", "2 ,w,q", "3,\u00a0x z,p"], "\n"),
    "quotes": (['"a","b","y"', '1,"x z","p"', '"2", "w", "q"', '3,"x z",p'], "\n"),
    "no last line end": (["\n".join(GOOD)], ""),
    "remarks above": (['# by "someone, 2024', "#", *GOOD], "\n"),
    "remarks between": ([*GOOD[:2], "# more", *GOOD[2:], "# the end"], "\n"),
    "R's names of rows": (['"a","b","y"', '"r1",1,"x z","p"', '"r2",2,"w","q"', '"r3",3,"x z","p"'], "\n"),
    "R's numbers of rows": (["a b y", '1 1 "x z" p', "2 2 w q", '3 3 "x z" p'], "\n"),
    "spaces": (["a b y", '1 "x z" p', "2 w q", '3 "x z" p'], "\n"),
    "a fixed width": (["  a     b y", '  1 "x z" p', "  2     w q ", '  3 "x z" p'], "\n"),
    "JSON": (['[{"a": 1, "b": "x z", "y": "p"},', '{"a": 2, "b": "w", "y": "q"},{"b":"x z","y":"p","a":3}]'], "\n"),
    "JSON lines": (['{"a":1,"b":"x z","y":"p"}', '{"a":2.0,"b":"w","y":"q"}', '{"a":3,"b":"x z","y":"p"}'], "\n"),
    "JSON columns": (['{"a": [1, 2, 3], "b": ["x z", "w", "x z"],', ' "y": ["p", "q", "p"]}'], "\n"),
    "pandas' JSON": (['{"a":{"0":1,"1":2,"2":3},"b":{"0":"x z","1":"w","2":"x z"},"y":{"0":"p","1":"q","2":"p"}}'], ""),
    "JSON with a name": (
        ['{"n": 3, "rows": [{"a":1,"b":"x z","y":"p"},{"a":2,"b":"w","y":"q"},{"a":3,"b":"x z","y":"p"}]}'],
        "",
    ),
    "a column without name and content": (["a,,b,y", "1,,x z,p", "2,,w,q", "3,,x z,p"], "\n"),
}


@pytest.mark.parametrize("kind", SAME)
def test_tables_that_say_the_same_are_the_same(write, kind):
    lines, end = SAME[kind]
    source = load(write(*lines, end=end), "y")
    assert source.train.x.numbers[:, 0].tolist() == [1, 2, 3]
    assert source.train.x.words[:, 0].tolist() == ["x z", "w", "x z"]
    assert source.train.y.tolist() == [0, 1, 0]
    assert ("2 rows without content left out" in source.said) == (kind == "rows without content")


def test_what_is_left_out_is_said(write):
    path = write("# one", "", "# two", *GOOD, "#three")
    assert "3 rows that begin with # left out" in load(path, "y").said
    with pytest.raises(UsageError, match="line 5: a is 'odd', and not a number"):
        load(write("# one", "", "a,y", *[f"{i},{'pq'[i % 2]}" if i != 1 else "odd,p" for i in range(30)]), "y")


def test_what_begins_with_the_sign_of_remarks_may_be_names_and_data(write):
    assert list(read_rows(write("# about", "#a,b", "1,p", "#2,q"), "p").named().columns) == ["#a", "b"]
    assert read_rows(write("a,b", "#1,p", "#2,q"), "p").named().columns["a"] == ["#1", "#2"]
    texts = load_texts(write("text,label", "#love it,p", "#hate it,q", "#so so,p", "#no,q"))
    assert list(texts.train.x) == ["#love it", "#hate it", "#so so", "#no"]


def test_rows_that_are_longer_than_names_are_only_taken_for_named_ones_if_they_are(write):
    with pytest.raises(UsageError, match="line 2: has 3 cells, but the first line has 2"):
        read_rows(write("a,b", "x,1,p", "y,2,q"), "p")
    with pytest.raises(UsageError, match=r"has 3 cells, but the first line has 1; .*: take out what is above them"):
        read_rows(write("Results of 2024", "", "a,b,y", "1,x,p"), "p")


def test_json_keeps_what_its_types_say(write):
    records = [
        {"code": f"00{i}", "truth": i > 2, "n": None if i == 2 else i, "deep": {"a": 1}, "y": "pq"[i % 2]}
        for i in range(6)
    ]
    source = load(write(json.dumps(records)), "y", categorical=["code"])
    assert source.train.x.words.tolist() == [[f"00{i}", str(i > 2)] for i in range(6)]
    np.testing.assert_array_equal(source.train.x.numbers[:, 0], [0, 1, np.nan, 3, 4, 5])
    assert "left out, as their cells hold several values each: deep" in source.said


NO_TABLES = {
    "ARFF": (b"% about\n@RELATION x\n@ATTRIBUTE a NUMERIC\n", "is an ARFF file, and no table; save it as CSV"),
    "HTML": (b"<!DOCTYPE html><table>", "is HTML or XML, and no table"),
    "JSON of lists": (b"[[1, 2], [3, 4]]", "is JSON of neither records nor columns"),
    "broken JSON": (b'[{"a": 1}, {"a"', "is a JSON file that cannot be read (Expecting"),
    "a pickle": (pickle.dumps(3), "is a pickle of Python's, and not text"),
    "Stata": (b"<stata_dta><header>", "is a Stata file, and not text"),
    "old Stata": (b"r\x02\x01\x00", "is a Stata file, and not text"),
    "SPSS": (b"$FL2@(#) SPSS", "is an SPSS file, and not text"),
}


@pytest.mark.parametrize("kind", NO_TABLES)
def test_files_that_are_no_tables_are_named(tmp_path, kind):
    content, words = NO_TABLES[kind]
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(UsageError) as complaint:
        load(str(tmp_path / "t.csv"), "y")
    assert words in str(complaint.value)


def test_a_zip_file_of_one_table_is_unpacked(write, tmp_path):
    for names in (["t.csv"], ["__MACOSX/t.csv", "a/", "a/t.csv"], ["a.csv", "b.csv"]):
        with zipfile.ZipFile(tmp_path / "t.zip", "w") as packed:
            for name in names:
                packed.writestr(name, "a,y\n1,p\n2,q\n")
        if names[-1] == "b.csv":
            with pytest.raises(UsageError, match="is an Excel workbook or a zip file"):
                load(str(tmp_path / "t.zip"), "y")
        else:
            assert load(str(tmp_path / "t.zip"), "y").train.x.numbers.tolist() == [[1], [2]]


def test_the_separator_is_looked_for_outside_of_quotes_and_can_be_said(write):
    assert list(read_rows(write('"a,b,c";y', '"1,2";p'), "p").named().columns) == ["a,b,c", "y"]
    assert list(read_rows(write("a\ty", "1,2\tp"), "p", "tab").named().columns) == ["a", "y"]
    assert list(read_rows(write("a   b y", "1   2 p"), "p", "space").named().columns) == ["a", "b", "y"]


def test_lines_are_counted_as_an_editor_does(write):
    path = write("a,y", "", '"one', 'two",p', "2,q", "", "x,p,r")
    with pytest.raises(UsageError, match="line 7: has 3 cells, but the first line has 2"):
        read_rows(path, "p")
    rows = read_rows(write("a,y", "", '"one', 'two",p', "2,q"), "p").named()
    assert rows.lines == [3, 5]
    assert rows.columns["a"] == ["one\ntwo", "2"]


OPEN = {
    "in the first column": (['a,b', '1,2', '"3,4', '5,6'], 3),
    "in another": (["a,b", "1,2", '3,"4', "5,6"], 3),
    "in the last line": (["a,b", "1,2", '3,"4'], 3),
    "after one that is closed": (["a,b", "1,2", '"3 ""x""","4', "5,6"], 3),
    "of several lines": (["a,b", "1,2", '"3', '4","5', "6,7"], 4),
}  # fmt: skip


@pytest.mark.parametrize("kind", OPEN)
def test_a_quote_that_is_never_closed_is_reported_where_it_is_opened(write, kind):
    lines, number = OPEN[kind]
    with pytest.raises(UsageError, match=rf"t\.csv, line {number}: opens a quote that is never closed"):
        read_rows(write(*lines), "data.path")


def test_a_quote_that_swallows_rows_is_hinted_at(write):
    with pytest.raises(
        UsageError, match="line 2: has 1 cells, but the first line has 2; it goes on to line 4, so look"
    ):
        read_rows(write("a,b", '"1,2', "3,4", '5"', "6,7"), "p")


def test_a_cell_may_be_as_long_as_a_book(write):
    book = "word " * 60_000
    assert read_rows(write("a,y", f"{book},p"), "p").columns["0"][1] == book.strip()


def test_the_nameless_column_that_pandas_writes_is_no_feature_and_said_so(write):
    for name in ("", "Unnamed: 0"):
        source = load(write(f"{name},x,y", *[f"{i},{i % 3}.5,{i % 2}" for i in range(20)]), "y")
        assert source.train.x.numbers.shape == (20, 1)
        assert "1 ignored (" in source.said[0]
    shuffled = write(",x,y", *[f"{i * 7 % 20},{i % 3}.5,{i % 2}" for i in range(20)])
    assert load(shuffled, "y").train.x.numbers.shape == (20, 1)
    assert load(shuffled, "y", numeric=["column_1"]).train.x.numbers.shape == (20, 2)
    measured = write(",x,y", *[f"{i * 7 % 20}.25,{i % 3}.5,{i % 2}" for i in range(20)])
    assert load(measured, "y").train.x.numbers.shape == (20, 2)
    named = load(write("x,,y", *[f"{i % 3}.5,{i},{i % 2}" for i in range(20)]), "y")
    assert "column_2" in named.columns


def test_columns_that_tell_nothing_or_too_much_are_said(write):
    lines = [f"{i},u{i},7,{'ab'[i % 2]},{i * 37 % 11},{'yn'[i % 2]}" for i in range(12)]
    said = load(write("id,user,one,copy,x,y", *lines), "y").said
    assert "the same in every row: one" in said
    assert any(line.startswith("different in every row, as an ID is: id, user;") for line in said)
    assert any(line.startswith("copy: each value goes with one of y and the other way round") for line in said)
    assert not any("x" in line.split(":")[0] for line in said[1:])
    target = load(
        write("cm,x,m", *[f"{i * 37 % 11 + 0.5},{i},{(i * 37 % 11 + 0.5) / 100}" for i in range(12)]), "m"
    ).said
    assert "cm is the label itself, but for its unit; leave it out by data.ignore=[cm]" in target
    assert not any(line.startswith("x is the label") for line in target)


def test_how_columns_were_read_is_one_line_and_kept_by_column(write):
    lines = [f"{i},{['Rome', 'Oslo', 'Lima'][i % 3]},{i}.5,z,{'yn'[i % 2]}" for i in range(12)]
    source = load(write("n,city,m,w,y", *lines), "y", ignore=["w"], max_categories=2)
    assert source.said[0] == (
        "2 numeric, 1 categorical (city: 3, of which the 2 most frequent have a place), 1 ignored (w: as asked); "
        "y: 2 classes (n 6, y 6)"
    )
    assert source.columns == {
        "n": "numeric: 0, 1, 2",
        "city": "categorical, 3 values: Rome, Oslo, Lima",
        "m": "numeric: 0.5, 1.5, 2.5",
        "w": "ignored (as asked): z",
        "y": "to be predicted: y: 2 classes (n 6, y 6)",
    }
    assert source.names == ("n", "y")


# labels


def labels(write, cells, **options):
    return load(write("x,y", *[f"{i * 7 % 5},{cell}" for i, cell in enumerate(cells)]), "y", **options)


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (["1_0", "10", "2_1"], ("10", "1_0", "2_1")),
        (["01", "1", "2"], ("1", "2", "01")),
        (["1", "1.0", "2"], ("1", "2")),
        (["10", "9", "x"], ("9", "10", "x")),
        (["1e1", "10", "2"], ("2", "10")),
        (["True", "False"], ("False", "True")),
    ],
)
def test_labels_are_texts_unless_all_are_plain_numbers(write, cells, names):
    rows = [f'"{cell}"' for cell in cells] * 4
    assert labels(write, rows).names == names


@pytest.mark.parametrize(
    ("cells", "lowest"),
    [
        (["1,5", "2,25", "-3"], -3),
        (["1,5", "-3"], -3),
        (["$1.50", "$20", "($3)"], -3),
        (["12,5%", "50%", "-3%"], -0.03),
    ],
)
def test_a_target_in_any_spelling_of_numbers_is_a_number(write, cells, lowest):
    source = labels(write, [f'"{cell}"' for cell in cells] * 4)
    assert (source.task, source.classes, source.train.y.min().item()) == ("regression", 1, lowest)


def test_a_class_may_be_called_none_if_that_does_not_mean_missing(write):
    cells = ["none", "NA", "mild", "null"] * 4
    with pytest.raises(
        UsageError, match=r"line 2: y is 'none', which means missing, .*; set data.missing=\[\] if it is"
    ):
        labels(write, cells)
    assert labels(write, cells, missing=[]).names == ("NA", "mild", "none", "null")
    with pytest.raises(
        UsageError, match=r"line 3: y is 'NA', which means missing, .*; take it out of data.missing, or"
    ):
        labels(write, cells, missing=["na"])
    with pytest.raises(UsageError, match="line 3: has no y"):
        labels(write, ["a", ""], missing=[])


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([f"n{i}" for i in range(30)], "data.label=y: is different in every row"),
        ([f"n{i}" for i in range(30)] + ["a"] * 10, "has 31 different texts in 40 rows, 30 of them once"),
        ([f"{i}.5" for i in range(30)] + ["oops"], "line 32: y is 'oops', and not a number as elsewhere"),
    ],
)
def test_a_label_that_is_none_is_refused(write, cells, words):
    with pytest.raises(UsageError) as complaint:
        labels(write, cells)
    assert words in str(complaint.value)


def test_texts_and_labels_that_changed_places_are_told_apart(write):
    rows = [f"{i % 2},some words number {i}" for i in range(40)]
    path = write("label,text", *rows)
    with pytest.raises(UsageError, match=r"changed places; set data.text=1 data.label=0"):
        load_texts(path)
    source = load_texts(path, text=1, label=0)
    assert (source.said[0], source.names) == ("40 texts; label: 2 classes (0 20, 1 20)", ("0", "1"))


def test_texts_with_many_numbers_for_labels_are_a_regression(write):
    source = load_texts(write("text,stars", *[f'some words,"{i / 4:.2f}"' for i in range(40)]), label="stars")
    assert (source.task, source.classes, source.train.y[5].item()) == ("regression", 1, 1.25)
    assert load_texts(write("text,stars", *["w,none", "v,NA"] * 3), label="stars").names == ("NA", "none")


# once they are divided


def told(x, y, by=None, **options):
    source = Source(Split(x, y), **{"classes": 2} | options)
    return examined(divide(source, by or Division()), source).said


@pytest.mark.parametrize("by", [Division(n_train=20), Division(test_fraction=0.5, n_train=10)])
def test_a_class_that_vanishes_from_training_is_said(by):
    x, y = torch.randn(1000, 2), torch.tensor([0] * 495 + [1] * 495 + [2] * 10)
    line, share = told(x, y, by, classes=3, names=("usual", "other", "rare"))
    assert share.startswith("only 1.0% of the examples for training are 'rare'")
    assert line == "no training example of class 'rare' (of 10 in all); it cannot be learned"
    assert len(told(x, y, Division(n_train=400), classes=3)) == 1
    with pytest.raises(UsageError, match=r"training examples are of class 0; raise data.n_train"):
        told(x, (y == 2).long(), by)


def test_a_class_of_one_is_said_and_in_the_fold_that_holds_it_out_its_loss():
    x, y = torch.randn(30, 2), torch.tensor([0] * 15 + [1] * 14 + [2])
    said = [told(x, y, Division(folds=3, fold=i, test_fraction=0), classes=3) for i in range(3)]
    assert sum("no training example of class 2 (of 1 in all); it cannot be learned" in s for s in said) == 1
    assert all("a single example of class 2" in s for s in said)


def test_values_far_outside_of_training_are_said():
    x = torch.randn(100, 2)
    test = torch.randn(50, 2)
    assert told(x, torch.arange(100) % 2, test=Split(test, torch.arange(50) % 2)) == ()
    test[3, 1] = 5e4
    (line,) = told(x, torch.arange(100) % 2, test=Split(test, torch.arange(50) % 2), features=("a", "dose"))
    assert line.startswith("dose reaches ")
    assert line.endswith("in test data")


@pytest.mark.parametrize("shape", [(10, 3), (10, 1, 4, 4)])
def test_training_inputs_that_do_not_vary_are_an_error_whatever_the_loader(shape):
    x, y = torch.full(shape, 0.1), torch.arange(10) % 2
    with pytest.raises(UsageError, match="all 10 training inputs are the same"):
        told(x, y)
    x[::3] = 0.2
    told(x, y)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize("number", [0.1, 1e-12, 3.3e9, -0.7])
def test_what_does_not_vary_but_for_rounding_is_only_centred(kind, number):
    x = torch.full((1000, 1), number, dtype=kind)
    encode, _ = standardize(x)
    np.testing.assert_allclose(encode(x + 1), 1 + ((x + 1) - x - 1), atol=abs(number) * 1e-6)
    x[::2] += abs(number) * 1e-4  # little, but no rounding
    assert encode(x).std() < 1e10
    assert standardize(x)[0](x).std(correction=0).item() == pytest.approx(1, rel=1e-2)


def test_neighbouring_numbers_are_the_same_but_for_rounding():
    x = torch.full((10, 1), 0.1, dtype=torch.float64)
    x[3] = np.nextafter(0.1, 1)
    assert standardize(x)[0](x).abs().max() < 1e-15


@pytest.mark.parametrize("target", [0.1, 1e9 / 3, -7.0])
def test_targets_that_are_all_the_same_are_refused(target):
    x, y = torch.randn(999, 2), torch.full((999,), target, dtype=torch.float64)
    with pytest.raises(UsageError, match="targets"):
        told(x, y, classes=1, task="regression")
    told(x, y + torch.randn(999) * abs(target) * 1e-9, classes=1, task="regression")


def test_a_nearly_constant_column_does_not_blow_up(write):
    lines = [f"{np.sin(i):.3f},{0.1 if i else 0.7},{np.cos(i):.4f}" for i in range(200)]
    source = load(write("a,dose,y", *lines), "y")
    data = divide(source, Division())
    assert max(part.x.abs().max().item() for part in (data.train, data.val, data.test) if len(part)) < 20
    constant = divide(load(write("a,dose,y", *lines[1:]), "y"), Division())
    assert constant.train.x[:, 1].abs().max() < 1e-15


def test_names_and_classes_are_printed_without_control_characters(write):
    path = write('"a\x1b[31m\nb",y', *["1,\x07p", "2,q"] * 6)
    source = load(path, "y")
    assert list(source.columns) == ["a [31m b", "y"]
    assert all(line.isprintable() for line in (*source.said, *source.columns.values()))


def test_classes_that_differ_in_capitals_and_numbers_with_units_are_said(write):
    lines = [f"{i}.5 kg,{['Yes', 'yes', 'no'][i % 3]}" for i in range(30)]
    said = load(write("w,y", *lines), "y").said
    assert "classes that differ in capitals or spaces alone: 'Yes', 'yes'" in said
    assert "w: numbers with 'kg' behind them are taken as words; take it out to have numbers" in said


REMARKS = {
    "zeros in front": (lambda i: f"{i % 20:03d}", "codes with zeros in front are taken as numbers: x;"),
    "-999 for missing": (
        lambda i: -999 if i % 9 == 0 else i % 5,
        "x is -999 in 7 rows, and else from 0 to 4; if it means missing, name it in data.missing",
    ),
    "another number for missing": (lambda i: -200 if i < 2 else i % 30, "x is -200 in 2 rows, and else from 0 to 29"),
    "capitals": (
        lambda i: ["Rome", "rome", "Oslo"][i % 3],
        "categories of x that differ in capitals or spaces alone: 'Rome', 'rome'",
    ),
    "spaces": (lambda i: ["New York", "NewYork", "Oslo"][i % 3], "capitals or spaces alone: 'New York', 'NewYork'"),
    "a sum": (
        lambda i: "Total" if i == 59 else "Rome" * (i % 2) or "Oslo",
        "x is 'Total' in 1 row; if these sum up others, take them out",
    ),
    "texts": (
        lambda i: f"a film of {i}",
        "x: texts are taken as words that name a category; data=text_csv reads texts",
    ),
    "durations": (lambda i: f"{i}:{i:02d}:10", "x: times of more than a day are taken as words"),
}
NO_REMARKS = {
    "decimals": lambda i: f"0.{i:02d}",
    "zero": lambda i: i % 20,
    "names of some words": lambda i: ["United States of America", "New Zealand without the North"][i % 2],
    "a long tail": lambda i: 1000 if i == 7 else i % 30,
    "two far numbers": lambda i: 99 * (i % 2),
    "ages up to 99": lambda i: 99 if i % 9 == 0 else 40 + i,
    "times of day": lambda i: f"{i % 24:02d}:{i:02d}",
    "names of numbers": lambda i: ["1e5", "1E5", "a"][i % 3],
}


@pytest.mark.parametrize("kind", REMARKS)
def test_what_may_be_meant_otherwise_is_said(write, kind):
    cell, words = REMARKS[kind]
    rows = [f"{cell(i)},{i % 7},{'ab'[i // 2 % 2]}" for i in range(60)]
    assert words in " ".join(load(write("x,k,y", *rows), "y").said)


@pytest.mark.parametrize("kind", NO_REMARKS)
def test_what_can_only_be_meant_so_is_not_remarked_on(write, kind):
    said = load(write("x,k,y", *[f"{NO_REMARKS[kind](i)},{i % 7},{'ab'[i // 2 % 2]}" for i in range(60)]), "y").said
    assert len([words for words in said[1:] if "as an ID is" not in words]) == 0


def test_a_target_that_may_mean_missing_is_said(write):
    said = load(write("x,y", *[f"{i},{-999 if i % 9 == 0 else i * 1.5}" for i in range(60)]), "y").said
    assert "y is -999 in 7 rows, and else from 1.5 to 88.5; if it means missing, name it in data.missing" in said


@pytest.mark.slow
def test_damaged_tables_are_read_or_refused_in_one_line(tmp_path):
    """400 small tables of odd cells, some with bytes changed, inserted or cut off."""
    random, path = np.random.default_rng(0), tmp_path / "t.csv"
    cells = [
        "1",
        "2.5",
        "1,234",
        "1.234,5",
        "NA",
        "",
        "-",
        "inf",
        "é",
        "1_0",
        "$5",
        "5%",
        "(3)",
        "2024-01-01",
        "\x00",
        '"',
    ]
    cells += ["01/02/2024", "12:30", "1e999", "9" * 400, "x" * 300, "Jan 5, 2024", "9999-12-31", "½", "1 000", "5 kg"]
    refused = []
    for _ in range(400):
        sep = random.choice(list(",;\t|"))
        rows = [
            sep.join(random.choice(cells[: random.integers(2, len(cells))], 3)) for _ in range(random.integers(1, 20))
        ]
        content = bytearray("\n".join([sep.join("abc"), *rows]).encode())
        for _ in range(random.integers(0, 3)):
            content[random.integers(len(content))] = random.choice(list(b'"\n\r\x00,;\xff'))
        path.write_bytes(content)
        for read in (lambda: load(str(path), "c"), lambda: load_texts(str(path), label=2)):
            try:
                source = read()
                data = examined(divide(source, Division(test_fraction=0.2)), source)
                assert all(torch.isfinite(part.x.float()).all() for part in (data.train, data.test))
            except UsageError as error:
                refused.append(str(error))
    assert not any("\n" in line for line in refused)
    assert 100 < len(refused) < 800
