"""The table for LaTeX, set by pdflatex where there is one."""

import shutil
import subprocess

import pytest

from regab.report.latex import latex
from regab.report.study import Options, Study
from tests.sweeps import results

PAGE = "\\documentclass{article}\n\\usepackage{booktabs,graphicx,longtable}\n\\begin{document}\n%s\\end{document}\n"


def study(tmp_path, *factors, seeds=3):
    """All combinations of the levels of these factors; the metric rises with the levels."""
    effects = {f"reg.{name}": {str(level): 0.01 * i for i, level in enumerate(levels)} for name, levels in factors}
    return Study([tmp_path], results(effects, seeds), Options())


def compiled(tmp_path, text):
    (tmp_path / "t.tex").write_text(PAGE % text, "utf-8")
    for _ in range(2):  # a table over pages learns its widths
        made = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "t.tex"], cwd=tmp_path, capture_output=True, errors="replace"
        )
    return made.stdout


TABLES = {
    "two variants": [("dropout.rate", (0, 0.5))],
    "long names": [("dropout.rate", (0, 0.5)), ("norm.kind", ("none", "batch")), ("l2.strength", (0, 0.1))],
    "over pages": [("dropout.rate", (0, 0.5)), ("norm.kind", ("none", "batch")), ("l2.strength", range(12))],
    "odd names": [("l2.strength", ("0", "50 %", "a_b", "<x>", "$\\alpha$", "ünï & cöde", "α|β", '"q"', "a^b~c [mm]"))],
}


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex on this machine")
@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_set_without_an_error_and_fits_on_its_page(tmp_path, name):
    said = compiled(tmp_path, latex(study(tmp_path, *TABLES[name])))
    assert "Output written" in said
    wrong = ("!", "Overfull", "LaTeX Warning: Float too large")
    assert [line for line in said.splitlines() if line.startswith(wrong)] == []


def test_of_many_lines_a_table_goes_on_over_pages(tmp_path):
    few, many = (latex(study(tmp_path, *TABLES[name])) for name in ("long names", "over pages"))
    assert "\\begin{table}" in few
    assert "\\begin{longtable}" in many
    for text in (few, many):
        needed = text.splitlines()[0].partition("{")[2].partition("}")[0].split(",")
        assert ("graphicx" in needed) == ("\\resizebox" in text)
        assert ("longtable" in needed) == ("longtable}{" in text)
    assert many.count(" & ") == 4 * (48 + 2 * 2)  # all variants, and the head twice


def test_powers_are_formulas_and_units_stand_below_names(tmp_path):
    frame = results({"reg.l2.strength": {"0": 1e-7, "1": 3e-7}}, 3)
    frame["selected_test_loss"] = frame["selected_test_accuracy"] * 1e-7
    text = latex(Study([tmp_path], frame, Options(metric="test_loss")))
    assert "\\times 10^{-" in text
    assert "e-0" not in text
    head = latex(study(tmp_path, *TABLES["two variants"])).split("\\toprule\n")[1].splitlines()[:2]
    assert head[0] == "  variant & test accuracy & difference & 95 \\% interval & verdict \\\\"
    assert head[1] == "   & (\\%) & (points) &  &  \\\\"


def test_what_pdflatex_has_no_letters_for_is_said(tmp_path):
    assert "lualatex" not in latex(study(tmp_path, *TABLES["odd names"]))
    assert latex(study(tmp_path, ("l2.strength", (0, "日本語")))).startswith("% needs lualatex or xelatex\n")
