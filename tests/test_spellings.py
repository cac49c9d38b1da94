"""How people write numbers, dates, gaps and files: every spelling gives the same data, or an error names the cell."""

import gzip
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regab.data.inputs.decode import read_text
from regab.data.table import load
from regab.data.tables.columns import Options
from regab.data.tables.dates import date_forms, date_numbers
from regab.data.tables.numbers import form, value
from regab.errors import UsageError

NUMBERS = st.lists(st.decimals(-(10**7), 10**7, places=2), min_size=3, max_size=12)
PROOF = [Decimal("-1234567.25"), Decimal("0.75")]  # which no other mark could have


def grouped(number, by, mark, size=3):
    whole, decimals = f"{abs(number):.2f}".split(".")
    head, parts = whole, []
    while len(head) > 3:
        head, part = head[:-3], head[-3:]
        parts.insert(0, part)
    return by.join([head, *parts]) + mark + decimals


def signed(number, text):
    return f"-{text}" if number < 0 else text


SPELLINGS = {
    "plain": lambda n: f"{n:.2f}",
    "plus": lambda n: f"{n:+.2f}",
    "scientific": lambda n: f"{n:.12E}",
    "thousands": lambda n: signed(n, grouped(n, ",", ".")),
    "decimal comma": lambda n: signed(n, grouped(n, "", ",")),
    "German": lambda n: signed(n, grouped(n, ".", ",")),
    "French": lambda n: signed(n, grouped(n, "\u202f", ",")),
    "spaces": lambda n: signed(n, grouped(n, " ", ".")),
    "Swiss": lambda n: signed(n, grouped(n, "’", ".")),
    "dollars": lambda n: signed(n, "$" + grouped(n, ",", ".")),
    "euros": lambda n: signed(n, grouped(n, ".", ",") + " €"),
    "code": lambda n: "CHF " + signed(n, grouped(n, "'", ".")),
    "accountant's": lambda n: f"({grouped(n, ',', '.')})" if n < 0 else grouped(n, ",", "."),
    "accountant's dollars": lambda n: f"$({grouped(n, ',', '.')})" if n < 0 else f"${grouped(n, ',', '.')}",
    "minus behind": lambda n: grouped(n, "", ".") + "-" * (n < 0),
    "true minus": lambda n: f"{n:.2f}".replace("-", "−"),
    "per cent": lambda n: f"{n * 100:.0f}%",
    "per cent with spaces": lambda n: f"{n * 100:.1f} %".replace(".", ","),
}


