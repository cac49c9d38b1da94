"""Which variants have a row in a figure that has one for each."""

from __future__ import annotations

from statistics import mean
from typing import TYPE_CHECKING

from regab.records.columns import higher_is_better
from regab.report.study import Study
from regab.report.variant import Variant

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANELS = 16
ROWS = 50  # with 300, a figure is 2.5 m high, and takes matplotlib a quarter of a minute


def best_first(study: Study) -> list[Variant]:
    """The variants that have results, by their mean."""
    sign = -1 if higher_is_better(study.metric) else 1
    known = [v for v in study.variants if study.values(v)]
    return sorted(known, key=lambda v: sign * mean(study.values(v)))


def drawn_of(study: Study, most: int = ROWS) -> list[Variant]:
    """The variants that have results; of more than ``most`` the best, and the baseline. In the order of the study."""
    chosen = {v.name for v in best_first(study)[:most]} | {study.baseline.name}
    return [v for v in study.variants if study.values(v) and v.name in chosen]


def paneled_of(study: Study) -> list[Variant]:
    """The variants that have a panel each; of more than ``PANELS`` the best, and the baseline."""
    return study.variants if len(study.variants) <= PANELS else drawn_of(study, PANELS - 1)


def note_left_out(drawn: Figure, study: Study, most: int = ROWS) -> None:
    """Say below a figure that not all variants are in it, if so."""
    if (every := len(best_first(study))) > most:
        words = f"The best {most} of {every} variants, and the baseline; report.html has all."
        drawn.supxlabel(words, x=0.01, ha="left", fontsize=9)


def note_panels_left_out(drawn: Figure, study: Study) -> None:
    """The same of ``paneled_of``."""
    if len(study.variants) > PANELS:
        note_left_out(drawn, study, PANELS - 1)
