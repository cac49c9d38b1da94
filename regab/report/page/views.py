"""All parts of the page that are about one metric."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from html import escape
from statistics import median

from regab.analysis.table import metrics_of
from regab.errors import UsageError
from regab.metrics import SPLITS, measured_by
from regab.processes import shared_out
from regab.records.columns import Column, measured, words
from regab.report.conclusions import setting, verdict_sentences
from regab.report.looks import that_spend
from regab.report.page.drawings import costs, interactions, responses
from regab.report.page.forest import MARKS, TONES, factor_table, variant_table
from regab.report.sentences import ORDER, kind_of, points, unit
from regab.report.study import Study

MOST = 200  # variants of which all metrics have a view
VIEWS = 12  # metrics


def views_of(study: Study) -> dict[str, dict[str, str]]:
    """The view of each metric that the page can show, that of its verdicts first."""
    others = measured(metrics_of(study.results, study.options.at)) if len(study.variants) <= MOST else []
    found: dict[str, dict[str, str]] = {study.metric: view(study)}
    others = sorted(others, key=lambda metric: SPLITS.index(measured_by(metric)[0]), reverse=True)  # test data first
    _ = study.curves, study.seconds  # read once, for all processes
    shared = shared_out(partial(_view_by, study), [m for m in others if m != study.metric][: VIEWS - 1])
    return found | dict(filter(None, shared))


def _view_by(study: Study, metric: str) -> tuple[Column, dict[str, str]] | None:
    with suppress(UsageError):  # nothing is known of which way is better
        other = study.by(metric)
        return other.metric, view(other)
    return None


def view(study: Study) -> dict[str, str]:
    """HTML by the name of the part."""
    kinds = [kind for kind in ORDER if any(kind_of(v) == kind for v in study.variants)]
    return {
        "setting": escape(setting(study)),
        "verdicts": "\n".join(_sentence(*pair) for pair in verdict_sentences(study)),
        "factors": factor_table(study),
        "interactions": interactions(study),
        "responses": responses(study),
        "costs": costs(study),
        "variants": variant_table(study),
        "note": escape(_note(study)),
        "kinds": "".join(f"<option>{escape(kind)}</option>" for kind in ["all", *kinds]),
    }


def _sentence(kind: str, text: str) -> str:
    return f'<li class="{TONES.get(kind, "")}" data-mark="{MARKS.get(kind, "•")}">{escape(text)}</li>'


def _note(study: Study) -> str:
    if len(study.variants) < 2:
        return ""
    practical = study.practical
    small = f"{points(study.metric, practical, sign=False)} {unit(study.metric)}"
    shaded = f" Shaded: less than {small}, of no practical interest." if practical else ""
    return (
        f"Differences in {words(study.metric)}, paired by {study.pairs}; lines: 95 % intervals, one by one. Verdicts "
        "are adjusted for all that this page compares, so an interval may leave out zero and still be no evidence. "
        "P(better): the chance that one more seed would be better than with the baseline."
        f"{_pairing(study)}{shaded}{_left(study)}"
    )


def _left(study: Study) -> str:
    """What is kept for later looks."""
    if study.looks.most or study.looks.planned or len(that_spend(study.looks, study.results).seen) != 1:
        return ""
    return " This first look may spend 4 of the 5 %; the rest is for seeds that may be added (--looks 1 spends all)."


def _pairing(study: Study) -> str:
    """Whether variants and baseline agree in what a seed does to them."""
    known = study.comparisons["correlation"].dropna()
    if not len(known):
        return ""
    middle = median(known)
    shown = f"{round(middle, 2) + 0.0:.2f}".replace("-", "−")  # + 0.0: no −0.00
    saved = "nearly all" if middle > 0.985 else f"about {middle:.0%}"
    helped = f"so pairing saves {saved} of the seeds" if middle > 0.1 else "so pairing gains little here"
    return f" The runs of a variant and of the baseline are correlated by {shown} (median), {helped}."
