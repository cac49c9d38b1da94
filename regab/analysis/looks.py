"""Looking more than once: how much of the five per cent each look may spend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from regab.analysis.paired import LEVEL
from regab.analysis.table import variant_names

if TYPE_CHECKING:
    from pandas import DataFrame

Seeds = dict[str, list[int]]  # the seeds that each variant had at a look, by the variant's name
STEPS = (3, 5, 8, 12, 18, 25, 30)  # of seeds, where they are added until everything is clear


def spending(seeds: Sequence[int], planned: int | None = None) -> list[float]:
    """What each look may spend, in order, given the seeds at each: together never more than 0.05, however many come.

    ``planned``: the number of looks that was fixed in advance; they share alike. Otherwise nobody knows how many are to
    come, and every look spends half of what is left.
    """
    looks = range(len(seeds))
    if planned:
        return [LEVEL / planned if i < planned else 0.0 for i in looks]
    return [LEVEL / 2 ** (i + 1) for i in looks]


def automatic(most: int = 30) -> list[tuple[int, float]]:
    """The looks of ``--seeds auto``: at how many seeds, and what each may spend."""
    seeds = [*(n for n in STEPS if n < most), most]
    return [(n, LEVEL / len(seeds)) for n in seeds]


def at_look(results: DataFrame, seeds: Seeds) -> DataFrame:
    """The runs that were there at a look."""
    there = zip(variant_names(results), results["seed"], strict=True)
    return results[[seed in seeds.get(name, ()) for name, seed in there]].reset_index(drop=True)
