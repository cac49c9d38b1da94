"""What the numbers say, in sentences: what each factor does, what to choose, and then the variants."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import mean
from typing import TYPE_CHECKING

from regab.analysis.pick import ranking
from regab.analysis.verdicts.sizes import FAR
from regab.analysis.verdicts.words import HELPS, HURTS, NO_DIFFERENCE, NO_EVIDENCE, TOO_FEW, UNCHANGED
from regab.metrics import measured_by
from regab.records.columns import cell, column, words
from regab.records.home import resume
from regab.report.factors import factor_levels, level_name, listed_levels
from regab.report.looks import look_words, that_spend
from regab.report.sentences import ORDER, interval, kind_of, points, unit
from regab.report.study import Study, made_elsewhere, trained_apart
from regab.report.variant import Variant

if TYPE_CHECKING:
    from pandas import DataFrame

MOST = 6  # variants named in one sentence
FEW = 3  # variants that are named, though factors come first
MANY = 4  # comparisons from which on the largest effect is too large by its luck

Sentences = list[tuple[str, str]]  # each with the kind of verdict that it is


def verdict_sentences(study: Study) -> Sentences:
    """What a reader should take along: what each factor does, first."""
    levels, left = listed_levels(study)
    factors = [(level.verdict, level.sentence) for level in levels]
    more = [("", f"And {left}, in factors.csv.")] if left else []
    return [*factors, *more, *choice(study), *_variants(study), *limits(study)]


def limits(study: Study) -> Sentences:
    """How far all this may be trusted, and what may be done where something is undecided."""
    look = look_words(that_spend(study.looks, study.results))
    return [*_moved(study), *_luck(study), *_further(study), *([("", look)] if look else [])]


def _moved(study: Study) -> Sentences:
    if not study.moved:
        return []
    reason = "at the epochs that they select, those that stop early look better by construction"
    text = f"Variants stop by different rules, so {words(study.metric)} is compared at the last epoch: {reason}."
    return [("", text)]


def setting(study: Study) -> str:
    """What is compared, by what."""
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


def _variants(study: Study) -> Sentences:
    """The variants by their verdicts, those apart that are a line of a factor already."""
    alone = {(level.row["factor"], level.row["level"]) for level in factor_levels(study)}
    others = [v for v in study.variants if not v.is_baseline and not (_single(study) and _is_one_of(alone, v))]
    by_kind = {kind: [v for v in others if kind_of(v) == kind] for kind in ORDER}
    say = _counted if alone and len(others) > FEW else lambda study, kind, members: _SAY[kind](study, members)
    return [(kind, say(study, kind, _strongest_first(study, vs))) for kind, vs in by_kind.items() if vs]


def _is_one_of(levels: set[tuple[str, str]], variant: Variant) -> bool:
    return len(variant.differs) == 1 and {*variant.differs.items()} <= levels


def _single(study: Study) -> bool:
    """Whether the effects of factors are differences of one variant to the baseline."""
    return bool((study.factor_effects["settings"] <= 1).all())


def _counted(study: Study, kind: str, members: list[Variant]) -> str:
    """How many of many variants have a verdict, and which of them says most."""
    count = f"{len(members)} of {len(study.variants) - 1} variants"
    top = f"{members[0].short} ({_difference(study, members[0])})"
    return {
        HELPS: f"Better than the baseline: {count}, {top} most of all.",
        HURTS: f"Worse than the baseline: {count}, {top} most of all.",
        NO_DIFFERENCE: f"No practical difference to the baseline: {count}.",
        UNCHANGED: f"Equal to the baseline to the last digit: {count}.",
        NO_EVIDENCE: f"No evidence either way, which is not evidence of no difference: {count}.",
        TOO_FEW: f"Too few seeds for a verdict, which needs three: {count}.",
    }[kind]


def _strongest_first(study: Study, members: list[Variant]) -> list[Variant]:
    """By how much they do; of those that do not have a verdict, single changes before several together."""
    kind = kind_of(members[0])
    sign, sure = -1 if study.upwards == (kind != HURTS) else 1, kind in (HELPS, HURTS)
    together = {v.name: not sure and len(v.differs) > 1 for v in members}
    return sorted(members, key=lambda v: (together[v.name], math.isnan(d := v.effect["mean_difference"]), sign * d))


def _named(members: list[Variant], name: Callable[[Variant], str]) -> str:
    rest = f"; and {len(members) - MOST} more" if len(members) > MOST else ""
    return "; ".join(name(v) for v in members[:MOST]) + rest


def _listed(study: Study, members: list[Variant]) -> str:
    return _named(members, lambda v: f"{v.short} ({_difference(study, v)})")


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
    limit = points(study.metric, study.practical, sign=False)
    return f"No practical difference (within ±{limit} {unit(study.metric)}): {_listed(study, members)}."


def _unchanged(study: Study, members: list[Variant]) -> str:
    return f"Equal to the baseline to the last digit: {_named(members, lambda v: v.short)}."


def _no_evidence(study: Study, members: list[Variant]) -> str:
    return f"No evidence either way, which is not evidence of no difference: {_named(members, lambda v: v.short)}."


def _too_few(study: Study, members: list[Variant]) -> str:
    if not any(v.effect["n"] for v in members):
        return f"Not compared, since no seed has a result of both: {_named(members, lambda v: v.short)}."
    return f"Too few seeds for a verdict, which needs three: {_listed(study, members)}."


_SAY = {
    HELPS: _helps,
    HURTS: _hurts,
    NO_DIFFERENCE: _negligible,
    UNCHANGED: _unchanged,
    NO_EVIDENCE: _no_evidence,
    TOO_FEW: _too_few,
}


def _luck(study: Study) -> Sentences:
    """That the largest of many effects are too large, and how large the largest is likely to be."""
    judged = [v for v in study.variants if math.isfinite(v.effect["shrunken"])]
    best = [v for v in judged if kind_of(v) in (HELPS, HURTS)]
    if len(judged) < MANY or not best:
        return []
    top = max(best, key=lambda v: abs(v.effect["mean_difference"]))
    seen, likely = (points(study.metric, top.effect[key]) for key in ("mean_difference", "shrunken"))
    if seen == likely:
        return []
    more = f"{top.short}, {seen}, is more likely {likely} {unit(study.metric)}"
    return [("", f"The largest of {len(judged)} differences look larger than they are: {more}.")]


def _further(study: Study) -> Sentences:
    """What may be done where something is undecided: what adds to the data without misleading."""
    kinds = {
        str(row["verdict"]) for table in (study.factor_effects, study.comparisons) for row in table.to_dict("records")
    }
    if study.looks.most or len(study.folders) > 1 or not {NO_EVIDENCE, TOO_FEW} & kinds:
        return []
    if (study.results["status"] == "unfinished").any():
        return []
    if made_elsewhere(study) or trained_apart(study):
        return [("", "Add seeds: a verdict needs three.")] if NO_EVIDENCE not in kinds else []
    again = f"{resume(study.folders[0])} --seeds"
    if "fold" in study.repeated:  # which seeds are not added to one look at a time
        return [("", f"Add seeds, which each take all folds: {again} {2 * study.results['seed'].nunique()}")]
    cure = f"{again} auto"
    if NO_EVIDENCE not in kinds:
        return [("", f"Add seeds: {cure}")]
    return [("", f"{_needed(study)}To add seeds until it is clear, without being misled by chance: {cure}")]


def _needed(study: Study) -> str:
    """How many seeds would find the clearest of what is undecided; nothing where that is anybody's guess, or where so
    many are there and have not found it."""
    table = study.factor_effects if len(study.factor_effects) else study.comparisons
    undecided = [row for row in table.to_dict("records") if row["verdict"] == NO_EVIDENCE]
    rows = [row for row in undecided if row["n"] < row["seeds_high"] <= FAR]
    if not rows:
        return ""
    row = min(rows, key=lambda row: row["seeds_high"])
    name = level_name(row["factor"], row["level"]) if "level" in row else row["variant"]
    low, high = int(max(row["seeds_low"], row["n"] + 1)), int(row["seeds_high"])
    many = f"{low} to {high}" if high > low else f"about {high}"
    return f"If {name} does what it seems to do, {many} seeds would find it. "


def choice(study: Study) -> Sentences:
    """Which variant validation data would choose, and what it is worth on test data."""
    metric, at = study.metric, study.options.at
    split, name = measured_by(metric)
    if split == "val" and "fold" in study.repeated:
        split, metric = "test", column(f"test_{name}", study.own)
    if split != "test" or not {f"{at}_val_{name}", f"{at}_{metric}"} <= {*study.results}:
        return []
    by = column(f"val_{name}", study.own)
    worth = {v.name: mean(values) for v in study.variants if (values := study.values(v, metric))}
    last = study.selects_differently and at == "selected"  # where stopping early would look better by construction
    found = ranking(_of_common_seeds(study), by, "last" if last else at)
    if len(found) < 2 or not found["complete"].iloc[0] or len(worth) < len(found):
        return []
    chosen = next(v for v in study.variants if v.name == found["variant"].iloc[0])
    when = " at the last epoch, as stopping rules differ" if last else ""
    text = f"To choose, go by {words(by)}{when}{_replicates(study)}: {chosen.short}, whose {words(metric)} is "
    top = (max if study.upwards else min)(worth.values())
    more = (
        f"; the best {words(metric)} ({cell(metric, top)}) is an optimistic choice" if worth[chosen.name] != top else ""
    )
    return [("", f"{text}{cell(metric, worth[chosen.name])}{more}.")]


def _of_common_seeds(study: Study) -> DataFrame:
    """The results; where seeds were added to some variants only, those of the seeds that all have."""
    if not study.looks.most:
        return study.results
    common = set.intersection(*({row["seed"] for row in v.rows} for v in study.variants))
    return study.results[study.results["seed"].isin(common)]


def _replicates(study: Study) -> str:
    counted = [(study.results[name].nunique(), f"{name}s") for name in study.repeated]
    over = " and ".join(f"{n} {names}" for n, names in counted if n > 1)
    return f" (mean over {over})" if over else ""
