"""Tables with an interval in every row: of the levels of factors, and of variants."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape
from typing import Any

from regab.records.columns import cell, words
from regab.report.factors import FactorLevel, factor_levels
from regab.report.page.charts import dot, round_values, shortened
from regab.report.sentences import ORDER, interval, kind_of, points, unit
from regab.report.study import Study
from regab.report.tables import mean_and_deviation
from regab.report.variant import Variant, method_of

MARKS = {
    "helps": "▲",
    "hurts": "▼",
    "no practical difference": "≈",
    "changed nothing": "=",
    "no evidence": "?",
    "too few seeds": "…",
    "better together": "▲",
    "worse together": "▼",
}
TONES = {"helps": "good", "hurts": "bad", "better together": "good", "worse together": "bad"}
WIDTH, HEIGHT, MARGIN = 300, 26, 12  # of the interval in a row


class Scale:
    """From differences to places along the axis; ``rows`` have a difference under ``key`` and its interval."""

    def __init__(self, rows: Iterable[dict[str, Any]], key: str, practical: float) -> None:
        bounds = [row[name] for row in rows for name in (key, "ci_low", "ci_high")]
        reach = [b for b in bounds if math.isfinite(b)] + [practical, -practical, 0.0]
        self.low, self.high, self.practical = min(reach), max(reach), practical
        if self.low == self.high:
            self.low, self.high = -1.0, 1.0

    def __call__(self, value: float) -> float:
        return MARGIN + (WIDTH - 2 * MARGIN) * (value - self.low) / (self.high - self.low)

    @property
    def css(self) -> str:
        """Where zero is, and the band of what does not matter in practice."""
        zero, start, end = (100 * self(value) / WIDTH for value in (0, -self.practical, self.practical))
        return f"--nil: {zero:.2f}%; --from: {start:.2f}%; --wide: {end - start:.2f}%"

    def head(self, metric: str) -> str:
        """Round values above the intervals."""
        marks = [(t, points(metric, t) if t else "0") for t in round_values(self.low, self.high, 4)]
        ticks = "".join(
            f'<text x="{self(t):.1f}" y="12" text-anchor="middle">{text}</text>' for t, text in shortened(marks)
        )
        drawn = f'<svg viewBox="0 0 {WIDTH} 16" class="axis" role="img" aria-label="95 % interval">{ticks}</svg>'
        return f'<th scope="col" class="graphic">{drawn}</th>'


def factor_table(study: Study) -> str:
    """A row per level of every factor; nothing where the design cannot tell what they do."""
    levels = factor_levels(study)
    if not levels:
        return ""
    scale = Scale([level.row for level in levels], "effect", study.practical)
    plain = "".join(f'<th scope="col">{escape(text)}</th>' for text in ("factor", f"effect ({unit(study.metric)})"))
    heads = f'{plain}{scale.head(study.metric)}<th scope="col">verdict</th><th scope="col">where</th>'
    rows = "".join(_factor_row(study, level, scale) for level in levels)
    return f'<table class="forest" style="{scale.css}"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def _factor_row(study: Study, level: FactorLevel, scale: Scale) -> str:
    colour, kind = study.colours.get(method_of(level.row["factor"]), "#444444"), level.verdict
    shown = points(study.metric, level.row["effect"])
    where = "; ".join(filter(None, [level.settings, level.depends, str(level.row["note"])]))
    cells = [
        f'<th scope="row" class="name">{escape(level.name)}</th>',
        _number("effect", shown),
        f'<td class="graphic">{_interval(level.row, "effect", scale, "o", level.amount)}</td>',
        f'<td class="verdict {TONES.get(kind, "")}">{MARKS.get(kind, "")} {escape(kind)}</td>',
        f'<td class="where">{escape(where)}</td>',
    ]
    return f'<tr class="variant" data-kind="{escape(kind)}" style="--c: {colour}">{"".join(cells)}</tr>'


def variant_table(study: Study) -> str:
    """A row per variant, the baseline first, each followed by a hidden one with exact numbers. A single variant has
    nothing to be compared with."""
    scale = Scale([v.effect for v in study.variants], "mean_difference", study.practical)
    columns = [("name", "variant", ""), ("n", "n", "number"), ("mean", words(study.metric), "number")]
    heads = [_head(*column) for column in columns]
    if len(study.variants) > 1:
        heads += [_head("difference", f"difference ({unit(study.metric)})", "number"), scale.head(study.metric)]
        heads += [_head("probability", "P(better)", "number"), _head("order", "verdict", "")]
    rows = "\n".join(_variant_row(study, variant, scale) for variant in study.variants)
    head = f"<thead><tr>{''.join(heads)}</tr></thead>"
    return f'<table class="forest" id="forest" style="{scale.css}">{head}<tbody>{rows}</tbody></table>'


def _head(by: str, text: str, kind: str) -> str:
    return f'<th scope="col" class="{kind}" data-by="{by}"><button type="button">{escape(text)}</button></th>'


def _variant_row(study: Study, variant: Variant, scale: Scale) -> str:
    effect, kind = variant.effect, kind_of(variant)
    order = ["baseline", *ORDER].index(kind)
    sortable = {
        "name": variant.name, "kind": kind, "order": order, "n": effect["n"], "mean": effect["mean"],
        "difference": effect["mean_difference"], "probability": effect["probability_better"],
    }  # fmt: skip
    attributes = " ".join(f'data-{key}="{escape(_attribute(value))}"' for key, value in sortable.items())
    name = escape(variant.name if variant.is_baseline else variant.short)
    pressed = f'<button type="button" class="show" aria-expanded="false">{name}</button>'
    swatch = f'<svg class="swatch" width="14" height="14" aria-hidden="true">{dot(variant.marker, 7, 7)}</svg>'
    cells = [
        f'<th scope="row" class="name">{swatch}{pressed}</th>',
        _number("n", f"{effect['n']:.0f}"),
        _number(words(study.metric), mean_and_deviation(study, variant)),
        *(_compared(study, variant, scale) if len(study.variants) > 1 else ()),
    ]
    row = f'<tr class="variant" style="--c: {variant.colour}" {attributes}>'
    exact = f'<p class="exact">{escape(_exact(study, variant))}</p>'
    return f'{row}{"".join(cells)}</tr><tr class="more" hidden><td colspan="{len(cells)}">{exact}</td></tr>'


def _compared(study: Study, variant: Variant, scale: Scale) -> list[str]:
    """The cells about the difference to the baseline."""
    effect, kind, aloud = variant.effect, kind_of(variant), _aloud(study, variant)
    probability = effect["probability_better"]
    return [
        _number("difference", "" if variant.is_baseline else points(study.metric, effect["mean_difference"])),
        f'<td class="graphic">{_interval(effect, "mean_difference", scale, variant.marker, aloud)}</td>',
        _number("P(better)", "" if math.isnan(probability) else f"{probability:.2f}"),
        f'<td class="verdict {TONES.get(kind, "")}">{_verdict(kind, str(effect["note"]))}</td>',
    ]


def _verdict(kind: str, note: str) -> str:
    small = f"<small>{escape(note)}</small>" if note else ""
    return f"{MARKS.get(kind, '')} {escape(kind)}{small}"


def _attribute(value: object) -> str:
    return "" if isinstance(value, float) and math.isnan(value) else str(value)


def _number(label: str, text: str) -> str:
    return (
        f'<td class="number" data-label="{escape(label)}">{escape(text)}</td>' if text else '<td class="number"></td>'
    )


def _interval(row: dict[str, Any], key: str, scale: Scale, marker: str, aloud: str) -> str:
    middle = HEIGHT / 2
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(aloud)}">']
    if not math.isnan(row["ci_low"]):
        low, high = scale(row["ci_low"]), scale(row["ci_high"])
        parts.append(f'<line class="whisker" x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>')
    if not math.isnan(row[key]):
        parts.append(dot(marker, scale(row[key]), middle))
    return "".join([*parts, "</svg>"])


def _aloud(study: Study, variant: Variant) -> str:
    return "baseline" if variant.is_baseline else interval(study.metric, variant.effect) or "no interval"


NUMBERS = ["mean_difference", "ci_low", "ci_high", "p_value", "p_adjusted", "probability_better", "shrunken"]
NUMBERS += ["correlation"]


def _exact(study: Study, variant: Variant) -> str:
    """What a row shows when it is asked; the page's script adds the command that trains the variant again."""
    effect = variant.effect
    values = ", ".join(cell(study.metric, value) for value in study.values(variant))
    lines = [f"{words(study.metric)}: {values or 'none'}"]
    if not variant.is_baseline:
        lines += [f"{key.replace('_', ' ')}: {effect[key]:.6g}" for key in NUMBERS if math.isfinite(effect[key])]
    lines += [f"{key} {what}" for key, what in ((effect["failed"], "failed"), (effect["missing"], "missing")) if key]
    return "\n".join(lines)