def written(tmp_path, cells, name="t.csv", header="x", sep=";"):
    """A table of one column and a label."""
    lines = [f'"{header}"{sep}y', *(f'"{cell}"{sep}{"ab"[i % 2]}' for i, cell in enumerate(cells))]
    (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(tmp_path / name)


def numbers(path, **options):
    return load(path, "y", **options).train.x.numbers[:, 0]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("spellings")


@pytest.mark.parametrize("spelling", SPELLINGS)
@settings(max_examples=12)
@given(NUMBERS)
def test_every_spelling_of_the_same_numbers_gives_the_same_numbers(place, spelling, drawn):
    meant = [*PROOF, *drawn]
    found = numbers(written(place, [SPELLINGS[spelling](n) for n in meant]))
    np.testing.assert_array_equal(found, [float(n) for n in meant])


@pytest.mark.parametrize(
    ("cell", "by_point", "by_comma"),
    [
        ("1,234", 1234, 1.234),
        ("1.234", 1.234, 1234),
        ("0,941", None, 0.941),
        ("1,23,456.5", 123456.5, None),
        ("1,2345", None, 1.2345),
        ("1234,567.5", None, None),
        ("1 23", None, None),
        ("1_0", None, None),
        ("1,,000", None, None),
        (".5", 0.5, None),
        ("5.", 5, None),
    ],
)
def test_a_mark_is_of_thousands_only_where_groups_are_of_three(cell, by_point, by_comma):
    assert (value(form(cell), "."), value(form(cell), ",")) == (by_point, by_comma)


@pytest.mark.parametrize(
    "cell", ["", "-", ".", "$", "%", "1-2", "--1", "(1", "1)", "(-1)", "$1€", "1e", "e5", "x", "1x"]
)
def test_what_is_no_number_is_none(cell):
    assert form(cell) is None


def table(place, columns, sep=";", **options):
    """Load a table of these columns and the labels p, q, p, …"""
    rows = [sep.join([*cells, "pq"[i % 2]]) for i, cells in enumerate(zip(*columns.values(), strict=True))]
    (place / "t.csv").write_text("\n".join([sep.join([*columns, "y"]), *rows]) + "\n", encoding="utf-8")
    return load(str(place / "t.csv"), "y", **options)


OPEN = ["1,941", "2,370", "3,179"]


@pytest.mark.parametrize(
    ("beside", "options", "first"),
    [
        (["2,5", "3,1", "4"], {}, 1.941),
        (["0,941", "1,100", "2,200"], {}, 1.941),
        (["2.5", "3.1", "4.0"], {}, 1941),
        (["1,234,567", "2,500,000", "3"], {}, 1941),
        (["1", "2", "3"], {"decimal": "comma"}, 1.941),
        (["1", "2", "3"], {"decimal": "point"}, 1941),
        (["2.5", "3,1", "4"], {"decimal": "."}, 1941),
    ],
)
def test_a_mark_that_one_column_leaves_open_is_told_by_the_others_or_by_the_user(tmp_path, beside, options, first):
    assert table(tmp_path, {"a": OPEN, "b": beside}, **options).train.x.numbers[0, 0] == first


def test_points_are_between_thousands_where_another_column_has_decimal_commas(tmp_path):
    source = table(tmp_path, {"a": ["1.941", "2.370", "3.179"], "b": ["0,5", "1,25", "3"]})
    assert source.train.x.numbers.tolist() == [[1941, 0.5], [2370, 1.25], [3179, 3]]
    assert "decimal commas" in source.said[0]
    assert table(tmp_path, {"a": ["1.941", "2.370", "3.179"]}).train.x.numbers[0, 0] == 1.941


@pytest.mark.parametrize("beside", [["1", "2", "3"], ["words", "no", "mark"]])
def test_a_mark_that_nothing_tells_is_an_error_with_the_option(tmp_path, beside):
    with pytest.raises(UsageError) as complaint:
        table(tmp_path, {"a": ["7", *OPEN[1:]], "b": beside})
    words = "line 3: a is '2,370', which may be 2370 or 2.37; set data.decimal=point or data.decimal=comma"
    assert words in str(complaint.value)


def test_a_test_file_is_read_as_the_training_file(tmp_path):
    train = written(tmp_path, ["0,5", "1.250,5", "7"])
    assert load(train, "y", written(tmp_path, ["1.250", "3,25"], "test.csv")).test.x.numbers[:, 0].tolist() == [
        1250,
        3.25,
    ]
    with pytest.raises(UsageError, match=r"test\.csv, line 3: x is '3\.25', and not a number as elsewhere"):
        load(train, "y", written(tmp_path, ["1.250", "3.25"], "test.csv"))


MISTAKES = {
    "text": ["1.5"] * 9 + ["oops"],
    "another mark": ["1.5"] * 19 + ["2,75"],
    "two marks": [f"{i}.5" for i in range(10)] + [f"{i},75" for i in range(10)],
    "two points": ["1.5"] * 19 + ["1.2.3"],
    "a letter in it": ["1.5"] * 19 + ["1O.5"],
    "a unit": [str(i) for i in range(19)] + ["5 kg"],
    "among German ones": ["1.234,5"] * 19 + ["n/v"],
    "among dates": [f"2024-03-{i:02}" for i in range(1, 20)] + ["2024-03-42"],
    "a word for missing of their own": [str(i) for i in range(20)] + ["unknown"] * 15,
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_a_cell_that_is_no_number_among_numbers_is_named(tmp_path, kind):
    cells = MISTAKES[kind]
    row = cells.index(cells[-1] if kind != "two marks" else "0.5")
    with pytest.raises(UsageError) as complaint:
        load(written(tmp_path, cells), "y")
    assert f"t.csv, line {row + 2}: x is {cells[row]!r}, and not a " in str(complaint.value)
    if kind == "two marks":
        return
    assert f"data.missing=[{cells[-1]!r}]" in str(complaint.value)
    assert np.isnan(numbers(written(tmp_path, cells), missing=[cells[-1]])).sum() == cells.count(cells[-1])
    assert load(written(tmp_path, cells), "y", categorical=["x"]).train.x.numbers.shape[1] == 0


@pytest.mark.parametrize(("cells", "words"), [(["$5", "€6"], "€"), (["5%", "0.06"], "numbers with")])
def test_amounts_of_two_kinds_in_one_column_are_refused(tmp_path, cells, words):
    with pytest.raises(UsageError, match=rf"x mixes .*{words[:5].strip()}.*; make it one"):
        load(written(tmp_path, cells * 5), "y")
    assert numbers(written(tmp_path, ["5%", "0", "6 %"])).tolist() == [0.05, 0, 0.06]


@pytest.mark.parametrize(
    "word",
    ["", "NA", "n/a", "NaN", "null", "None", "?", "-", ".", "--", "#DIV/0!", "#N/A", "#VALUE!", "inf", "-Inf", "∞"],
)
def test_the_usual_words_for_missing_are_missing_and_infinite_numbers_too(tmp_path, word):
    source = load(written(tmp_path, ["1", "2.5", word, "4"]), "y")
    np.testing.assert_array_equal(source.train.x.numbers[:, 0], [1, 2.5, np.nan, 4])
    assert any(f"taken as missing: {word!r} in 1 row of x" in line for line in source.said) == (
        word.lower() not in ("", "na", "n/a", "nan", "null", "none", "?")
    )


def test_what_means_missing_can_be_said(tmp_path):
    cells = ["1", "-999", "3", "", "none"]
    assert np.isnan(numbers(written(tmp_path, cells), missing=[-999, "none"])).tolist() == [
        False,
        True,
        False,
        True,
        True,
    ]
    with pytest.raises(UsageError, match=r"data.missing=NA: must be a list, as"):
        load(written(tmp_path, cells), "y", missing="NA")


DATES = {
    "ISO": ["2024-01-13", "2024-02-01"],
    "with times": ["2024-01-13 00:00:00", "2024-02-01 00:00"],
    "of a zone": ["2024-01-13T02:00:00+02:00", "2024-02-01T00:00:00Z"],
    "slashes, year first": ["2024/01/13", "2024/02/01"],
    "British": ["13/01/2024", "01/02/2024"],
    "American": ["1/13/2024", "2/1/2024"],
    "German": ["13.1.2024", "1.2.2024"],
    "short": ["13.01.24", "01.02.24"],
    "words": ["13 Jan 2024", "1 Feb 2024"],
    "American words": ["January 13, 2024", "February 1, 2024"],
    "with times of day": ["13/01/2024 00:00", "01/02/2024 00:00"],
}


@pytest.mark.parametrize("kind", DATES)
def test_dates_are_days(tmp_path, kind):
    source = load(written(tmp_path, DATES[kind] * 2), "y")
    assert source.train.x.numbers[:, 0].tolist() == [19735, 19754] * 2  # date -d 2024-01-13 +%s, by 86,400
    years = " with years from 1969 to 2068" * (kind == "short")
    assert f"1 numeric (dates{years}, in days: x)" in source.said[0]


MONTHS = {
    "numbers": ["2024-01", "2024-02"],
    "slashes": ["1/2024", "2/2024"],
    "words": ["Jan 2024", "Feb 2024"],
    "whole words": ["January 2024", "February 2024"],
    "with dashes": ["Jan-2024", "Feb-2024"],
}


@pytest.mark.parametrize("kind", MONTHS)
def test_months_are_their_first_days(tmp_path, kind):
    source = load(written(tmp_path, MONTHS[kind] * 2), "y")
    assert source.train.x.numbers[:, 0].tolist() == [19723, 19754] * 2
    assert "1 numeric (dates, in days: x)" in source.said[0]


def test_seasons_are_no_months(tmp_path):
    assert "1 categorical (x: 3)" in load(written(tmp_path, ["2011-12", "2012-13", "2013-14"]), "y").said[0]


def test_times_of_day_are_shares_of_a_day(tmp_path):
    assert numbers(written(tmp_path, ["06:00", "18:30"])).tolist() == [0.25, 18.5 / 24]
    assert numbers(written(tmp_path, ["6:00 AM", "6:00 PM"])).tolist() == [0.25, 0.75]


def test_days_and_months_that_cannot_be_told_apart_are_asked_for(tmp_path):
    path = written(tmp_path, ["01/02/2024", "03/04/2024", "05/06/2024"])
    with pytest.raises(
        UsageError, match=r"x, as '01/02/2024', can have the day or the month first; set data.day_first="
    ):
        load(path, "y")
    assert numbers(path, day_first=True)[0] == 19754
    assert numbers(path, day_first=False)[0] == 19724


@pytest.mark.parametrize(
    "cells", [["1.2.3", "4.5.6"], ["A-1", "B-2"], ["10-20", "20-30"], ["May", "June"], ["v1.2", "v1.3"]]
)
def test_words_with_digits_in_them_are_words(tmp_path, cells):
    assert load(written(tmp_path, cells * 3), "y").train.x.words[:2, 0].tolist() == cells
    assert date_forms(cells, None) == []


def test_a_year_alone_is_a_number_and_no_date(tmp_path):
    assert numbers(written(tmp_path, ["2023", "2024"])).tolist() == [2023, 2024]
    assert np.isnan(date_numbers(["2024"], "ISO8601")).all()


TEXT = 'größe;y\n1,5;"é, ü"\n2,5;日本\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"])
def test_encodings_that_can_be_told_are_told(tmp_path, encoding):
    ascii_mostly = TEXT if "-16-" not in encoding else "größe;y\n1,5;a\n2,5;b\n"
    (tmp_path / "t.csv").write_bytes(ascii_mostly.encode(encoding))
    assert read_text(str(tmp_path / "t.csv"), "t") == ascii_mostly
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(ascii_mostly.encode(encoding)))
    assert read_text(str(tmp_path / "t.csv.gz"), "t") == ascii_mostly


@settings(max_examples=50)
@given(st.text(st.characters(codec="cp1252", exclude_categories=["Cc"]), max_size=60), st.integers(0, 5))
def test_another_encoding_is_named_with_its_byte_and_line_and_can_be_said(place, text, lines):
    content = ("x\n" * lines + text + "é!").encode("cp1252")
    (place / "w.csv").write_bytes(content)
    first = next(i for i in range(len(content)) if not _is_utf8(content[: i + 1] + b"!") and not _continues(content, i))
    with pytest.raises(UsageError) as complaint:
        read_text(str(place / "w.csv"), "w")
    assert f"w, line {lines + 1}: is not a text file in UTF-8 (byte {first}); " in str(complaint.value)
    assert read_text(str(place / "w.csv"), "w", "cp1252") == content.decode("cp1252")


def _is_utf8(content):
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _continues(content, i):
    """Whether some valid character begins here."""
    return any(_is_utf8(content[: i + n]) for n in (2, 3, 4) if i + n <= len(content))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04rest", "is an Excel workbook or a zip file, and not text; save it as CSV"),
        (b"PAR1rest", "is a Parquet file"),
        (b"\x1f\x8bdamaged", "cannot be read ("),
        (b"\xff\xfea", "is not a text file in UTF-16 (byte 2)"),
    ],
)
def test_files_that_hold_no_text_are_named(tmp_path, content, words):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(UsageError) as complaint:
        read_text(str(tmp_path / "t.csv"), "data.path=t.csv")
    assert words in str(complaint.value)
    with pytest.raises(UsageError, match=r"data.encoding=klingon: unknown encoding"):
        read_text(str(tmp_path / "t.csv"), "t", "klingon") if content[:1] == b"\xff" else read_text(
            __file__, "t", "klingon"
        )


