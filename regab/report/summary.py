"""What is printed at the end of a run or a sweep."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from regab.analysis.diagnosis import overfitting
from regab.analysis.verdicts.words import NO_EVIDENCE
from regab.records.columns import cell, column, measured, measures_from, words
from regab.records.home import folder_words
from regab.records.load import load_metrics, load_result
from regab.records.results import PAGE
from regab.report.conclusions import choice, limits
from regab.report.factors import listed_levels
from regab.report.origin import imbalance_sentence, imbalanced
from regab.report.sentences import counted, interval, kind_of, points
from regab.report.study import Study
from regab.report.tables import mean_and_deviation
from regab.report.variant import Variant

MOST, BEST = 12, 8  # variants that all have a line, and those that have one where there are more


def run_summary(folder: Path) -> str:
    """The selected and the last epoch beside each other, whether the run overfits, and where its files are."""
    result, metrics = load_result(folder), load_metrics(folder)
    assert result is not None, "only a finished run is summed up"
    selected, last = result["selected"], result["last"]
    rows = [["", f"selected (epoch {selected['epoch']})", f"last (epoch {last['epoch']})"]]
    own = measures_from(result.get("metrics"))
    names = [column(name, own) for name in measured(selected)]
    rows += [[words(name), cell(name, selected[name]), cell(name, last[name])] for name in names]
    why = {"stopped early": "early stopping ended it", "all epochs done": "all epochs were trained"}[result["ended"]]
    chosen = "the best epoch" if selected["epoch"] != last["epoch"] else "the last epoch"
    sentences = [
        f"Selected: epoch {selected['epoch']}, {chosen}; {why} in {result['seconds']:.1f} s.",
        overfitting(metrics, own, result.get("wrong_labels") or 0.0),
        *([imbalance_sentence(rare)] if (rare := result.get("imbalance")) else []),
        f"Files: {folder_words(folder)}",
    ]
    return "\n".join(["", table(rows), "", *sentences])


def sweep_summary(study: Study) -> str:
    """A line per level of every factor, then which combination to choose, then a line per variant, and the rest.

    Where its files are is to follow.
    """
    head = ["variant", "runs", words(study.metric), "difference", "95 % interval", "verdict"]
    shown, left = _shown(study)
    lines = table([head, *[_variant_line(study, variant) for variant in shown]], left=(0, 5))
    first, last = ("\n".join(text for _, text in said) for said in (choice(study), limits(study)))
    last = "\n".join(filter(None, [_one_by_one(study), last, *imbalanced(study)]))
    parts = [factor_lines(study), first, lines + left, last]
    return "\n".join(["", *[f"{part}\n" for part in parts if part], *failures(study.results.to_dict("records"))])


def _one_by_one(study: Study) -> str:
    """Why an interval without zero may be no evidence, where one is."""
    rows = [*study.of_factors, *(v.effect for v in study.variants)]
    apart = any(row["verdict"] == NO_EVIDENCE and (row["ci_low"] > 0 or row["ci_high"] < 0) for row in rows)
    words = "Intervals are one by one and verdicts adjusted for all comparisons, so an interval may leave out zero"
    return f"{words} and still be no evidence." if apart else ""


def factor_lines(study: Study) -> str:
    """``norm=batch  helps  +2.4 points (+1.6 to +3.1), in all 6 settings of the others``, one below the other.

    Of more than thirty levels the best eight have a line (``listed_levels``).
    """
    levels, left = listed_levels(study)
    rows = [[x.name, x.verdict, ", ".join(filter(None, [x.amount, x.rest]))] for x in levels]
    more = [f"and {left}, in factors.csv and {PAGE}"] if left else []
    return "\n".join([*columns(rows, left=(0, 1, 2)), *more]) if rows else ""


def _shown(study: Study) -> tuple[list[Variant], str]:
    """The baseline and the variants that have a line, and how many have none: of more than twelve the best eight do."""
    if len(study.variants) <= MOST:
        return study.variants, ""
    ranked = sorted((v for v in study.variants if not v.is_baseline), key=lambda v: _rank(study, v))
    left = counted("variants", [kind_of(v) for v in ranked[BEST:]])
    return [study.baseline, *ranked[:BEST]], f"\nand {left}, in effects.csv and {PAGE}"


def _rank(study: Study, variant: Variant) -> tuple[bool, float]:
    mean = study.means[variant.name]
    return math.isnan(mean), -mean if study.upwards else mean


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
        "; ".join(filter(None, [str(effect["verdict"]), str(effect["note"])])),
    ]


def table(rows: list[list[str]], left: Sequence[int] = (0,)) -> str:
    """Columns of equal width, these to the left, the others to the right, a rule below the head."""
    head, *lines = columns(rows, left)
    return "\n".join([head, "-" * max(map(len, [head, *lines])), *lines])


def columns(rows: list[list[str]], left: Sequence[int]) -> list[str]:
    """Rows as lines with columns of equal width, these to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            c.ljust(w) if i in left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
