"""``report.html``: one file that needs nothing else, neither a network nor a server."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template

from regab.records.columns import cell, words
from regab.report.embedded import embedded
from regab.report.findings import findings, per_variant
from regab.report.origin import command_of, provenance, warnings
from regab.report.sentences import ORDER, interval, kind_of, points, unit, verdict_sentences
from regab.report.study import Study, Variant
from regab.report.tables import mean_and_deviation

HERE = Path(__file__).parent
MARKS = {"helps": "▲", "hurts": "▼", "no practical difference": "≈", "no evidence": "?", "too few seeds": "…"}
TONES = {"helps": "good", "hurts": "bad"}
WIDTH, HEIGHT, MARGIN = 300, 26, 12  # of the interval in a row of the table


def page(study: Study, figures: Mapping[str, Path] | None = None) -> str:
    """The page, with these figures (SVG files by caption) in it."""
    scale = Scale(study)
    found, sentences, alarms = findings(study), per_variant(study), warnings(study)
    kinds = [kind for kind in ORDER if any(kind_of(v) == kind for v in study.variants)]
    values = {
        "title": escape(_title(study)),
        "subtitle": escape(_subtitle(study)),
        "css": (HERE / "page.css").read_text(),
        "js": (HERE / "page.js").read_text(),
        "verdicts": "\n".join(_sentence(*pair) for pair in verdict_sentences(study)),
        "warnings": _list("warnings", alarms),
        "effects_note": escape(_note(study)),
        "kinds": "".join(f"<option>{escape(kind)}</option>" for kind in kinds),
        "axis": scale.css(study.options.practical),
        "heads": _heads(study, scale),
        "rows": "\n".join(_row(study, variant, scale) for variant in study.variants),
        "findings": _list("findings", found),
        "diagnosis": _diagnosis(study, sentences),
        "figures": _figures(figures or {}),
        "origin": "\n".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in provenance(study)),
        "data": embedded(study),
    }
    return Template((HERE / "page.html").read_text()).substitute(values)


def _title(study: Study) -> str:
    names = [f"{folder.absolute().parent.name}/{folder.absolute().name}" for folder in study.folders]
    return " + ".join(names)


def _subtitle(study: Study) -> str:
    runs = sum(len(v.rows) for v in study.variants)
    n = len(study.variants)
    return (
        f"{n} variant{'s' * (n != 1)}, {runs} run{'s' * (runs != 1)}; {words(study.metric)} at the "
        f"{study.options.at} epoch; baseline: {study.baseline.name}"
    )


def _sentence(kind: str, text: str) -> str:
    return f'<li class="{TONES.get(kind, "")}" data-mark="{MARKS.get(kind, "•")}">{escape(text)}</li>'


def _list(name: str, items: list[str]) -> str:
    return f'<ul class="{name}">{"".join(f"<li>{escape(item)}</li>" for item in items)}</ul>' if items else ""


def _note(study: Study) -> str:
    practical = points(study.metric, study.options.practical, sign=False)
    shaded = f" Shaded: less than {practical} {unit(study.metric)}, of no practical interest." * bool(
        study.options.practical
    )
    return (
        f"Differences in {words(study.metric)}, paired by {study.pairs}; lines: 95 % intervals. Verdicts are adjusted "
        f"for the number of comparisons (Holm), so an interval may leave out zero and still be no evidence.{shaded}"
    )


class Scale:
    """From differences to places along the axis of the forest plot."""

    def __init__(self, study: Study) -> None:
        effects = [v.effect for v in study.variants]
        bounds = [e[key] for e in effects for key in ("mean_difference", "ci_low", "ci_high")]
        reach = [b for b in bounds if math.isfinite(b)] + [study.options.practical, -study.options.practical, 0.0]
        self.low, self.high = min(reach), max(reach)
        if self.low == self.high:
            self.low, self.high = -1.0, 1.0

    def __call__(self, value: float) -> float:
        return MARGIN + (WIDTH - 2 * MARGIN) * (value - self.low) / (self.high - self.low)

    def css(self, practical: float) -> str:
        """Where zero is, and the band of what does not matter in practice."""
        zero, start, end = (100 * self(value) / WIDTH for value in (0, -practical, practical))
        return f"--nil: {zero:.2f}%; --from: {start:.2f}%; --wide: {end - start:.2f}%"

    def ticks(self) -> list[float]:
        """Round values, zero among them."""
        rough = (self.high - self.low) / 4
        power = 10 ** math.floor(math.log10(rough))
        step = next(f * power for f in (1, 2, 5, 10) if f * power >= rough)
        return [i * step for i in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]


def _heads(study: Study, scale: Scale) -> str:
    columns = [("name", "variant", ""), ("n", "n", "number"), ("mean", words(study.metric), "number")]
    columns += [("difference", f"difference ({unit(study.metric)})", "number")]
    cells = [_head(*column) for column in columns]
    ticks = "".join(
        f'<text x="{scale(t):.1f}" y="12" text-anchor="middle">{points(study.metric, t) if t else "0"}</text>'
        for t in scale.ticks()
    )
    cells.append(f'<th class="graphic"><svg viewBox="0 0 {WIDTH} 16" class="axis">{ticks}</svg></th>')
    return "".join([*cells, _head("probability", "P(better)", "number"), _head("order", "verdict", "")])


def _head(by: str, text: str, kind: str) -> str:
    return f'<th scope="col" class="{kind}" data-by="{by}"><button type="button">{escape(text)}</button></th>'


def _row(study: Study, variant: Variant, scale: Scale) -> str:
    effect, kind = variant.effect, kind_of(variant)
    order = ["baseline", *ORDER].index(kind)
    sortable = {
        "name": variant.name, "kind": kind, "order": order, "n": effect["n"], "mean": effect["mean"],
        "difference": effect["mean_difference"], "probability": effect["probability_better"],
    }  # fmt: skip
    attributes = " ".join(f'data-{key}="{escape(_attribute(value))}"' for key, value in sortable.items())
    probability = effect["probability_better"]
    cells = [
        f'<td class="name"><svg class="swatch" width="14" height="14">{_dot(variant, 7, 7)}</svg>'
        f"{escape(variant.name if variant.is_baseline else variant.short)}</td>",
        _number("n", f"{effect['n']:.0f}"),
        _number(words(study.metric), mean_and_deviation(study, variant)),
        _number("difference", "" if variant.is_baseline else points(study.metric, effect["mean_difference"])),
        f'<td class="graphic">{_interval(study, variant, scale)}</td>',
        _number("P(better)", "" if math.isnan(probability) else f"{probability:.2f}"),
        f'<td class="verdict {TONES.get(kind, "")}">{_verdict(kind, str(effect["verdict"]))}</td>',
    ]
    row = f'<tr class="variant" tabindex="0" aria-expanded="false" style="--c: {variant.colour}" {attributes}>'
    more = f'<tr class="more" hidden><td colspan="7"><p class="exact">{escape(_exact(study, variant))}</p></td></tr>'
    return f"{row}{''.join(cells)}</tr>{more}"


def _verdict(kind: str, verdict: str) -> str:
    more = verdict.removeprefix(kind).strip(" ()")
    small = f"<small>{escape(more)}</small>" if more else ""
    return f"{MARKS.get(kind, '')} {escape(kind)}{small}"


def _attribute(value: object) -> str:
    return "" if isinstance(value, float) and math.isnan(value) else str(value)


def _number(label: str, text: str) -> str:
    return (
        f'<td class="number" data-label="{escape(label)}">{escape(text)}</td>' if text else '<td class="number"></td>'
    )


def _interval(study: Study, variant: Variant, scale: Scale) -> str:
    effect, middle = variant.effect, HEIGHT / 2
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(_difference(study, variant))}">']
    if not math.isnan(effect["ci_low"]):
        low, high = scale(effect["ci_low"]), scale(effect["ci_high"])
        parts.append(f'<line class="whisker" x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>')
    if not math.isnan(effect["mean_difference"]):
        parts.append(_dot(variant, scale(effect["mean_difference"]), middle))
    return "".join([*parts, "</svg>"])


def _difference(study: Study, variant: Variant) -> str:
    return "baseline" if variant.is_baseline else interval(study.metric, variant.effect) or "no interval"


CORNERS = {
    "s": [(-1, -1), (1, -1), (1, 1), (-1, 1)],
    "^": [(0, -1.2), (1.1, 1), (-1.1, 1)],
    "D": [(0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)],
    "v": [(0, 1.2), (1.1, -1), (-1.1, -1)],
}


def _dot(variant: Variant, x: float, y: float) -> str:
    corners = CORNERS.get(variant.marker)
    if corners is None:
        return f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="5"/>'
    return f'<polygon class="dot" points="{" ".join(f"{x + 5 * a:.1f},{y + 5 * b:.1f}" for a, b in corners)}"/>'


def _exact(study: Study, variant: Variant) -> str:
    """What a row shows when it is asked."""
    effect = variant.effect
    values = ", ".join(cell(study.metric, value) for value in study.values(variant))
    lines = [f"{words(study.metric)}: {values or 'none'}"]
    if not variant.is_baseline:
        keys = ("mean_difference", "ci_low", "ci_high", "p_value", "p_adjusted", "probability_better", "shrunken")
        lines += [f"{key.replace('_', ' ')}: {effect[key]:.6g}" for key in keys if math.isfinite(effect[key])]
    lines += [f"{key} {what}" for key, what in ((effect["failed"], "failed"), (effect["missing"], "missing")) if key]
    return "\n".join([*lines, "", command_of(variant)])


def _diagnosis(study: Study, sentences: dict[str, str]) -> str:
    rows = [
        f"<tr><td>{escape(v.short)}</td><td>{escape(sentences[v.name])}</td></tr>"
        for v in study.variants
        if v.name in sentences
    ]
    return f"<h3>What the curves say</h3><table>{''.join(rows)}</table>" if rows else "<p>There are no curves.</p>"


def _figures(figures: Mapping[str, Path]) -> str:
    if not figures:
        return ""
    shown = [
        f"<figure><figcaption>{escape(caption)}</figcaption>"
        f'<img alt="{escape(caption)}" src="data:image/svg+xml;base64,{base64.b64encode(path.read_bytes()).decode()}">'
        "</figure>"
        for caption, path in figures.items()
    ]
    return f'<section id="figures"><h2>Figures</h2><div class="figures">{"".join(shown)}</div></section>'
