"""What the numbers say, in sentences."""

from __future__ import annotations

import math
import shlex
from statistics import mean
from typing import Any

from regab.analysis.effects import BETTER_TOGETHER, WORSE_TOGETHER, interactions
from regab.analysis.pick import ranking
from regab.records.columns import cell, higher_is_better, words
from regab.records.results import variant_name
from regab.report.study import Study, Variant

ORDER = ["helps", "hurts", "no practical difference", "no evidence", "too few seeds"]
MOST = 6  # variants named in one sentence


def kind_of(variant: Variant) -> str:
    """The verdict without what it says in brackets."""
    return str(variant.effect["verdict"]).partition(" (")[0]


def points(metric: str, value: float, sign: bool = True) -> str:
    """A difference: of accuracies in percentage points, of others with three digits."""
    if math.isnan(value):
        return "-"
    value, digits = (100 * value, ".2f") if metric.endswith("accuracy") else (value, ".3g")
    text = f"{value:{'+' if sign else ''}{digits}}"
    return text.replace("-", "−") if float(text) else text.lstrip("+-")


def unit(metric: str) -> str:
    """What differences of a metric are counted in."""
    return "points" if metric.endswith("accuracy") else words(metric)


def interval(metric: str, effect: dict[str, Any]) -> str:
    """``+0.21 to +1.40``, or nothing where there is none."""
    low, high = effect["ci_low"], effect["ci_high"]
    return "" if math.isnan(low) else f"{points(metric, low)} to {points(metric, high)}"


def verdict_sentences(study: Study) -> list[tuple[str, str]]:
    """What a reader should take along, each with the kind of verdict that it is."""
    others = [v for v in study.variants if not v.is_baseline]
    by_kind = {kind: [v for v in others if kind_of(v) == kind] for kind in ORDER}
    sentences = [("", _setting(study))]
    for kind, members in by_kind.items():
        if members:
            sentences.append((kind, _SAY[kind](study, _strongest_first(study, members))))
    return [*sentences, *_together(study), *_choice(study)]


def _strongest_first(study: Study, members: list[Variant]) -> list[Variant]:
    """Single changes before several together, each by how much they do."""
    sign = -1 if higher_is_better(study.metric) == (kind_of(members[0]) != "hurts") else 1
    return sorted(members, key=lambda v: (len(v.differs) > 1, math.isnan(d := v.effect["mean_difference"]), sign * d))


def _setting(study: Study) -> str:
    base = study.baseline
    values = study.values(base)
    shown = cell(study.metric, mean(values)) if values else "no result"
    what = f"{words(study.metric)} at the {study.options.at} epoch"
    if len(study.variants) == 1:
        return f"The {what} is {shown} ({_over(len(values))}); there is nothing to compare it with."
    if not values:
        return f"The baseline ({base.name}) has no result, so nothing can be said; choose another with --baseline."
    return f"The {what} is {shown} for the baseline ({base.name}; {_over(len(values))})."


def _over(n: int) -> str:
    return f"{n} run{'s' * (n != 1)}"


def _listed(study: Study, members: list[Variant]) -> str:
    parts = [f"{v.short} ({_difference(study, v)})" for v in members[:MOST]]
    rest = f"; and {len(members) - MOST} more" if len(members) > MOST else ""
    return "; ".join(parts) + rest


def _difference(study: Study, variant: Variant) -> str:
    within = interval(study.metric, variant.effect)
    if math.isnan(variant.effect["mean_difference"]):
        return "no pair"
    text = f"{points(study.metric, variant.effect['mean_difference'])} {unit(study.metric)}"
    return f"{text}, 95 % interval {within}" if within else text


def _helps(study: Study, members: list[Variant]) -> str:
    return f"{'Help' if len(members) > 1 else 'Helps'}: {_listed(study, members)}."


def _hurts(study: Study, members: list[Variant]) -> str:
    return f"{'Hurt' if len(members) > 1 else 'Hurts'}: {_listed(study, members)}."


def _negligible(study: Study, members: list[Variant]) -> str:
    limit = points(study.metric, study.options.practical, sign=False)
    return f"No practical difference (within ±{limit} {unit(study.metric)}): {_listed(study, members)}."


def _no_evidence(study: Study, members: list[Variant]) -> str:
    names = "; ".join(v.short for v in members[:MOST])
    rest = f"; and {len(members) - MOST} more" if len(members) > MOST else ""
    return f"No evidence either way, which is not evidence of no difference: {names}{rest}."


def _too_few(study: Study, members: list[Variant]) -> str:
    if not any(v.effect["n"] for v in members):
        return f"Not compared, since no seed has a result of both: {'; '.join(v.short for v in members[:MOST])}."
    cure = f"regab train --resume {shlex.quote(str(study.folders[0]))} --seeds 5"
    return f"Too few seeds for a verdict, which needs three: {_listed(study, members)}. Add some: {cure}"


_SAY = {
    "helps": _helps,
    "hurts": _hurts,
    "no practical difference": _negligible,
    "no evidence": _no_evidence,
    "too few seeds": _too_few,
}


def _together(study: Study) -> list[tuple[str, str]]:
    """Pairs that do more, or less, together than the sum of what each does alone."""
    if len(study.factors) < 2:
        return []
    options = study.options
    table = interactions(study.results, options.baseline, options.metric, options.practical, options.at)
    found = [row for row in table.to_dict("records") if row["verdict"] in (BETTER_TOGETHER, WORSE_TOGETHER)]
    return [("", _pair(study.metric, row)) for row in found[:MOST]]


def _pair(metric: str, row: dict[str, Any]) -> str:
    one, other = variant_name({row["factor"]: row["level"]}), variant_name({row["other"]: row["other_level"]})
    how = "better" if row["verdict"] == BETTER_TOGETHER else "worse"
    return (
        f"{one} and {other} are {how} together than the sum of what each does alone, by "
        f"{points(metric, row['effect'])} {unit(metric)} (95 % interval {interval(metric, row)})."
    )


def _choice(study: Study) -> list[tuple[str, str]]:
    """Which variant validation data would choose, and what it is worth on test data."""
    by, metric, at = study.metric.replace("test_", "val_"), study.metric, study.options.at
    worth = {v.name: mean(values) for v in study.variants if (values := study.values(v))}
    found = ranking(study.results, by, at) if metric.startswith("test_") else []
    if len(found) < 2 or not found["complete"].iloc[0] or len(worth) < len(found):
        return []
    chosen = next(v for v in study.variants if v.name == found["variant"].iloc[0])
    text = f"By {words(by)}{_replicates(study)} one would choose {chosen.short}, whose {words(metric)} is "
    top = (max if higher_is_better(metric) else min)(worth.values())
    more = f"; to choose by {words(metric)} ({cell(metric, top)}) would flatter" if worth[chosen.name] != top else ""
    return [("", f"{text}{cell(metric, worth[chosen.name])}{more}.")]


def _replicates(study: Study) -> str:
    counted = [(study.results[name].nunique(), f"{name}s") for name in study.repeated]
    over = " and ".join(f"{n} {names}" for n, names in counted if n > 1)
    return f", its mean over {over}," if over else ""
