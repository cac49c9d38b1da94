"""The figures of a report: which there are, and drawing those for which there are data."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from regab.processes import shared_out
from regab.records.columns import words
from regab.records.files import make_folder, write_atomically, writing
from regab.report.figures import cocktail, fits, forest, reliability, responses, weights
from regab.report.figures.rows import PANELS, best_first, drawn_of, note_left_out, note_panels_left_out, paneled_of
from regab.report.figures.style import figure, label, label_outer
from regab.report.findings import alone, numbers
from regab.report.study import Metrics, Study
from regab.report.variant import Variant, method_of

DRAWN = ("forest", "strength", "interactions", "cost")  # by the page itself
Draw = Callable[[Study, Path], bool]


def draw_figures(study: Study, folder: Path) -> dict[str, Path]:
    """Save every figure as PNG and SVG (and PDF, if so asked). Those that a page does not draw itself, SVG files by
    caption.

    Raises CannotWrite.
    """
    make_folder(folder)
    paths = {name: folder / f"{name}.{'pdf' if study.options.pdf else 'svg'}" for name in FIGURES}
    _ = study.curves, study.seconds, study.means  # read once, for all processes
    there = shared_out(partial(_drawn, study), [*paths.items()])
    return {
        FIGURES[name][0].format(metric=words(study.metric)): path.with_suffix(".svg")
        for (name, path), drawn in zip(paths.items(), there, strict=True)
        if drawn and name not in DRAWN
    }


def _drawn(study: Study, place: tuple[str, Path]) -> bool:
    name, path = place
    with writing(path):
        return FIGURES[name][1](study, path)


def _save(path: Path, width: float, height: float) -> Any:
    return figure(path.with_suffix(".png"), width, height, also=path)


def _forest(study: Study, path: Path) -> bool:
    shown = [v for v in drawn_of(study) if not math.isnan(v.effect["mean_difference"])]
    if shown:
        longest = max(len(label(v.short)) for v in shown)
        with _save(path, 6.5 + 0.08 * longest, 1.6 + 0.34 * len(shown)) as drawn:
            forest.forest(drawn.subplots(), shown, study.metric, study.practical)
            note_left_out(drawn, study)
    return bool(shown)


def _strengths(study: Study, path: Path) -> bool:
    tried = {factor: alone(study, factor) for factor in study.factors}
    tried = {f: vs for f, vs in tried.items() if len(vs) > 2 and numbers(vs, f)}
    if tried:
        with _save(path, 1 + 4.2 * min(len(tried), 3), 0.6 + 3.3 * math.ceil(len(tried) / 3)) as drawn:
            panels = drawn.subplots(math.ceil(len(tried) / 3), min(len(tried), 3), squeeze=False).flat
            for axes, (factor, members) in zip(panels, tried.items(), strict=False):
                responses.strength(axes, factor, members, study.metric, study.colours[method_of(factor)])
            for axes in list(panels)[len(tried) :]:
                axes.set_axis_off()
    return bool(tried)


def _interactions(study: Study, path: Path) -> bool:
    table = study.interactions
    if len(table):
        columns = len(responses.terms(table, "factor", "level"))
        rows = len(responses.terms(table, "other", "other_level"))
        with _save(path, 4 + 0.9 * columns, 2.2 + 0.5 * rows) as drawn:
            responses.interaction_map(drawn.subplots(), table, study.metric)
    return len(table) > 0


def _curves(study: Study, path: Path) -> bool:
    shown = [v for v in paneled_of(study) if any(map(_has_losses, study.curves_of(v)))]
    if shown:
        columns = min(4, len(shown))
        rows = math.ceil(len(shown) / columns)
        with _save(path, 0.8 + 3.2 * columns, 0.8 + 2.4 * rows) as drawn:
            panels = list(drawn.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
            for axes, variant in zip(panels, shown, strict=False):
                fits.train_and_validation(axes, variant, study.curves_of(variant))
            fits.same_scale(panels[: len(shown)])
            label_outer(panels[: len(shown)], columns)
            for axes in panels[len(shown) :]:
                axes.set_axis_off()
            panels[0].legend()
            note_panels_left_out(drawn, study)
    return bool(shown)


def _has_losses(metrics: Metrics) -> bool:
    return any(np.isfinite(metrics[name][1:]).any() for name in ("train_loss", "val_loss"))


def _gaps(study: Study, path: Path) -> bool:
    gaps = {v: values for v in drawn_of(study) if (values := study.values(v, "generalization_gap"))}
    if gaps:
        with _save(path, 6 + 0.08 * max(len(label(v.short)) for v in gaps), 1.3 + 0.32 * len(gaps)) as drawn:
            fits.gaps(drawn.subplots(), gaps)
            note_left_out(drawn, study)
    return bool(gaps)


def _costs(study: Study, path: Path) -> bool:
    costs = {v: cost for v in drawn_of(study) if (cost := study.seconds[v.name])}
    worth = len(costs) > 1 and max(costs.values()) > 1.05 * min(costs.values())
    if worth:
        longest = max(len(label(v.short)) for v in costs)
        with _save(path, 6 + 0.07 * longest, max(4.6, 1 + 0.17 * len(costs))) as drawn:
            note_left_out(drawn, study)
            fits.cost_and_gain(drawn.subplots(), {v: (c, study.values(v)) for v, c in costs.items()}, study.metric)
    return worth


def _weights(study: Study, path: Path) -> bool:
    single = [v for v in study.variants if len(v.methods) < 2]
    kept = {v: there for v in single if (there := study.sample_of(v).get("weights"))}
    shown = dict([*kept.items()][:PANELS])
    if shown:
        with _save(path, 11, 4.2) as drawn:
            left, right = drawn.subplots(1, 2)
            weights.histograms(left, shown)
            weights.norms(right, {v: study.curves_of(v) for v in shown})
            weights.legend(drawn, left)
            if len(kept) > PANELS:
                drawn.supxlabel(f"The first {PANELS} of {len(kept)} variants.", x=0.01, ha="left", fontsize=9)
    return bool(shown)


def _reliability(study: Study, path: Path) -> bool:
    found = {v: [r["calibration"] for r in study.outcomes_of(v) if r.get("calibration")] for v in paneled_of(study)}
    shown = {v: bins for v, bins in found.items() if bins}
    if shown:
        columns = min(4, len(shown))
        rows = math.ceil(len(shown) / columns)
        with _save(path, 0.6 + 2.9 * columns, 0.4 + 3.1 * rows) as drawn:
            note_panels_left_out(drawn, study)
            panels = list(drawn.subplots(rows, columns, squeeze=False).flat)
            for axes, (variant, bins) in zip(panels, shown.items(), strict=False):
                reliability.reliability(axes, variant, bins)
            label_outer(panels[: len(shown)], columns)
            for axes in panels[len(shown) :]:
                axes.set_axis_off()
    return bool(shown)


def _cocktail(study: Study, path: Path) -> bool:
    mixed = any(len(v.methods) > 1 for v in study.variants)
    shown: list[Variant] = best_first(study)[:PANELS]
    if mixed and shown:
        with _save(path, 2.5 + 0.5 * len(shown), 3.4 + 0.34 * len(study.colours)) as drawn:
            top, below = drawn.subplots(2, 1, sharex=True, height_ratios=[2, 0.2 * len(study.colours) + 0.3])
            cocktail.scores(top, {v: study.values(v) for v in shown}, study.metric)
            cocktail.composition(below, shown, study.colours)
    return mixed and bool(shown)


def _stopping(study: Study, path: Path) -> bool:
    from regab.analysis.stopping import stopping

    if not study.options.stopping:
        return False
    table = stopping(study.results, study.metric)
    write_atomically(path.parent.parent / "stopping.csv", table.to_csv(index=False))
    shown = [v for v in paneled_of(study) if (table["variant"] == v.name).any()]
    columns = min(4, len(shown))
    rows = math.ceil(len(shown) / columns)
    with _save(path, 1.6 + 3.4 * columns, 0.9 + 2.9 * rows) as drawn:
        panels = list(drawn.subplots(rows, columns, squeeze=False).flat)
        for axes, variant in zip(panels, shown, strict=False):
            fits.stopping_rules(axes, table[table["variant"] == variant.name], study.metric)
            axes.set_title(label(variant.short).replace(", ", "\n"), fontsize=9, color=variant.colour)
        for axes in panels[len(shown) :]:
            axes.set_axis_off()
        label_outer(panels[: len(shown)], columns, ticks=False)
        panels[0].legend(fontsize=8)
        note_panels_left_out(drawn, study)
    return True


FIGURES: dict[str, tuple[str, Draw]] = {
    "forest": ("Differences to the baseline in {metric}, with 95 % intervals", _forest),
    "strength": ("{metric} by strength, other methods as in the baseline", _strengths),
    "interactions": ("What two methods do together beyond the sum of what each does alone, in {metric}", _interactions),
    "curves": ("Loss on training and validation data; thin: single runs, band: ± one standard deviation", _curves),
    "gap": ("Generalization gap: validation loss − training loss", _gaps),
    "cost": ("What a run costs and what it gives, in {metric}", _costs),
    "reliability": (
        "Calibration: accuracy by confidence; below the diagonal a model is too sure of itself",
        _reliability,
    ),
    "weights": ("Weights of one run per method, and their norm by epoch", _weights),
    "stopping": ("What rules of early stopping would have saved, and cost in {metric}, after the fact", _stopping),
    "cocktail": ("Which methods the best variants consist of, and their {metric}", _cocktail),
}
