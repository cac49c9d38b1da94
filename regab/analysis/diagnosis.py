"""In words: does a run overfit, does a variant, is the baseline too small, is the best strength at the edge?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

import numpy as np

from regab.metrics import Measures
from regab.records.columns import Column, cell, column, score, words

RISE = 0.05  # of the validation loss above its minimum, from which on a run is said to overfit
GAP = 0.05  # between training and validation accuracy (or R²), from which on it is said to generalize incompletely
CLOSED = 0.01  # a gap below which there is nothing for a regularizer to close
FALLING = 0.02  # of the training loss over the last tenth of the epochs, above which training was not over

TOO_MUCH = "The learning rate may be too high, or a method too strong."

Metrics = dict[str, np.ndarray]


def smoothed(curve: np.ndarray, width: int = 5) -> np.ndarray:
    """Running median over ``width`` epochs, narrower towards the ends: what is left when single epochs do not count."""
    half = width // 2
    reach = [min(half, i, len(curve) - 1 - i) for i in range(len(curve))]
    reach[-1] = min(half, len(curve) - 1)  # at the end, look back
    ends = [min(i + r, len(curve) - 1) for i, r in enumerate(reach)]
    windows = np.full((len(curve), width), np.nan)
    for i, (r, e) in enumerate(zip(reach, ends, strict=True)):
        windows[i, : e + 1 - i + r] = curve[i - r : e + 1]
    return _medians(np.sort(windows, 1))  # nanmedian of each by itself: 70 us an epoch


def _medians(windows: np.ndarray) -> np.ndarray:
    """Medians of rows that are sorted, NaN at their ends."""
    known, rows = (~np.isnan(windows)).sum(1), np.arange(len(windows))
    low, high = np.maximum(known - 1, 0) // 2, known // 2
    return np.where(low == high, windows[rows, low], (windows[rows, low] + windows[rows, high]) / 2)


class Fit(NamedTuple):
    """How a run fits training and validation data; losses are smoothed, ``best`` is the epoch of the least validation
    loss, ``falling`` by how much of itself the training loss fell over the last tenth of the epochs.
    """

    overfits: bool
    worsens: bool
    best: int
    rise: float
    gap: float
    ratio: float
    train_score: float
    val_score: float
    falling: float


def fit(metrics: Metrics, own: Measures | None = None) -> Fit | None:
    """From a run's curves (row 0 untrained), with metrics of the user's ``own`` besides; None without validation data,
    or where losses were not kept.

    A run *overfits* where its smoothed validation loss ends more than ``RISE`` above its minimum while its training
    loss fell; it *worsens* where that rose, too.
    """
    if len(metrics["epoch"]) < 2 or any(np.isnan(metrics[name]).all() for name in ("train_loss", "val_loss")):
        return None
    unknown, name = np.array([np.nan]), score(metrics, own)
    train, val = smoothed(metrics["train_loss"]), smoothed(metrics["val_loss"])
    best = int(np.nanargmin(val))
    rise = float(val[-1] / val[best] - 1) if val[best] else np.inf if val[-1] else 0.0
    earlier = train[-1 - max(1, (len(train) - 1) // 10)]
    return Fit(
        overfits=bool(rise >= RISE and train[-1] < train[best]),
        worsens=bool(rise >= RISE and train[-1] > train[best]),
        best=best,
        rise=rise,
        gap=float(val[-1] - train[-1]),
        ratio=float(val[-1] / train[-1]) if train[-1] else np.inf,
        train_score=float(metrics.get(f"train_{name}", unknown)[-1]),
        val_score=float(metrics.get(f"val_{name}", unknown)[-1]),
        falling=float(1 - train[-1] / earlier) if earlier else 0.0,
    )


def _scored(metrics: Metrics, own: Measures | None) -> Column:
    return column(score(metrics, own), own)


def _gap(known: Column, train: float, val: float) -> float:
    """By how much training is better than validation, where the best there can be is 1; else NaN."""
    return train - val if known.measure.upwards and known.measure.best == 1 else np.nan


def _by(rise: float) -> str:
    return f" by {rise:.0%}" if np.isfinite(rise) else ""  # of 0 there is no share


def memorized(train: float, wrong: float) -> str:
    """How many wrong labels a model has learned at least that fits the share ``train`` of training labels, of which the
    share ``wrong`` are wrong: without learning any it could fit 1 − ``wrong``. Empty where it need have learned none.
    """
    learned = train - (1 - wrong)
    if not (wrong > 0 and learned > 0):
        return ""
    return (
        f"fits {train:.1%} of the training labels, of which {wrong:.1%} are wrong, so {1 - wrong:.1%} could be fitted "
        f"honestly: at least {learned / wrong:.0%} of the wrong labels were learned"
    )


def overfitting(metrics: Metrics, own: Measures | None = None, wrong: float = 0.0) -> str:
    """One sentence about a run, from its curves; ``wrong`` is the share of its training labels that are wrong."""
    found, known = fit(metrics, own), _scored(metrics, own)
    if learned := _memorized([metrics], wrong):
        return f"It {learned}."
    if found is None:
        return "Whether it overfits cannot be said without validation data."
    train, val, best = smoothed(metrics["train_loss"]), smoothed(metrics["val_loss"]), found.best
    if found.overfits:
        return (
            f"It overfits: after epoch {best} the validation loss rose{_by(found.rise)}, from {val[best]:.3g} to "
            f"{val[-1]:.3g}, while the training loss fell from {train[best]:.3g} to {train[-1]:.3g}."
        )
    if found.worsens:
        losses = ((name, loss[best], loss[-1]) for name, loss in (("validation", val), ("training", train)))
        rose = " and ".join(f"the {name} loss rose from {first:.3g} to {last:.3g}" for name, first, last in losses)
        return f"It does not overfit, but gets worse on all data: after epoch {best} {rose}. {TOO_MUCH}"
    if _gap(known, found.train_score, found.val_score) >= GAP:
        shown = f"{words(known)} {cell(known, found.train_score)} against {cell(known, found.val_score)}"
        return f"It fits the training data better than new data ({shown}), but its validation loss is not rising."
    return "It does not overfit: the validation loss is at or near its minimum at the end."


def diagnosis(runs: Sequence[Metrics], own: Measures | None = None, wrong: float = 0.0) -> str:
    """What a variant's curves say: medians over its runs, of whose training labels the share ``wrong`` are wrong."""
    found, learned = _generalizing(runs, own), _memorized(runs, wrong)
    if not learned:
        return found
    return f"Memorizes: it {learned}. {found if found.startswith('Overfits') else ''}".strip()


