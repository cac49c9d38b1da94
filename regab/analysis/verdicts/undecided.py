"""Which questions of a sweep are still open, and which variants need more seeds to answer them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regab.analysis.baseline import Variants
from regab.analysis.verdicts.words import BASELINE, NO_EVIDENCE, TOO_FEW

if TYPE_CHECKING:
    from pandas import DataFrame

    from regab.analysis.verdicts.judgement import Judgement

OPEN = (NO_EVIDENCE, TOO_FEW)


def hopeless(judgement: Judgement) -> list[str]:
    """The variants of which no run has a value: all have failed or given nan, and more seeds would tell no more."""
    return [*judgement.variants["variant"][judgement.variants["n"] == 0]]


def undecided(judgement: Judgement) -> DataFrame:
    """The rows without a verdict that more seeds may give one: of factors or, in designs that cannot tell what a factor
    does, of variants."""
    rows = judgement.factors if len(judgement.factors) else judgement.variants
    return rows[rows["verdict"].isin(OPEN) & (rows["n"] > 0)]


def wanted(judgement: Judgement, variants: Variants) -> list[str]:
    """The variants that take part in what is undecided, and the baseline; none where all is decided, none ``hopeless``.

    The effect of a factor's level is an average over the other factors: all variants at that level or at the reference
    take part in it.
    """
    rows = undecided(judgement)
    if "factor" in rows:
        asked = {(row.factor, level) for row in rows.itertuples() for level in (row.level, row.reference)}
        without = hopeless(judgement)
        names = [name for name, levels in variants.items() if asked & levels.items() and name not in without]
    else:
        names = [*rows["variant"]]
    table = judgement.variants
    base = table["variant"][table["verdict"] == BASELINE].iloc[0]
    return list(dict.fromkeys([base, *names])) if names else []
