"""What a report is made of: the runs of one or several sweeps, grouped into variants and compared."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from regab.analysis.selection import REWARDED, check_measured, rules_differ
from regab.analysis.table import factors_of, in_full, variant_names
from regab.analysis.verdicts.compare import column_of, default_metric, own_measures, with_direction
from regab.errors import UsageError
from regab.records.columns import higher_is_better
from regab.records.load import load_metrics, load_result
from regab.records.log import HIDDEN
from regab.records.results import SOURCE
from regab.report.figures.style import BASELINE, DASHES, MARKERS, TOGETHER, method_colours
from regab.report.looks import judge_at, looks_at, planned
from regab.report.variant import Row, Variant

if TYPE_CHECKING:
    from pandas import DataFrame

Metrics = dict[str, np.ndarray]


@dataclass(frozen=True)
class Options:
    """What a report can be asked for: see ``regab report --help``."""

    metric: str | None = None
    baseline: str | None = None
    practical: float | None = None  # None: what the sweep was told, or nothing
    at: str = "selected"
    stopping: bool = False
    direction: str | None = None  # up or down, of a metric that is none of regab's
    looks: int | None = None  # how many looks there will be at most, said at the first
    pdf: bool = False  # figures as PDF files, too: 1.4 s of CPU time for eight of them, most of it fonts


class Study:
    """All that is known of some results. Curves are read when they are first asked for, but for those that are damaged,
    and so is ``result.json`` of each run, but for ``outcomes`` that are known, by folder.

    Raises UsageError where there is nothing to compare by.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        results: DataFrame,
        options: Options,
        outcomes: Mapping[str, Row] | None = None,
    ) -> None:
        if not (results["status"] == "finished").any():
            raise UsageError(f"{folders[0]}: no run has finished{_why(results)}")
        options = replace(options, metric=in_full(results, options.metric, options.at))
        self.folders, self.results = list(folders), with_direction(results, options.metric, options.direction)
        if options.metric:
            check_measured(results, options.metric, options.at)
        self.looks, self.own = planned(looks_at(folders, results), options.looks, results), own_measures(self.results)
        said = self.looks.practical if options.practical is None else options.practical
        self._outcomes: dict[str, Row] = dict(outcomes or {})
        self.options, self.asked_at = replace(options, practical=said or 0.0), options.at
        self._judged(options.metric)

    def _judged(self, metric: str | None) -> None:
        self.factors = factors_of(self.results)
        if self.asked_at == "selected" and self.selects_differently:
            chosen = metric or default_metric(self.results, self.asked_at)
            self.options = replace(self.options, at="last" if chosen.startswith(REWARDED) else "selected")
        told = self.options
        self.metric = column_of(self.results, metric, told.at)
        found = judge_at(self.results, self.looks, told.baseline, self.metric, self.practical, told.at)
        self.factor_effects, self.interactions, self.comparisons = found
        self.of_factors: list[Row] = self.factor_effects.to_dict("records")
        self.of_pairs: list[Row] = self.interactions.to_dict("records")
        self.variants = self._variants()
        self._styled()

    @property
    def practical(self) -> float:
        """Differences of no more than this are of no practical interest."""
        return self.options.practical or 0.0

    def by(self, metric: str) -> Study:
        """The same results compared by another metric; what is too small to matter was said of the first one only.

        Raises UsageError for a metric that is not known.
        """
        other = copy.copy(self)
        other.options = replace(self.options, metric=metric, practical=0.0)
        other.curves, other.seconds = self.curves, self.seconds
        other.__dict__.pop("means", None)
        other._judged(metric)
        return other

    def _variants(self) -> list[Variant]:
        compared = {row["variant"]: row for row in self.comparisons.to_dict("records")}
        groups: dict[str, list[Row]] = {name: [] for name in dict.fromkeys(variant_names(self.results))}
        for name, row in zip(variant_names(self.results), self.results.to_dict("records"), strict=True):
            groups[name].append(row)
        variants = [
            Variant(name, {key: str(rows[0][key]) for key in self.factors}, rows, compared[name])
            for name, rows in groups.items()
        ]
        base = next(v for v in variants if v.effect["verdict"] == "baseline").levels
        for variant in variants:
            variant.differs = {key: level for key, level in variant.levels.items() if level != base[key]}
        return sorted(variants, key=lambda v: not v.is_baseline)

    def _styled(self) -> None:
        self.colours = method_colours(sorted({method for v in self.variants for method in v.methods}))
        together = list(dict.fromkeys(tuple(v.methods) for v in self.variants if len(v.methods) > 1))
        seen: dict[str, int] = {}
        for index, variant in enumerate(self.variants):
            variant.colour = self._colour(variant.methods, together)
            count = seen[variant.colour] = seen.get(variant.colour, -1) + 1
            variant.dashes, variant.marker = DASHES[count % len(DASHES)], MARKERS[index % len(MARKERS)]

    def _colour(self, methods: list[str], together: list[tuple[str, ...]]) -> str:
        if len(methods) > 1:
            return TOGETHER[together.index(tuple(methods)) % len(TOGETHER)]
        return self.colours[methods[0]] if methods else BASELINE

    @cached_property
    def selects_differently(self) -> bool:
        """Whether variants choose their epochs by different rules."""
        return rules_differ(self.results)

    @property
    def moved(self) -> bool:
        """Whether validation metrics are compared at the last epoch, though the selected one was asked for."""
        return self.asked_at != self.options.at

    @property
    def repeated(self) -> list[str]:
        """What the runs of a variant differ in: ``seed``, ``fold``, or both."""
        folds, seeds = self.results["fold"].nunique(), self.results["seed"].nunique()
        return [name for name, there in (("seed", seeds > 1 or not folds), ("fold", folds)) if there]

    @property
    def pairs(self) -> str:
        """What differences are paired by, in words."""
        return " and ".join(self.repeated)

    def _outcome(self, folder: str) -> Row:
        if folder not in self._outcomes:
            self._outcomes[folder] = load_result(Path(folder)) or {}
        return self._outcomes[folder]

    def sample_of(self, variant: Variant) -> Row:
        """``result.json`` of a variant's first finished run; empty if there is none."""
        return next((self._outcome(row["folder"]) for row in variant.finished), {})

    def outcomes_of(self, variant: Variant) -> list[Row]:
        """``result.json`` of all of its finished runs."""
        return [result for row in variant.finished if (result := self._outcome(row["folder"]))]

    @cached_property
    def seconds(self) -> dict[str, float]:
        """What a run of each variant cost; 0 where that is not known."""
        return {v.name: _seconds(self.outcomes_of(v)) for v in self.variants}

    @property
    def upwards(self) -> bool:
        """Whether more of the metric is better."""
        return higher_is_better(self.metric)

    @cached_property
    def means(self) -> dict[str, float]:
        """The metric's mean of each variant, NaN where none of its runs has one."""
        return {v.name: fmean(self.values(v) or [math.nan]) for v in self.variants}

    @property
    def baseline(self) -> Variant:
        return self.variants[0]

    @cached_property
    def curves(self) -> dict[str, Metrics]:
        """``metrics.csv`` of every run with at least one trained epoch, by the run's folder."""
        found = {row["folder"]: _curves(Path(row["folder"])) for v in self.variants for row in v.rows}
        return {folder: metrics for folder, metrics in found.items() if metrics is not None}

    def curves_of(self, variant: Variant) -> list[Metrics]:
        """The curves of a variant's finished runs."""
        return [self.curves[row["folder"]] for row in variant.finished if row["folder"] in self.curves]

    def values(self, variant: Variant, metric: str | None = None) -> list[float]:
        """A metric of a variant's finished runs, at the epoch that the report is about."""
        column = f"{self.options.at}_{metric or self.metric}"
        values = [row.get(column, math.nan) for row in variant.finished]
        return [value for value in values if not math.isnan(value)]


def made_elsewhere(study: Study) -> bool:
    """Whether these are results that regab has not trained, so that it cannot train them again."""
    return all((folder / SOURCE).is_file() for folder in study.folders)


def trained_apart(study: Study) -> bool:
    """Whether these are single runs, each trained by a command of its own, and no sweep that can be gone on with."""
    return any((Path(folder) / HIDDEN).is_dir() for folder in study.results["folder"])


def _curves(folder: Path) -> Metrics | None:
    try:
        metrics = load_metrics(folder)
    except (OSError, ValueError):
        return None
    epochs = len(metrics.get("epoch", ()))
    unknown = dict.fromkeys(("train_loss", "val_loss", "l2_norm"), np.full(epochs, np.nan))  # of others' runs
    return unknown | metrics if epochs > 1 else None


def _seconds(results: list[Row]) -> float:
    """The wall time of a run's stack, shared by the runs in it; the mean over these."""
    return fmean([r["seconds"] / max(r.get("stack_size") or 1, 1) for r in results] or [0.0])


def _why(results: DataFrame) -> str:
    reasons = [reason for reason in results["reason"] if reason]
    return f"; {len(reasons)} failed, the first because: {reasons[0]}" if reasons else " yet"
