"""Diagnosis of a study: what each variant's curves say, and what may mislead."""

from __future__ import annotations

import math
from statistics import mean

from regab.analysis.baseline import is_off
from regab.analysis.confounds import confounds
from regab.analysis.diagnosis import at_the_edge, diagnosis, underfitting
from regab.records.columns import higher_is_better
from regab.report.origin import config_of
from regab.report.study import Study
from regab.report.variant import Variant


def per_variant(study: Study) -> dict[str, str]:
    """A sentence about the curves of every variant that has some."""
    return {
        v.name: diagnosis(curves, study.own, _wrong(study, v)) for v in study.variants if (curves := study.curves_of(v))
    }


def _wrong(study: Study, variant: Variant) -> float:
    """The share of training labels that are wrong on purpose."""
    return study.sample_of(variant).get("wrong_labels") or 0.0


def findings(study: Study) -> list[str]:
    """What concerns the study as a whole."""
    configs = {v.short: config_of(v) for v in study.variants}
    runs = {v.short: len(v.finished) for v in study.variants}
    noisy = any(config.get("data", {}).get("label_noise") for config in configs.values())
    curves = study.curves_of(study.baseline)
    under = "" if noisy or not curves else underfitting(curves, study.own)
    edges = [_edge(study, factor) for factor in study.factors if factor.startswith("reg.")]
    return [*filter(None, [under, *edges]), *confounds(configs, runs, study.factors)]


def alone(study: Study, factor: str) -> list[Variant]:
    """The baseline and the variants that differ from it in this factor only."""
    return [v for v in study.variants if v.differs.keys() <= {factor}]


def numbers(variants: list[Variant], factor: str) -> list[float] | None:
    """A factor's levels as numbers; None if one is none."""
    try:
        return [float(v.levels[factor]) for v in variants]
    except ValueError:
        return None


def _edge(study: Study, factor: str) -> str:
    worth = _worth(study, factor)
    try:
        means = {float(level): value for level, value in worth.items()}
    except ValueError:
        return ""
    off = next((float(level) for level in worth if is_off(factor, level)), None)
    return at_the_edge(factor.removeprefix("reg."), means, off, higher_is_better(study.metric)) if means else ""


def _worth(study: Study, factor: str) -> dict[str, float]:
    """The effect of each level, averaged over the settings of the others; the metric with the others at the baseline
    where the design cannot tell."""
    rows = [row for row in study.of_factors if row["factor"] == factor and math.isfinite(row["effect"])]
    if rows:
        return {rows[0]["reference"]: 0.0} | {row["level"]: row["effect"] for row in rows}
    return {v.levels[factor]: mean(values) for v in alone(study, factor) if (values := study.values(v))}
