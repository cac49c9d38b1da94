"""All that one page says, judged together: five per cent for factors, interactions and variants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from regab.analysis.verdicts.compare import Sweep, variant_rows, variant_table
from regab.analysis.verdicts.effects import factor_rows, factor_table, interaction_rows, interaction_table, same
from regab.analysis.verdicts.family import gatekept
from regab.analysis.verdicts.paired import LEVEL
from regab.analysis.verdicts.words import BETTER_TOGETHER, WORSE_TOGETHER, check_practical, concluded

if TYPE_CHECKING:
    from pandas import DataFrame

    from regab.analysis.verdicts.looks import Seeds


class Judgement(NamedTuple):
    """The tables of ``main_effects``, ``interactions`` and ``compare``, with verdicts that share one level."""

    factors: DataFrame
    interactions: DataFrame
    variants: DataFrame


def judge(
    sweep: Sweep, practical: float = 0.0, level: float = LEVEL, before: Sequence[tuple[Seeds, float]] = ()
) -> Judgement:
    """Factors are tested first, at the full level; what they do not use up passes on to interactions and variants.

    So at most 5 % of sweeps in which nothing differs have a *helps*, *hurts*, *better* or *worse together* anywhere on
    the page (``family.gatekept``), and as many a false *no practical difference*. A variant that differs
    from the baseline by the very contrast that is a factor's effect has the factor's verdict.

    ``level``: what this look may spend of the 5 %. ``before``: the runs that there were at earlier looks, each with
    what that look spent (``looks``). A verdict that was reached then stands, unless the difference has changed its sign
    or, where it was none that matters, is ``practical`` or more by now. ``p_adjusted`` is always to be compared with
    0.05: it is divided by the part of it that a look may spend. Intervals are those of each comparison alone;
    ``words.bounded`` has them end where verdicts say.

    ``factors.depends_on``: the factor with which there is an interaction, or nothing. Raises UsageError.
    """
    check_practical(practical)
    tables = _adjusted(sweep, practical, level)
    for seeds, spent in before:
        was = _adjusted(_at_look(sweep, seeds), practical, spent)
        tables = [_earliest(now, then, practical) for now, then in zip(tables, was, strict=True)]
    factors, together, variants = (concluded(rows, sweep.upwards) for rows in tables)
    pairs = interaction_table(together, sweep)
    found = pairs[pairs["verdict"].isin([BETTER_TOGETHER, WORSE_TOGETHER])]
    factors = factors.assign(depends_on=[_depends_on(found, f, v) for f, v in factors.index] if len(found) else "")
    return Judgement(factor_table(factors, sweep), pairs, variant_table(variants, sweep))


def _at_look(sweep: Sweep, seeds: Seeds) -> Sweep:
    """What there was of a sweep at a look; later runs are missing."""
    of = sweep.values.index.get_level_values("seed")
    there = np.transpose([of.isin(seeds.get(name, [])) for name in sweep.values])
    return replace(sweep, values=sweep.values.where(there)[there.any(1)])


def _adjusted(sweep: Sweep, practical: float, level: float) -> list[DataFrame]:
    """The rows of factors, interactions and variants with p-values that are adjusted for all of them together."""
    factors, of_factors = factor_rows(sweep, practical)
    together, _ = interaction_rows(sweep, practical)
    variants = variant_rows(sweep, practical)
    twin = same(np.abs(sweep.pairs.weights), np.abs(of_factors))
    for column, into in (("p_value", "p_adjusted"), ("p_negligible", "p_negligible")):
        then = np.concatenate([together[column], np.where(twin.any(1), np.nan, variants[column])])
        scale = LEVEL / level if level else np.inf
        first, rest = (p * scale for p in gatekept(factors[column].to_numpy(float), then))
        own = rest[len(together) :]
        own[twin.any(1)] = first[twin.argmax(1)[twin.any(1)]] if len(first) else own[twin.any(1)]
        for rows, p in ((factors, first), (together, rest[: len(together)]), (variants, own)):
            rows[into] = np.minimum(p, 1.0)
    names = ["factor", "level", "other", "other_level"]
    return [_named(factors, names[:2]), _named(together, names), variants]


def _named(rows: DataFrame, names: list[str]) -> DataFrame:
    return rows.set_index(names, drop=False).rename_axis([None] * len(names))


def _earliest(now: DataFrame, then: DataFrame, practical: float) -> DataFrame:
    """With the smaller of two p-values, where the difference still has its sign, or is less than ``practical``."""
    then = then.reindex(now.index)
    real = then["p_adjusted"].where(np.sign(then["effect"]) == np.sign(now["effect"]))
    small = then["p_negligible"].where(now["effect"].abs() < practical)
    return now.assign(p_adjusted=np.fmin(now["p_adjusted"], real), p_negligible=np.fmin(now["p_negligible"], small))


def _depends_on(found: DataFrame, factor: str, level: str) -> str:
    """The factors that a level helps or harms together with, by the rows of such pairs."""
    mine = (found["factor"] == factor) & (found["level"] == level)
    theirs = (found["other"] == factor) & (found["other_level"] == level)
    return ", ".join(dict.fromkeys([*found["other"][mine], *found["factor"][theirs]]))