def _memorized(runs: Sequence[Metrics], wrong: float) -> str:
    known = [metrics["train_accuracy"][-1] for metrics in runs if "train_accuracy" in metrics]
    return memorized(float(median(known)), wrong) if wrong and known else ""


def _generalizing(runs: Sequence[Metrics], own: Measures | None) -> str:
    fits = [found for metrics in runs if (found := fit(metrics, own))]
    if not fits:
        return "Whether it overfits cannot be said without validation data."
    known = _scored(runs[0], own)
    bad = [found for found in fits if found.overfits]
    gap, ratio = median(f.gap for f in fits), median(f.ratio for f in fits)
    times = f", {ratio:#.3g} times it" if np.isfinite(ratio) else ""
    loss = f"validation loss {abs(gap):.3g} {'above' if gap >= 0 else 'below'} training loss{times}"
    if bad:
        onset, rise = median(f.best for f in bad), median(f.rise for f in bad)
        often = "" if len(bad) == len(fits) == 1 else f" in {len(bad)} of {len(fits)} runs"
        return f"Overfits{often}: validation loss is lowest at epoch {onset:g} and rises{_by(rise)} after it ({loss})."
    train, val = median(f.train_score for f in fits), median(f.val_score for f in fits)
    shown = f"{words(known)} {cell(known, train)} on training, {cell(known, val)} on validation data"
    if worse := [found for found in fits if found.worsens]:
        onset = median(f.best for f in worse)
        often = "" if len(worse) == len(fits) == 1 else f" in {len(worse)} of {len(fits)} runs"
        return f"Gets worse on all data{often}, validation loss being lowest at epoch {onset:g} ({loss}). {TOO_MUCH}"
    if _gap(known, train, val) >= GAP:
        return f"Fits training data better than new data ({shown}), but its validation loss is not rising ({loss})."
    return f"Does not overfit ({loss})." if np.isnan(train - val) else f"Does not overfit ({shown}; {loss})."


def underfitting(runs: Sequence[Metrics], own: Measures | None = None) -> str:
    """Why regularizing such a baseline can only hurt; empty where there is something to gain.

    It *underfits* where no run overfits and it is not better on training data than on validation data by ``CLOSED``.
    Not to be asked where training labels are wrong on purpose.
    """
    fits = [found for metrics in runs if (found := fit(metrics, own))]
    if not fits or any(f.overfits for f in fits):
        return ""
    known = _scored(runs[0], own)
    train, val = median(f.train_score for f in fits), median(f.val_score for f in fits)
    if not _gap(known, train, val) < CLOSED or train >= 1 - CLOSED:
        return ""
    if any(f.worsens for f in fits):  # which says nothing about the model's size
        return ""
    cure = "train longer" if median(f.falling for f in fits) > FALLING else "take a larger model"
    return (
        f"The baseline underfits: its {words(known)} on training data, {cell(known, train)}, is not above that on "
        f"validation data, {cell(known, val)}. A regularizer has nothing to gain here and can only hurt; {cure} first."
    )


def at_the_edge(key: str, means: Mapping[float, float], off: float | None, upwards: bool) -> str:
    """Whether the best of two or more strengths is the highest or the lowest of them; empty if it is inside.

    ``means`` by strength; ``off`` is the one of them at which the method is absent, beyond which there is nothing.
    """
    best = (max if upwards else min)(means, key=lambda level: means[level])
    tried = sorted(level for level in means if level != off)
    if len(tried) < 2 or best not in (tried[0], tried[-1]):
        return ""
    way, word = ("higher", "highest") if best == tried[-1] else ("lower", "lowest")
    return f"The best {key} is the {word} that was tried, {best:g}: the best of all may be {way}, so widen the range."
