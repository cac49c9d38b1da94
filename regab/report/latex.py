"""The comparison as a table for LaTeX, which is no wider than its page."""

from __future__ import annotations

import re
from typing import Any

from regab.records.printable import printable
from regab.report.study import Study
from regab.report.tables import Cells, best, caption, cells, head

LONG, LINE = 34, 26  # characters of a name, from which on names are broken into lines, and of such a line
LINES = 40  # a table of more goes on over pages

# Each character that LaTeX takes for something else, or that the row before would: \\ may be followed by [length].
_LATEX: dict[str, Any] = {c: f"\\{c}" for c in "&%$#_{}"} | {"±": "\\pm", "−": "-", "²": "$^2$", "\n": " "}
_LATEX |= {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "[": "{[}", "]": "{]}"}
_LATEX |= {"<": "\\textless{}", ">": "\\textgreater{}", "|": "\\textbar{}", '"': '\\string"'}
_GREEK = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi o pi rho varsigma sigma tau"
_GREEK += " upsilon phi chi psi omega"
_LATEX |= {chr(0x3B1 + i): "o" if name == "o" else f"$\\{name}$" for i, name in enumerate(_GREEK.split())}
_LATEX |= {letter: f"$\\{name}$" for letter, name in zip("ΓΔΘΛΞΠΣΦΨΩµ", (
    "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega", "mu"), strict=True)}  # fmt: skip
_POWER = re.compile(r"e([+-])0*(\d+)")


def latex(study: Study) -> str:
    """``table.tex``: a float that is scaled to the width of a line if it is wider; of more than ``LINES`` lines a table
    that goes on over pages."""
    top = best(study)
    rows = [_row(cells(study, variant), variant.name in top) for variant in study.variants]
    lengths = [len(variant.short) for variant in study.variants]
    made, width = (_over_pages, 0.3) if sum(-(-n // LINE) for n in lengths) > LINES else (_float, 0.4)
    names = f"p{{{width}\\linewidth}}" if max(lengths) > LONG else "l"
    lines = [*_two_lines(head(study)), "\\midrule"]
    about = escaped(caption(study), "$\\pm$")
    text = "\n".join(made(names + "rrcl", about, lines, rows))
    foreign = "" if text.isascii() or not re.search("[^\0-\u024f]", text) else "% needs lualatex or xelatex\n"
    return f"{foreign}{text}\n"


def _float(columns: str, about: str, lines: Cells, rows: Cells) -> Cells:
    return [
        "% needs \\usepackage{booktabs,graphicx}",
        "\\begin{table}", "  \\centering", f"  \\caption{{{about}}}",
        "  \\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%",
        f"  \\begin{{tabular}}{{{columns}}}", "  \\toprule",
        *[f"  {line}" for line in [*lines, *rows]],
        "  \\bottomrule", "  \\end{tabular}}", "\\end{table}",
    ]  # fmt: skip


def _over_pages(columns: str, about: str, lines: Cells, rows: Cells) -> Cells:
    above = ["\\toprule", *lines]
    return [
        "% needs \\usepackage{booktabs,longtable}, and a page of one column",
        "{\\scriptsize\\setlength{\\tabcolsep}{3pt}", f"\\begin{{longtable}}{{@{{}}{columns}@{{}}}}",
        f"  \\caption{{{about}}}\\\\",
        *[f"  {line}" for line in [*above, "\\endfirsthead", *above, "\\endhead", "\\bottomrule", "\\endfoot", *rows]],
        "\\end{longtable}}",
    ]  # fmt: skip


def _row(texts: Cells, is_best: bool) -> str:
    name, value, difference, within, verdict = map(escaped, texts)
    value = f"$\\mathbf{{{_powers(value)}}}$" if is_best else f"${_powers(value)}$" if value != "-" else "--"
    bounds = f"$[{_powers(within).replace(' to ', ', ')}]$" if within else "--"
    difference = f"${_powers(difference)}$" if difference not in ("", "-") else "--"
    broken = "\\raggedright " if len(texts[0]) > LONG else ""
    return f"{broken}{name} & {value} & {difference} & {bounds} & {verdict} \\\\"


def _powers(text: str) -> str:
    """``1.2e-05`` in a formula."""
    return _POWER.sub(lambda found: f" \\times 10^{{{found[1].strip('+')}{found[2]}}}", text)


def _two_lines(names: Cells) -> Cells:
    """The head of each column, and below what it is counted in."""
    parts = [re.fullmatch(r"(.*?)(?: (\([^()]*\)))?", name) for name in names]
    found = [(part[1], part[2] or "") for part in parts if part]
    rows = [[word for word, _ in found], [unit for _, unit in found]]
    return [f"{' & '.join(map(escaped, row))} \\\\" for row in rows if any(row)]


def escaped(text: str, plus_minus: str = "\\pm") -> str:
    """Text that LaTeX sets as it is."""
    return printable(text).translate(str.maketrans(_LATEX | {"±": plus_minus}))
