"""``report.html``: one file that needs nothing else, neither a network nor a server."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template

from regab.records.columns import words
from regab.report.findings import findings, per_variant
from regab.report.origin import command_of, provenance, warnings
from regab.report.page.embedded import as_json, curves
from regab.report.page.views import views_of
from regab.report.study import Study

HERE = Path(__file__).parent / "html"
SCRIPTS = ("base.js", "table.js", "curves.js", "metric.js")


def page(study: Study, figures: Mapping[str, Path] | None = None) -> str:
    """The page, with these figures (SVG files by caption) in it."""
    views = views_of(study)
    sentences = per_variant(study)
    values = {
        "title": escape(_title(study)),
        "subtitle": escape(_subtitle(study)),
        "against": "Every variant against the baseline" if len(study.variants) > 1 else "Numbers",
        "hide_filter": "" if len(study.variants) > 1 else " hidden",
        "css": (HERE / "page.css").read_text("utf-8"),
        "js": "\n".join((HERE / name).read_text("utf-8") for name in SCRIPTS),
        "metrics": "".join(f'<option value="{escape(m)}">{escape(words(m))}</option>' for m in views),
        "warnings": _list("warnings", warnings(study)),
        "findings": _list("findings", findings(study)),
        "diagnosis": _diagnosis(study, sentences),
        "figures": _figures(figures or {}),
        "origin": "\n".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in provenance(study)),
        "views": as_json(views),
        "commands": as_json({v.name: command_of(v) for v in study.variants}),
        "curves": as_json(curves(study)),
    }
    values |= {f"hide_{name}": "" if part else " hidden" for name, part in views[study.metric].items()}
    if values["warnings"]:
        values["hide_verdicts"] = ""
    return Template((HERE / "page.html").read_text("utf-8")).substitute(values | views[study.metric])


def _title(study: Study) -> str:
    names = [f"{folder.absolute().parent.name}/{folder.absolute().name}" for folder in study.folders]
    return " + ".join(names)


def _subtitle(study: Study) -> str:
    runs = sum(len(v.rows) for v in study.variants)
    counted, n = f"{runs} run{'s' * (runs != 1)}", len(study.variants)
    return f"{n} variants, {counted}; baseline: {study.baseline.name}" if n > 1 else counted


def _list(name: str, items: list[str]) -> str:
    return f'<ul class="{name}">{"".join(f"<li>{escape(item)}</li>" for item in items)}</ul>' if items else ""


def _diagnosis(study: Study, sentences: dict[str, str]) -> str:
    rows = [
        f'<tr><th scope="row">{escape(v.short)}</th><td>{escape(sentences[v.name])}</td></tr>'
        for v in study.variants
        if v.name in sentences
    ]
    head = '<thead><tr><th scope="col">variant</th><th scope="col">fit</th></tr></thead>'
    table = f"<table>{head}<tbody>{''.join(rows)}</tbody></table>"
    return f"<h3>What the curves say</h3>{table}" if rows else "<p>There are no curves.</p>"


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
