"""The comparison as a table to paste, and in Markdown."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from statistics import mean, stdev

from regab.records.columns import Column, cell, higher_is_better, words
from regab.records.printable import printable
from regab.report.looks import look_words
from regab.report.sentences import interval, kind_of, points, unit
from regab.report.study import Study
from regab.report.variant import Variant

Cells = list[str]


def head(study: Study) -> Cells:
    """The names of the columns."""
    metric = words(study.metric)
    percent = " (%)" if study.metric.measure.percent else ""
    return ["variant", f"{metric}{percent}", f"difference ({unit(study.metric)})", "95 % interval", "verdict"]


def cells(study: Study, variant: Variant) -> Cells:
    """A variant's row."""
    effect = variant.effect
    difference = "" if variant.is_baseline else points(study.metric, effect["mean_difference"])
    return [variant.short, mean_and_deviation(study, variant), difference, _interval(study, variant), kind_of(variant)]


def _interval(study: Study, variant: Variant) -> str:
    return "" if variant.is_baseline else interval(study.metric, variant.effect)


def mean_and_deviation(study: Study, variant: Variant) -> str:
    """``97.21 ± 0.34``, shares in percent."""
    values = study.values(variant)
    return _mean_and_deviation(study.metric, *values) if values else "-"


@lru_cache(maxsize=1024)  # of every variant it is asked for each of the tables, and 0.5 ms of exact sums
def _mean_and_deviation(metric: Column, *values: float) -> str:
    spread = f" ± {cell(metric, stdev(values))}" if len(values) > 1 else ""
    return f"{cell(metric, mean(values))}{spread}".replace("%", "")


def caption(study: Study) -> str:
    """What ± is, over how many runs, compared how."""
    counts = sorted({len(v.finished) for v in study.variants})
    n = f"n = {counts[0]}" if len(counts) == 1 else f"n = {counts[0]} to {counts[-1]}"
    over = " and ".join(f"{name}s" for name in study.repeated)
    return (
        f"{words(study.metric)[0].upper()}{words(study.metric)[1:]} at the {study.options.at} epoch: mean ± standard "
        f"deviation over {over} ({n}). Differences are paired by {study.pairs}, against {study.baseline.name}; "
        f"verdicts are adjusted for all comparisons of the report. {look_words(study.looks)}"
    ).rstrip()


def best(study: Study) -> set[str]:
    """The names of the variants with the best mean."""
    means = {v.name: round(mean(values), 9) for v in study.variants if (values := study.values(v))}
    top = (max if higher_is_better(study.metric) else min)(means.values(), default=math.nan)
    return {name for name, value in means.items() if value == top}


def markdown(study: Study) -> str:
    """``table.md``."""
    top = best(study)
    lines = [head(study), ["---", "---:", "---:", ":---:", "---"]]
    for variant in study.variants:
        name, value, *rest = map(_in_markdown, cells(study, variant))
        lines.append([name, f"**{value}**" if variant.name in top else value, *rest])
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", _in_markdown(caption(study)), ""])


def _in_markdown(text: str) -> str:
    """Text that Markdown shows as it is, also in a cell of a table; an underscore inside a word is one anyway."""
    text = re.sub(r"([\\`*{}\[\]<>|~$&]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))", r"\\\1", printable(text))
    return text.replace("\n", " ")
