"""What makes a verdict doubtful that p-values cannot know: runs that collapsed, and runs that failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from regab.analysis.verdicts.paired import FEWEST
from regab.analysis.verdicts.words import HELPS, HURTS, NO_EVIDENCE

if TYPE_CHECKING:
    from pandas import DataFrame

    from regab.analysis.verdicts.compare import Sweep
    from regab.analysis.verdicts.judgement import Judgement

APART = 6.0  # times the range of the other runs
DEVIATIONS = 8.0  # of a typical variant, which the distance must be besides where there are few runs
SEVERAL = 4.0  # with more: accuracies of a small test set repeat, so that the range of some may be nothing
ENOUGH = 5  # runs from which on they judge themselves, and a t-test keeps its level although some collapse


class Runs(NamedTuple):
    """How many of a variant's runs have a finite value, collapsed, failed, and ended without such a value."""

    there: int
    collapsed: int
    failed: int
    without: int


def runs_of(sweep: Sweep, failed: Mapping[str, int]) -> dict[str, Runs]:
    """By variant."""
    typical = _typical_deviation(sweep)
    finished, found = sweep.measured.index.get_level_values("variant").value_counts(), {}
    for name in sweep.values:
        values = np.sort(sweep.values[name].dropna().to_numpy(float))
        below, above = _sides(values, typical)
        without = int(finished.get(name, 0)) - len(values)
        found[name] = Runs(len(values), below if sweep.upwards else above, failed[name], without)
    return found


def _typical_deviation(sweep: Sweep) -> float:
    """The middle one of the variants' deviations, the lower of two; no less than the metric's resolution."""
    own = np.sort(sweep.values.std().dropna().to_numpy())
    return max(own[(len(own) - 1) // 2] if len(own) else 0.0, sweep.step)


def _sides(values: np.ndarray, typical: float) -> tuple[int, int]:
    """How many of a variant's sorted values stand on either side of a gap that makes them two groups; else 0, 0."""
    if len(values) < FEWEST:
        return 0, 0
    gaps = np.diff(values)
    cut = int(np.argmax(gaps)) + 1
    majority = values[cut:] if 2 * cut < len(values) else values[:cut]
    apart = gaps[cut - 1] > max(APART * np.ptp(majority), typical)
    sure = gaps[cut - 1] > (DEVIATIONS if len(values) < ENOUGH else SEVERAL) * typical
    return (cut, len(values) - cut) if apart and sure else (0, 0)


def doubted(judgement: Judgement, sweep: Sweep) -> Judgement:
    """With notes, and how many runs of each variant ``collapsed``.

    Where chance alone would often have led to it, the verdict of a variant (and of a factor's level that is one) is
    withheld. That is: *helps* or *hurts* where runs of the variant or of the baseline collapsed and there are fewer
    than five (simulated sweeps: 14 % false where a fifth of the runs collapse and there are three seeds, below 5 %
    with five); *helps* of a variant of which more runs failed, or ended without a finite value (scripts, tables made
    elsewhere), than of the baseline, since those left may be its better
    ones, and *hurts* where more of the baseline's did.
    """
    table, levels = judgement.variants, judgement.factors
    runs = runs_of(sweep, dict(zip(table["variant"], table["failed"], strict=True)))
    told = [_doubt(row.verdict, runs[row.variant], runs[sweep.base]) for row in table.itertuples()]
    of_levels = [_doubt_of_level(row, runs, sweep) for row in levels.itertuples()]
    collapsed = [runs[name].collapsed for name in table["variant"]]
    return judgement._replace(
        variants=_noted(table, told).assign(collapsed=collapsed), factors=_noted(levels, of_levels)
    )


def _noted(table: DataFrame, told: list[tuple[str, str]]) -> DataFrame:
    """With these verdicts, and notes after those that are there."""
    notes = ["; ".join(filter(None, [note, more])) for note, (_, more) in zip(table["note"], told, strict=True)]
    return table.assign(verdict=[verdict for verdict, _ in told], note=notes)


def _doubt_of_level(row: Any, runs: Mapping[str, Runs], sweep: Sweep) -> tuple[str, str]:
    """Of an average over several settings, verdict and note; where the level is one variant, those of the variant."""
    at = [name for name, levels in sweep.variants.items() if levels[row.factor] == row.level]
    if row.settings <= 1 and len(at) == 1:
        return _doubt(row.verdict, runs[at[0]], runs[sweep.base])
    own = Runs(*(sum(counts) for counts in zip(*(runs[name] for name in at), strict=True)))
    return row.verdict, _counted(own)


def _doubt(verdict: str, own: Runs, base: Runs) -> tuple[str, str]:
    """The verdict that may stand, and the note that belongs to it."""
    notes = _counted(own)
    unstable = (own.collapsed or base.collapsed) and min(own.there, base.there) < ENOUGH
    lost, base_lost = own.failed + own.without, base.failed + base.without
    spared = (verdict == HELPS and lost > base_lost) or (verdict == HURTS and base_lost > lost)
    if verdict in (HELPS, HURTS) and (unstable or spared):
        why = "unstable training needs five seeds" if unstable else "those that did not may be the better ones"
        return NO_EVIDENCE, f"{notes or 'runs of the baseline did not all end well'}; {why}"
    return verdict, notes


def _counted(runs: Runs) -> str:
    notes = [f"{runs.collapsed} of {runs.there} runs collapsed"] if runs.collapsed else []
    asked = runs.there + runs.failed + runs.without
    notes += [f"{runs.failed} of {asked} runs failed"] if runs.failed else []
    notes += [f"{runs.without} of {asked} runs ended without a finite value"] if runs.without else []
    return ", ".join(notes)
