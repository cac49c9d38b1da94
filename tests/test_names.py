"""Variants may have any name: in figures, tables, LaTeX, Markdown, page and terminal."""

import csv
import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from regab.records.columns import columns
from regab.records.printable import printable
from regab.records.results import variant_name
from regab.report.figures.style import figure
from regab.report.latex import escaped
from regab.report.page.embedded import as_json
from regab.report.page.page import HERE
from regab.report.tables import _in_markdown

NAMES = [
    "plain",
    "$a$",
    "a$b",
    "c$d$",
    "\\alpha ~^_{}%&#",
    "[8,8]",
    "<!--<script>",
    "</script>",
    "two\nlines",
    "a|b*c*`d`",
]
NAMES += ["\x1b[31mred\x07", "\u202egnp", "é 漢字 🎲", "-", '"quoted"', "'", "x" * 3000, "[bold]", "[/red]", "&amp;"]
ANY_LETTER = st.characters(
    exclude_categories=("C", "Z"), exclude_characters="µ" + "".join(map(chr, range(0x370, 0x400)))
)
PRINTABLE = st.text(ANY_LETTER | st.sampled_from(" αλωΩ"), min_size=1)
ANY = st.text(st.characters(exclude_categories=("Cs",)), min_size=1)

UNDONE = {
    "\\textbackslash{}": "\\", "\\textasciitilde{}": "~", "\\textasciicircum{}": "^", "{[}": "[", "{]}": "]",
    "\\textless{}": "<", "\\textgreater{}": ">", "\\textbar{}": "|", '\\string"': '"', "$^2$": "²",
    "$\\pm$": "±", "$\\alpha$": "α", "$\\lambda$": "λ", "$\\omega$": "ω", "$\\Omega$": "Ω", "$\\mu$": "μ",
}  # fmt: skip


def as_latex_prints(text):
    """What LaTeX makes of the escapes that we use; of one that it does not know, nothing."""
    known = "|".join(map(re.escape, UNDONE))
    pattern = rf"(?P<known>{known})|\\(?P<escaped>[&%$#_{{}}])|(?P<plain>[^\\&%$#_{{}}~^<>|\"\[\]\u0370-\u03ff])"
    found = list(re.finditer(pattern, text))
    assert "".join(f[0] for f in found) == text
    return "".join(UNDONE[f["known"]] if f["known"] else f["escaped"] or f["plain"] for f in found)


@given(PRINTABLE)
@example("a²±b αλωΩ")
@example('\\~^_{}%&#$[]<>|"')
def test_latex_prints_a_name_as_it_is(name):
    assert as_latex_prints(escaped(name, "$\\pm$")) == name.replace("−", "-")


@given(ANY)
def test_latex_and_markdown_stay_in_their_line_and_cell(name):
    for text in (escaped(name), _in_markdown(name)):
        assert text.isprintable()
    assert not re.search(r"(?<!\\)(?:\\\\)*[|<`*\[\]~$&]", _in_markdown(name))
    assert re.sub(r"\\(.)", r"\1", _in_markdown(name)) == printable(name).replace("\n", " ")


@given(ANY)
@example("<!--<script>")
def test_what_is_embedded_in_a_page_never_ends_or_begins_a_script(name):
    text = as_json({name: [name]})
    assert "<" not in text
    assert json.loads(text) == {name: [name]}


@given(ANY)
def test_names_of_variants_are_printable(name):
    assert variant_name({name: name}).isprintable()
    assert printable(name).replace("\n", "").isprintable()
    assert printable(printable(name)) == printable(name)


def write_table(root):
    """``results.csv`` of a variant for every name."""
    measured = [f"{which}_{name}" for which in ("selected", "last") for name in columns(["accuracy"])]
    root.mkdir()
    with (root / "results.csv").open("w", newline="") as file:
        writer = csv.DictWriter(
            file, ["data.label", "model.name", "seed", "fold", "status", "reason", *measured, "folder"]
        )
        writer.writeheader()
        for index, name in enumerate(NAMES):
            for seed in range(3):
                row = {"data.label": name, "model.name": NAMES[-1 - index], "seed": seed, "status": "finished"}
                values = {m: "" if "val_" in m else 0.5 + 0.01 * ((7 * index + seed) % 11) for m in measured}
                writer.writerow(row | values | {"folder": f"run{index}-{seed}"})


class Texts(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.texts = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)

    def handle_data(self, text):
        self.texts.append(text)


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    root = tmp_path_factory.mktemp("names") / "sweep"
    write_table(root)
    return root


def test_a_report_takes_any_name(reported, regab):
    done = regab("report", str(reported), "--baseline", f"data.label=plain, model.name={NAMES[-1]}")
    assert (done.code, done.err) == (0, "")
    assert done.out.replace("\n", "").isprintable()
    assert {path.suffix for path in reported.rglob("*.*")} >= {".png", ".svg", ".md", ".tex", ".html"}
    for file in reported.rglob("*.svg"):
        ElementTree.parse(file)
    page = Texts()
    page.feed((reported / "report.html").read_text())
    assert not {"bold", "red"} & set(page.tags)
    assert page.tags.count("script") == (HERE / "page.html").read_text().count("<script")
    text = "".join(page.texts)
    for name in NAMES:
        assert printable(name, but="") in text
    rows = [line for line in (reported / "table.md").read_text().splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {6}


@pytest.mark.parametrize("metric", ["val_loss", "val_accuracy"])
def test_a_metric_without_numbers_is_said(reported, regab, metric):
    done = regab("report", str(reported), "--metric", metric)
    assert done.code == 2
    assert done.err.startswith(f"regab: metric {metric}: no run has a number for it; there is: ")
    assert "test_accuracy" in done.err


def test_a_word_that_is_no_text_is_refused(regab):
    done = regab("train", "data.path=caf\udce9.csv")
    assert (done.code, done.err) == (2, "regab: 'data.path=caf\\udce9.csv': is not text in UTF-8\n")


def test_errors_do_not_obey_control_characters(regab):
    done = regab("train", "epochs=\x1b]0;x\x07")
    assert done.code == 2
    assert done.err[:-1].isprintable()


def test_logarithmic_axes_have_numbers_for_labels(tmp_path):
    with figure(tmp_path / "x.png", 4, 3) as drawn:
        axes = drawn.subplots()
        axes.plot([1, 2, 3], [0.01, 1, 100])
        axes.set_yscale("log")
        axes.set_title("$x$ and $")
    labels = [label.get_text() for label in axes.get_yticklabels() if label.get_text()]
    assert {"0.01", "1", "100"} <= set(labels)
    assert not any("$" in label for label in labels)
