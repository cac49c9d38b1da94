"""``regab report``: everything about results made again from their files."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from regab.arguments import Arguments
from regab.errors import CannotWrite, UsageError
from regab.metrics.base import DOWN, UP
from regab.records.files import make_folder, write_atomically
from regab.records.home import folder_words
from regab.records.imports.columns import Asked
from regab.records.load import finished
from regab.records.log import HIDDEN
from regab.records.printable import printable
from regab.records.results import PAGE, RESULTS, headline_of, is_run, row_of, run_folders, write_results
from regab.records.state import unfinished
from regab.report.imported import bring_in, is_ours, is_table_of_ours
from regab.report.study import Options, Study

TEXT = """\
Make the tables, figures and the page of sweeps or single runs again, from their files alone.
"""


PATHS = "folders of sweeps or of single runs; or results made elsewhere: a table, a folder of W&B, MLflow, Lightning, …"


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def parser() -> Arguments:
    """What ``regab report`` understands."""
    made = Arguments(prog="regab report", description=TEXT)
    made.add_argument("folders", nargs="+", type=Path, metavar="DIR", help=PATHS)
    made.add_argument("--metric", help="what to compare by, as val_loss or auroc; default: the headline on test data")
    made.add_argument("--direction", choices=(UP, DOWN), help="which way it is better, of a metric that does not say")
    made.add_argument("--baseline", help="the variant to compare with, as dropout.rate=0.2; default: all at neutral")
    made.add_argument("--practical", type=float, help="a difference too small to matter, as 0.005")
    made.add_argument("--looks", type=int, metavar="1", help="this look is the only one, and may spend all of the 5 %%")
    made.add_argument("--at", choices=("selected", "last"), default="selected", help="which epoch of each run")
    made.add_argument("--stopping", action="store_true", help="what rules of early stopping would have chosen")
    made.add_argument("--pdf", action="store_true", help="figures as PDF files, too, for LaTeX")
    made.add_argument("--factors", type=_names, default=(), help="of a table: the columns that say what varied, as a,b")
    made.add_argument("--seed", metavar="COLUMN", help="of a table: the column that tells repetitions apart")
    made.add_argument("--to", type=Path, metavar="DIR", help="where to write; default: DIR, or outputs/report/…")
    return made


def report(words: Sequence[str]) -> int:
    """``regab report``. Raises UsageError, CannotWrite."""
    asked = parser().parse_args([*words])
    folders = [path.parent if is_table_of_ours(path) else path for path in asked.folders]
    options = Options(
        asked.metric, asked.baseline, asked.practical, asked.at, asked.stopping, asked.direction, asked.looks, asked.pdf
    )
    if not all(is_ours(folder) for folder in folders):
        place = asked.to or fresh_place()
        options = bring_in(folders, Asked(asked.factors, asked.seed, asked.metric), options, place)
        return _report_sweeps([place], place, options)
    for name, given in (("--factors", asked.factors), ("--seed", asked.seed)):
        if given:
            raise UsageError(f"{name}: is for tables made elsewhere; {folders[0]} says itself what varied")
    if len(folders) == 1 and is_run(folders[0]):
        return _report_run(folders[0], asked.to, options)
    return _report_sweeps(folders, asked.to, options)


def fresh_place() -> Path:
    """Where a report is written that is of no single sweep."""
    return Path("outputs/report") / time.strftime("%Y-%m-%d_%H-%M-%S")


def _report_run(folder: Path, to: Path | None, options: Options) -> int:
    import pandas as pd

    from regab.report.figures.curves import draw_curves
    from regab.report.report import write_report
    from regab.report.summary import run_summary

    finished(folder)  # raises UsageError where it has not
    row = {"seed": 0, "fold": None, "status": "", "reason": ""} | row_of(folder) | {"folder": str(folder)}
    del row["overrides"], row["measured"]
    measures = row.pop("measures")
    table = pd.DataFrame([row]).astype({"fold": "Int64"})
    table.attrs = {"headline": headline_of(folder), "metrics": measures}
    study = Study([folder], table, options)
    place = to or folder
    write_report(study, place)
    draw_curves(folder, place / "curves.png")
    print(printable(f"{run_summary(folder)}\nReport: {folder_words(place)}/{PAGE}"))
    return 0


def _report_sweeps(folders: list[Path], to: Path | None, options: Options) -> int:
    from regab.analysis.table import read
    from regab.report.report import seen, write_all

    for folder in folders:
        _tabulate(folder)
    for sentence in unfinished(folders):
        print(printable(sentence), flush=True)
    study = Study(folders, read(folders), options)
    place = to or (folders[0] if len(folders) == 1 else fresh_place())
    make_folder(place)
    if len(folders) > 1:
        write_atomically(place / RESULTS, study.results.to_csv(index=False))
    print(printable(seen(study)), flush=True)
    write_all(study, place)
    print(printable(f"Report: {folder_words(place)}/{PAGE}"))
    return 0


def _tabulate(root: Path) -> None:
    """Write a sweep's ``results.csv`` again where the folders of its runs are there."""
    if is_run(root):
        cure = f"all single runs in a folder are compared by regab report {quote(folder_words(root.absolute().parent))}"
        raise UsageError(f"report {root}: a single run is reported alone; {cure}")
    names = run_folders(root)
    if names and not (root / HIDDEN).is_dir() and (sweep := min(root.glob(f"*/{RESULTS}"), default=None)):
        raise UsageError(f"report {root}: holds sweeps beside single runs; give one, as {sweep.parent}")
    if not names and not (root / RESULTS).is_file():
        newest = max((path.parent for path in root.glob(f"*/{RESULTS}")), key=lambda p: p.name, default=None)
        cure = f"; did you mean {newest}?" if newest else "; give the folder of a sweep or a run"
        raise UsageError(f"report {root}: there are no results of regab's{cure}")
    try:
        if names:
            write_results(root, names)
    except CannotWrite:
        if not (root / RESULTS).is_file():
            raise
