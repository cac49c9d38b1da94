"""Fractions of two-level grids in which every main effect can be told from every interaction of two factors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import reduce
from itertools import combinations
from operator import xor


def fraction(count: int) -> list[tuple[int, ...]]:
    """The runs of a fraction for so many factors: 0 (off) or 1 (on) for each. The first run is all off.

    Of 2^m runs the first m factors make the full grid, and each further one is the parity of an odd number of these
    (Box & Hunter 1961, Technometrics 3:311-351): an odd and an even number of columns never cancel, so words have at
    least four letters (resolution IV). 2^m runs carry 2^(m−1) factors; with m + 1 factors the one generator takes all
    m, which is resolution m + 1.
    """
    columns = generators(count)
    runs = 1 << max(columns).bit_length()
    return [tuple((run & column).bit_count() % 2 for column in columns) for run in range(runs)]


def generators(count: int) -> list[int]:
    """For each factor the set of basic factors (as bits) whose parity it is."""
    basic = next(m for m in range(1, count + 1) if count <= max(2 ** (m - 1), min(m, 3)))
    chosen = [1 << i for i in range(basic)]
    if count == basic + 1:
        return [*chosen, 2**basic - 1]
    odd = [column for column in range(2**basic) if column.bit_count() % 2]
    while len(chosen) < count:
        words = Counter(reduce(xor, three) for three in combinations(chosen, 3))  # of four letters, were it added
        chosen.append(min(set(odd) - {*chosen}, key=lambda column: (words[column], column.bit_count(), column)))
    return chosen


def confounded(names: Sequence[str]) -> list[list[str]]:
    """The interactions of two factors, ``a×b``, in groups that this fraction cannot tell apart."""
    columns = dict(zip(names, generators(len(names)), strict=True))
    groups: dict[int, list[str]] = {}
    for pair in combinations(names, 2):
        groups.setdefault(reduce(xor, (columns[name] for name in pair)), []).append("×".join(pair))
    return [group for group in groups.values() if len(group) > 1]
