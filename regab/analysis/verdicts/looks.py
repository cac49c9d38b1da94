"""Looking more than once: how much of the five per cent each look may spend."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

from regab.analysis.table import variant_names
from regab.analysis.verdicts.paired import FEWEST, LEVEL

if TYPE_CHECKING:
    from pandas import DataFrame

Seeds = dict[str, list[int]]  # the seeds that each variant had at a look, by the variant's name
STEPS = (3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 22, 26, 30)  # of seeds, where they are added until everything is clear
# What the last of those looks may spend; the others less, by LEARNED: at few seeds little is found, and rightly. Looks
# share most of their runs, so together they cost less than their sum: at most one in twenty of simulated sweeps in
# which nothing differs (tests.benchmarks.calibration). At one deviation, 12 variants and equal parts (0.006 each), the
# runs were 68 % of those of a fixed number, now 58 %.
LAST_LEVEL = 0.014
LEARNED = 0.75  # the power of the share of seeds by which a look's part grows
FIRST = 0.8  # of the five per cent, to a look after which nobody knows how many are to come


def spending(seeds: Sequence[int], planned: int | None = None) -> list[float]:
    """What each look may spend, in order, given the seeds at each: together never more than 0.05, however many come.

    ``planned``: the number of looks that was fixed in advance; they share alike. Otherwise nobody knows how many are to
    come: the first spends 4 %, for most sweeps are looked at once, and every other half of what is left.
    """
    looks = range(len(seeds))
    if planned:
        return [LEVEL / planned if i < planned else 0.0 for i in looks]
    return [LEVEL * FIRST if i == 0 else LEVEL * (1 - FIRST) / 2**i for i in looks]


def automatic(most: int = 30) -> list[tuple[int, float]]:
    """The looks of ``--seeds auto``: at how many seeds, and what each may spend."""
    seeds = [*(n for n in STEPS if n < most), most]
    parts = [(n / most) ** LEARNED for n in seeds]
    last = max(LAST_LEVEL, LEVEL / sum(parts))
    return [(n, last * part) for n, part in zip(seeds, parts, strict=True)]


def tested(seen: Sequence[Seeds], folds: int) -> list[Seeds]:
    """The looks at which anything could be found, each seed having so many ``folds``: they alone spend something.

    A difference of fewer than three replicates is not tested.
    """
    return [seeds for seeds in seen if folds * len({*chain.from_iterable(seeds.values())}) >= FEWEST]


def at_look(results: DataFrame, seeds: Seeds) -> DataFrame:
    """The runs that were there at a look."""
    there = zip(variant_names(results), results["seed"], strict=True)
    return results[[seed in seeds.get(name, ()) for name, seed in there]].reset_index(drop=True)
