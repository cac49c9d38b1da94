"""Which variants have a row in a figure that has one for each."""

from __future__ import annotations

from statistics import mean
from typing import TYPE_CHECKING

from regab.records.columns import higher_is_better
from regab.report.study import Study
from regab.report.variant import Variant

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROWS = 50  # with 300, a figure is 2.5 m high, and takes matplotlib a quarter of a minute


def best_first(study: Study) -> list[Variant]:
    """The variants that have results, by their mean."""
    sign = -1 if higher_is_better(study.metric) else 1
    known = [v for v in study.variants if study.values(v)]
    return sorted(known, key=lambda v: sign * mean(study.values(v)))


def drawn_of(study: Study) -> list[Variant]:
    """The variants that have results; of more than ``ROWS`` the best, and the baseline. In the order of the study."""
    chosen = {v.name for v in best_first(study)[:ROWS]} | {study.baseline.name}
    return [v for v in study.variants if study.values(v) and v.name in chosen]


def note_left_out(drawn: Figure, study: Study) -> None:
    """Say below a figure that not all variants are in it, if so."""
    if (every := len(best_first(study))) > ROWS:
        words = f"The best {ROWS} of {every} variants, and the baseline; report.html has all."
        drawn.supxlabel(words, x=0.01, ha="left", fontsize=9)
