"""All that is written about results, from files alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from regab.analysis.table import read
from regab.analysis.verdicts.looks import at_look
from regab.errors import UsageError
from regab.processes import beside
from regab.records.files import make_folder, write_atomically
from regab.records.home import folder_words
from regab.records.looks import load_looks
from regab.records.results import PAGE, load_results
from regab.report.figures.comparison import draw_comparison
from regab.report.latex import latex
from regab.report.looks import finished, keep
from regab.report.page.page import page
from regab.report.study import Options, Study
from regab.report.summary import failures, sweep_summary
from regab.report.tables import markdown
from regab.report.variant import Row

if TYPE_CHECKING:
    from pandas import DataFrame


def write_report(study: Study, folder: Path, figures: Mapping[str, Path] | None = None) -> None:
    """``factors.csv``, ``effects.csv``, ``table.md``, ``table.tex`` and ``report.html``. Raises CannotWrite."""
    make_folder(folder)
    write_atomically(folder / "factors.csv", factors_table(study).to_csv(index=False))
    write_atomically(folder / "effects.csv", study.comparisons.to_csv(index=False))
    write_atomically(folder / "table.md", markdown(study))
    write_atomically(folder / "table.tex", latex(study))
    write_atomically(folder / PAGE, page(study, figures))


def write_all(study: Study, folder: Path) -> None:
    """``write_report`` with all figures, and ``comparison.png``, in a folder that is there. Raises CannotWrite."""
    from regab.report.figures.catalogue import draw_figures

    drawn = _comparison_beside(study, folder)
    write_report(study, folder, draw_figures(study, folder / "figures"))
    drawn()


def _comparison_beside(study: Study, folder: Path) -> Callable[[], None]:
    return beside(partial(draw_comparison, study, folder / "comparison.png"))


def factors_table(study: Study) -> DataFrame:
    """What levels of factors do (``verdicts.effects.main_effects``), and below it what two do to each other
    (``interactions``), whose rows have an ``other`` factor and its level."""
    import pandas as pd

    pairs, alone = study.interactions, study.factor_effects
    columns = list(dict.fromkeys([*list(alone)[:2], "other", "other_level", *alone, *pairs]))
    return pd.concat([alone, pairs] if len(pairs) else [alone]).reindex(columns=columns)


def seen(study: Study) -> str:
    """What is said of a study, once it is kept that it was looked at."""
    if len(study.folders) == 1:
        keep(study.folders[0], study.looks)
    return sweep_summary(study)


def report_sweep(root: Path, say: Callable[[str], None], results: Mapping[str, Row] | None = None) -> None:
    """Say what a sweep that has been trained has found, then write it next to ``results.csv``, which takes longer than
    to find it, and say where. ``results`` that are known, by folder, are not read again."""
    try:
        study = Study([root], read([root]), Options(), results)
    except UsageError as error:
        say(_no_comparison(error, root))
        return
    drawn = _comparison_beside(study, root)
    say(seen(study))
    write_report(study, root)
    drawn()
    say(_files(root))


def _no_comparison(error: UsageError, root: Path) -> str:
    return "\n".join(["", *failures(load_results(root)), f"No comparison: {error}", f"Files: {folder_words(root)}"])


def _files(root: Path) -> str:
    folder = folder_words(root)
    return f"Report: {folder}/{PAGE} (with all figures: regab report {quote(folder)})"


def concluded(root: Path, whole: bool) -> str:
    """What was said of a sweep at the last look at it, which this is not another of; nothing is written.

    ``whole``: no run is left to train. Raises UsageError where the results cannot be read.
    """
    results, looks = read([root]), load_looks(root)
    done, more = finished(results), ""
    if looks.seen and done not in looks.seen:
        seen, count = at_look(results, looks.seen[-1]), int((results["status"] == "finished").sum())
        more = f"\n{count - len(seen)} more runs have finished since this look; regab report is the next one."
        results = seen
    elif not looks.seen and not whole:
        return "Nothing was concluded yet; regab report does, which is a look."
    try:
        return "\n".join([sweep_summary(Study([root], results, Options())), _files(root) + more])
    except UsageError as error:
        return _no_comparison(error, root)
