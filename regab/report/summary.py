"""What is printed at the end of a run or a sweep."""

from __future__ import annotations

from pathlib import Path
from statistics import mean, stdev

from regab.analysis.diagnosis import overfitting
from regab.records.columns import cell, headline, measured, words
from regab.records.load import load_metrics, load_result
from regab.records.results import Rows, load_results, variants


def run_summary(folder: Path) -> str:
    """The selected and the last epoch beside each other, whether the run overfits, and where its files are."""
    result, metrics = load_result(folder), load_metrics(folder)
    selected, last = result["selected"], result["last"]
    rows = [["", f"selected (epoch {selected['epoch']})", f"last (epoch {last['epoch']})"]]
    rows += [[words(name), cell(name, selected[name]), cell(name, last[name])] for name in measured(selected)]
    why = {"stopped early": "early stopping ended it", "all epochs done": "all epochs were trained"}[result["ended"]]
    chosen = "the best epoch" if selected["epoch"] != last["epoch"] else "the last epoch"
    sentences = [
        f"Selected: epoch {selected['epoch']}, {chosen}; {why} in {result['seconds']:.1f} s.",
        overfitting(metrics),
        f"Files: {folder_words(folder)}",
    ]
    return "\n".join(["", table(rows), "", *sentences])


def sweep_summary(root: Path) -> str:
    """A line per variant: mean and standard deviation over its seeds, then what failed, and where the files are."""
    rows = load_results(root)
    score = headline(rows[0])
    shown = ["val_loss", f"val_{score}", f"test_{score}"]
    head = ["variant", "runs", *map(words, shown)]
    lines = [head, *[_variant_line(name, members, shown) for name, members in variants(rows).items()]]
    failed = [f"failed: {row['folder']}: {row['reason']}" for row in rows if row["status"] == "failed"]
    files = f"Files: {folder_words(root)} (results.csv, comparison.png)"
    return "\n".join(["", table(lines), "", *failed, files])


def _variant_line(name: str, members: Rows, shown: list[str]) -> list[str]:
    finished = [row for row in members if row["status"] == "finished"]
    columns = [f"selected_{c}" for c in shown]
    cells = [_mean_and_deviation(c, [float(r[c]) for r in finished if r[c]]) for c in columns]
    return [
        name,
        f"{len(finished)}/{len(members)}" if len(finished) < len(members) else str(len(members)),
        *cells,
    ]


def _mean_and_deviation(name: str, values: list[float]) -> str:
    if not values:
        return "-"
    spread = f" ± {cell(name, stdev(values))}" if len(values) > 1 else ""
    return cell(name, mean(values)) + spread


def table(rows: list[list[str]]) -> str:
    """Columns of equal width, the first to the left, the others to the right, a rule below the head."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def folder_words(folder: Path) -> str:
    """A folder as seen from where the user stands."""
    try:
        return str(folder.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(folder)
