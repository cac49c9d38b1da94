"""What is printed at the end of a run or a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from regab.analysis.diagnosis import overfitting
from regab.records.columns import cell, measured, words
from regab.records.load import load_metrics, load_result
from regab.report.sentences import interval, points, verdict_sentences
from regab.report.study import Study, Variant
from regab.report.tables import mean_and_deviation


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


def sweep_summary(study: Study, files: str) -> str:
    """A line per variant: mean, difference to the baseline with its interval, verdict; then what that means."""
    head = ["variant", "runs", words(study.metric), "difference", "95 % interval", "verdict"]
    lines = table([head, *[_variant_line(study, variant) for variant in study.variants]], left=(0, 5))
    sentences = [text for _, text in verdict_sentences(study)[1:]]
    return "\n".join(["", lines, "", *sentences, *failures(study.results.to_dict("records")), files])


def failures(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Which runs failed, and why."""
    return [f"failed: {Path(row['folder']).name}: {row['reason']}" for row in rows if row["status"] == "failed"]


def _variant_line(study: Study, variant: Variant) -> list[str]:
    finished, asked, effect = len(variant.finished), len(variant.rows), variant.effect
    return [
        variant.name,
        str(asked) if finished == asked else f"{finished}/{asked}",
        mean_and_deviation(study, variant),
        points(study.metric, effect["mean_difference"]),
        interval(study.metric, effect),
        str(effect["verdict"]),
    ]


def table(rows: list[list[str]], left: Sequence[int] = (0,)) -> str:
    """Columns of equal width, these to the left, the others to the right, a rule below the head."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(c.ljust(w) if i in left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    ]
    rule = "-" * max(map(len, lines))
    return "\n".join(line.rstrip() for line in [lines[0], rule, *lines[1:]])


def folder_words(folder: Path) -> str:
    """A folder as seen from where the user stands."""
    try:
        return str(folder.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(folder)
