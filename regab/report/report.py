"""All that is written about results, from files alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from regab.analysis.table import read
from regab.errors import UsageError
from regab.records.files import make_folder, write_atomically
from regab.records.results import load_results
from regab.report.figures.comparison import draw_comparison
from regab.report.page import page
from regab.report.study import Options, Study
from regab.report.summary import failures, folder_words, sweep_summary
from regab.report.tables import latex, markdown

PAGE = "report.html"


def write_report(study: Study, folder: Path, figures: Mapping[str, Path] | None = None) -> None:
    """``effects.csv``, ``table.md``, ``table.tex`` and ``report.html``. Raises CannotWrite."""
    make_folder(folder)
    write_atomically(folder / "effects.csv", study.comparisons.to_csv(index=False))
    write_atomically(folder / "table.md", markdown(study))
    write_atomically(folder / "table.tex", latex(study))
    write_atomically(folder / PAGE, page(study, figures))


def report_sweep(root: Path) -> str:
    """What is written when a sweep has been trained, next to its ``results.csv``, and what is said of it."""
    try:
        study = Study([root], read([root]), Options())
    except UsageError as error:
        return "\n".join(["", *failures(load_results(root)), f"No comparison: {error}", f"Files: {folder_words(root)}"])
    write_report(study, root)
    draw_comparison(study, root / "comparison.png")
    folder = folder_words(root)
    return sweep_summary(study, f"Report: {folder}/{PAGE} (with all figures: regab report {folder})")
