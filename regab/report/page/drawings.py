"""What the page draws beside its tables, from their numbers: interactions, responses to strength, cost against gain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from itertools import combinations
from statistics import fmean, stdev
from typing import Any

from regab.analysis.verdicts.words import BETTER_TOGETHER, WORSE_TOGETHER
from regab.records.columns import cell, words
from regab.report.factors import level_name
from regab.report.figures.style import FREE, wide_range
from regab.report.page import charts
from regab.report.page.charts import Axis, Point, Series
from regab.report.page.forest import MARKS, TONES
from regab.report.sentences import interval, points, unit
from regab.report.study import Study
from regab.report.variant import Variant, method_of

PANELS = 6  # pairs of factors that have lines; more have a map
STYLES = ["-", "--", "-.", ":"]


def interactions(study: Study) -> str:
    """A chart of lines for each pair of factors or, where there are many, a map of all pairs of levels."""
    rows = study.of_pairs
    pairs = [pair for pair in combinations(study.factors, 2) if any({r["factor"], r["other"]} == {*pair} for r in rows)]
    if not pairs:
        return ""
    if len(pairs) > PANELS:
        return _map(study, rows)
    return f'<div class="panels">{"".join(_lines(study, *pair, rows) for pair in pairs)}</div>'


def _lines(study: Study, one: str, other: str, rows: list[dict[str, Any]]) -> str:
    """The metric's mean by the levels of one factor, a line per level of the other, averaged over the rest."""
    across, lines = sorted((one, other), key=lambda f: len(_levels(study, f)), reverse=True)
    places, names = _levels(study, across), _levels(study, lines)
    series = [
        Series(
            FREE[i % len(FREE)],
            [_averaged(study, {across: at, lines: name}, x) for x, at in enumerate(places)],
            level_name(lines, name),
            STYLES[i % len(STYLES)],
        )
        for i, name in enumerate(names)
    ]
    values = [point.y for each in series for point in each.points]
    y = charts.vertical(values, lambda value: cell(study.metric, value))
    short = _short(across)
    drawn = charts.chart(f"{short} and {_short(lines)}", charts.even(places), y, series, short)
    said = "".join(_verdict(study, row) for row in rows if {row["factor"], row["other"]} == {one, other})
    return charts.figure(f"{short} × {_short(lines)}", drawn, f'{charts.legend(series)}<ul class="pairs">{said}</ul>')


def _averaged(study: Study, levels: dict[str, str], x: float) -> Point:
    means = [study.means[v.name] for v in study.variants if levels.items() <= v.levels.items()]
    known = [m for m in means if math.isfinite(m)]
    value = fmean(known) if known else math.nan
    named = ", ".join(level_name(*item) for item in levels.items())
    return Point(x, value, words=f"{named}: {cell(study.metric, value)}")


def _verdict(study: Study, row: dict[str, Any]) -> str:
    kind, within = str(row["verdict"]), interval(study.metric, row)
    named = f"{level_name(row['factor'], row['level'])} and {level_name(row['other'], row['other_level'])}"
    amount = f"{points(study.metric, row['effect'])} {unit(study.metric)}{f' ({within})' if within else ''}"
    text = f"{MARKS.get(kind, '•')} {named}: {kind}, {amount} beyond the sum"
    return f'<li class="{TONES.get(kind, "")}">{escape(text)}</li>'


def _map(study: Study, rows: list[dict[str, Any]]) -> str:
    """A table of all pairs of levels, coloured by what they do beyond the sum of what each does alone."""
    columns = list(dict.fromkeys((r["factor"], r["level"]) for r in rows))
    lines = list(dict.fromkeys((r["other"], r["other_level"]) for r in rows))
    found = {((r["factor"], r["level"]), (r["other"], r["other_level"])): r for r in rows}
    reach = max((abs(r["effect"]) for r in rows if math.isfinite(r["effect"])), default=0.0) or 1.0
    head = "".join(f'<th scope="col">{escape(level_name(*c))}</th>' for c in columns)
    body = "".join(
        f'<tr><th scope="row">{escape(level_name(*line))}</th>'
        + "".join(_cell(study, found.get((column, line)), reach) for column in columns)
        + "</tr>"
        for line in lines
    )
    note = f"Beyond the sum of what each does alone, in {unit(study.metric)}; ▲ and ▼: better and worse together."
    table = f'<table class="map"><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div class="scroll">{table}</div><p class="note">{escape(note)}</p>'


