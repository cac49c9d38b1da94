"""What each factor does, a line per level, averaged over the settings of the others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

from regab.analysis.verdicts.words import HELPS, UNCHANGED
from regab.records.results import variant_name
from regab.regularizers import first_field, methods
from regab.report.sentences import counted, interval, points, unit
from regab.report.study import Study
from regab.report.variant import Variant

Row = dict[str, Any]

MOST, BEST = 30, 8  # levels that all have a line, and those that have one where there are more


def level_name(factor: str, level: str) -> str:
    """``norm=batch``: a method's first field goes without its name, as on a command line."""
    group, method, field = [*factor.split("."), "", ""][:3]
    if group == "reg" and method in methods() and field == first_field(methods()[method]):
        factor = method
    return variant_name({factor: level})


@dataclass(frozen=True, eq=False)
class FactorLevel:
    """A row of ``main_effects`` in words."""

    study: Study
    row: Row

    @property
    def name(self) -> str:
        return level_name(self.row["factor"], self.row["level"])

    @property
    def verdict(self) -> str:
        return str(self.row["verdict"])

    @property
    def amount(self) -> str:
        """``+2.4 points (+1.6 to +3.1)``; nothing where nothing changed, or no run has a value."""
        if self.verdict == UNCHANGED or math.isnan(self.row["effect"]):
            return ""
        metric, within = self.study.metric, interval(self.study.metric, self.row)
        size = f"{points(metric, self.row['effect'])} {unit(metric)}"
        return f"{size} ({within})" if within else size

    @property
    def settings(self) -> str:
        """``in all 6 settings of the others``: where the difference points the same way as on average."""
        count = int(self.row["settings"])
        if count < 2 or not self.amount or not self.row["effect"]:
            return ""
        good = self.row["ahead"] >= self.row["behind"] if self.gain == 0 else self.gain > 0
        same = int(self.row["ahead" if good else "behind"])
        return f"in {'all' if same == count else f'{same} of'} {count} settings of the others"

    @property
    def gain(self) -> float:
        """The effect, positive where it is good."""
        return self.row["effect"] * (1 if self.study.upwards else -1)

    @cached_property
    def depends(self) -> str:
        """``depends on norm: −1.67 with norm=none, −0.09 with norm=batch``, where an interaction has a verdict."""
        found = [self._by_levels_of(other) for other in str(self.row["depends_on"]).split(", ") if other]
        return "; ".join(filter(None, found))

    def _by_levels_of(self, other: str) -> str:
        effects: dict[str, list[float]] = {}
        for on, off in self._pairs():
            if math.isfinite(difference := self.study.means[on.name] - self.study.means[off.name]):
                effects.setdefault(on.levels[other], []).append(difference)
        said = [f"{points(self.study.metric, fmean(e))} with {level_name(other, at)}" for at, e in effects.items()]
        return f"depends on {level_name(other, '').rstrip('=')}: {', '.join(said)}" if len(said) > 1 else ""

    def _pairs(self) -> list[tuple[Variant, Variant]]:
        """Variants at this level, each with the one that is at the reference and otherwise the same."""
        factor, by_levels = self.row["factor"], {tuple(v.levels.items()): v for v in self.study.variants}
        at = [v for v in self.study.variants if v.levels[factor] == self.row["level"]]
        pairs = [(v, by_levels.get(tuple((v.levels | {factor: self.row["reference"]}).items()))) for v in at]
        return [(on, off) for on, off in pairs if off is not None]

    @property
    def rest(self) -> str:
        """What follows the amount."""
        return "; ".join(filter(None, [self.settings, self.depends, str(self.row.get("note") or "")]))

    @property
    def sentence(self) -> str:
        """The line as one sentence."""
        if self.verdict == UNCHANGED:
            return f"{self.name} changed nothing: its runs are equal to the last digit."
        return f"{self.name}: {', '.join(filter(None, [self.verdict, self.amount, self.rest]))}."


def factor_levels(study: Study) -> list[FactorLevel]:
    """A line per factor and level other than the reference, the factors with the largest effects first.

    None where the design cannot tell.
    """
    rows = study.of_factors
    largest: dict[str, float] = {}
    for row in rows:
        effect = abs(row["effect"]) if math.isfinite(row["effect"]) else 0.0
        largest[row["factor"]] = max(largest.get(row["factor"], 0.0), effect)
    return [FactorLevel(study, row) for row in sorted(rows, key=lambda row: -largest[row["factor"]])]


def listed_levels(study: Study) -> tuple[list[FactorLevel], str]:
    """The levels that have a line, and how many have none: of more than thirty the best eight do, which help first."""
    levels = factor_levels(study)
    if len(levels) <= MOST:
        return levels, ""
    ranked = sorted(levels, key=lambda x: (x.verdict != HELPS, math.isnan(x.gain), -x.gain))
    return ranked[:BEST], counted("levels", [level.verdict for level in ranked[BEST:]])