def test_a_folder_and_a_path_that_cannot_be_are_described(tmp_path):
    with pytest.raises(UsageError, match="is a folder, not a file"):
        read_text(str(tmp_path), "t")
    with pytest.raises(UsageError, match="cannot be read \\(embedded null byte\\)"):
        read_text("a\0b", "t")


def test_options_contradict_each_other_in_one_line(tmp_path):
    path = written(tmp_path, ["1", "2"])
    with pytest.raises(UsageError, match=r"data.numeric=\[x\]: is also in data.categorical"):
        load(path, "y", numeric=["x"], categorical=["x"])
    with pytest.raises(UsageError, match=r"data.ignore=\[y\]: is data.label"):
        load(path, "y", ignore=["y"])
    with pytest.raises(UsageError, match=r"data.decimal=;: must be auto, point or comma"):
        Options(decimal=";")


def test_dates_may_be_of_any_century(tmp_path):
    assert numbers(written(tmp_path, ["0001-01-01", "9999-12-31"])).tolist() == [-719162, 2932896]


def test_numbers_too_large_to_be_squared_are_named(tmp_path):
    with pytest.raises(UsageError, match=r"line 11: x is '1e200', and not a number"):
        load(written(tmp_path, ["1.5"] * 9 + ["1e200"]), "y")


def test_an_underscore_is_between_thousands_or_makes_a_word(tmp_path):
    assert numbers(written(tmp_path, ["1_000", "20", "3_000_000"])).tolist() == [1000, 20, 3e6]
    assert load(written(tmp_path, ["1_0", "10", "2_1"] * 4), "y").train.x.words[:3, 0].tolist() == ["1_0", "10", "2_1"]