def _cell(study: Study, row: dict[str, Any] | None, reach: float) -> str:
    if row is None or not math.isfinite(row["effect"]):
        return "<td></td>"
    good, share = (row["effect"] > 0) == study.upwards, 45 * abs(row["effect"]) / reach
    sure = f"{MARKS[row['verdict']]} " if row["verdict"] in (BETTER_TOGETHER, WORSE_TOGETHER) else ""
    ground = f"color-mix(in oklab, var(--{'good' if good else 'bad'}) {share:.0f}%, transparent)"
    title = interval(study.metric, row)
    return f'<td style="background: {ground}" title="{escape(title)}">{sure}{points(study.metric, row["effect"])}</td>'


def responses(study: Study) -> str:
    """The effect of each factor of three numbers or more by its strength, with a band of 95 % intervals."""
    panels = [_response(study, factor) for factor in study.factors]
    return f'<div class="panels">{"".join(panels)}</div>' if any(panels) else ""


def _response(study: Study, factor: str) -> str:
    rows = [row for row in study.of_factors if row["factor"] == factor]
    if len(rows) < 2 or not all(_is_number(row[key]) for row in rows for key in ("level", "reference")):
        return ""
    reference = {"level": rows[0]["reference"], "effect": 0.0, "ci_low": 0.0, "ci_high": 0.0, "verdict": "reference"}
    levels = sorted([reference, *rows], key=lambda row: float(row["level"]))
    members = [
        Point(i, row["effect"], row["ci_low"], row["ci_high"], _at(study, factor, row)) for i, row in enumerate(levels)
    ]
    series = Series(study.colours.get(method_of(factor), FREE[0]), members, band=True)
    reach = [value for p in members for value in (p.y, p.low, p.high)]
    y = charts.vertical(reach, lambda value: points(study.metric, value))
    x, short = charts.even([row["level"] for row in levels]), _short(factor)
    return charts.figure(f"{short} ({unit(study.metric)})", charts.chart(short, x, y, [series], short, zero=True))


def _at(study: Study, factor: str, row: dict[str, Any]) -> str:
    return f"{level_name(factor, row['level'])}: {points(study.metric, row['effect'])}, {row['verdict']}"


def costs(study: Study) -> str:
    """The metric's mean and deviation by the seconds that a run took, a point per variant; nothing where all cost
    about the same."""
    known = {v: seconds for v in study.variants if (seconds := study.seconds[v.name]) and study.values(v)}
    if len(known) < 2 or max(known.values()) <= 1.05 * min(known.values()):
        return ""
    series = [
        Series(v.colour, [_worth(study, v, seconds)], v.short, marker=v.marker, joined=False)
        for v, seconds in known.items()
    ]
    members = [each.points[0] for each in series]
    y = charts.vertical([b for p in members for b in (p.y, p.low, p.high)], lambda value: cell(study.metric, value))
    drawn = charts.chart("cost and gain", _seconds([*known.values()]), y, series, "seconds per run")
    said = _named_points(study, known)
    return f'<div class="panels">{charts.figure(f"{words(study.metric)} by seconds per run", drawn, said)}</div>'


def _worth(study: Study, variant: Variant, seconds: float) -> Point:
    values = study.values(variant)
    middle, spread = fmean(values), stdev(values) if len(values) > 1 else 0.0
    said = f"{variant.short}: {cell(study.metric, middle)}, {seconds:.3g} s"
    return Point(seconds, middle, middle - spread, middle + spread, said)


def _named_points(study: Study, known: dict[Variant, float]) -> str:
    """Which variants are worth their time: no other is both cheaper, by what is shown of the seconds, and better."""
    sign = 1 if study.upwards else -1
    best = -math.inf
    kept: list[str] = []

    def worth(variant: Variant) -> float:
        return study.means[variant.name]

    for variant, seconds in sorted(known.items(), key=lambda item: (float(f"{item[1]:.2g}"), -sign * worth(item[0]))):
        if sign * worth(variant) > best:
            best = sign * worth(variant)
            kept.append(f"{variant.short} ({seconds:.2g} s, {cell(study.metric, worth(variant))})")
    return f'<p class="note">No other is both cheaper and better: {escape("; ".join(kept))}.</p>'


def _seconds(values: Sequence[float]) -> Axis:
    low, high = min(values), max(values)
    if wide_range(values):
        low, high, marks = low / 1.15, high * 1.15, charts.log_values(low / 1.15, high * 1.15)
    else:
        margin = 0.06 * (high - low)
        low, high = low - margin, high + margin
        marks = charts.round_values(low, high, 5)
    ends = (charts.LEFT, charts.WIDTH - charts.RIGHT)
    return Axis(low, high, *ends, [(value, f"{value:.3g}") for value in marks], wide_range(values))


def _levels(study: Study, factor: str) -> list[str]:
    return list(dict.fromkeys(v.levels[factor] for v in study.variants))


def _short(factor: str) -> str:
    return level_name(factor, "").rstrip("=")


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
