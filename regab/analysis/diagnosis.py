"""In words: does a run overfit?"""

from __future__ import annotations

import numpy as np

from regab.records.columns import cell, score, words

RISE = 0.05  # of the validation loss above its minimum, from which on a run is said to overfit
GAP = 0.05  # between training and validation accuracy or R², from which on it is said to generalize incompletely


def smoothed(curve: np.ndarray, width: int = 5) -> np.ndarray:
    """Running median over ``width`` epochs, narrower towards the ends: what is left when single epochs do not count."""
    half = width // 2
    reach = [min(half, i, len(curve) - 1 - i) for i in range(len(curve))]
    reach[-1] = min(half, len(curve) - 1)  # at the end, look back
    ends = [min(i + r, len(curve) - 1) for i, r in enumerate(reach)]
    return np.array([np.nanmedian(curve[i - r : e + 1]) for i, (r, e) in enumerate(zip(reach, ends, strict=True))])


def overfitting(metrics: dict[str, np.ndarray]) -> str:
    """One sentence from a run's curves (row 0 untrained).

    A run *overfits* where its smoothed validation loss ends more than ``RISE`` above its minimum while its training
    loss fell.
    """
    if len(metrics["epoch"]) < 2 or np.isnan(metrics["val_loss"]).all():
        return "Whether it overfits cannot be said without validation data."
    train, val = smoothed(metrics["train_loss"]), smoothed(metrics["val_loss"])
    best = int(np.nanargmin(val))
    rise = val[-1] / val[best] - 1
    known = score(metrics)
    train_score, val_score = metrics[f"train_{known}"][-1], metrics[f"val_{known}"][-1]
    if rise >= RISE and train[-1] < train[best]:
        return (
            f"It overfits: after epoch {best} the validation loss rose by {rise:.0%}, from {val[best]:.3g} to "
            f"{val[-1]:.3g}, while the training loss fell from {train[best]:.3g} to {train[-1]:.3g}."
        )
    if train_score - val_score >= GAP:
        shown = f"{words(known)} {cell(known, train_score)} against {cell(known, val_score)}"
        return f"It fits the training data better than new data ({shown}), but its validation loss is not rising."
    return "It does not overfit: the validation loss is at or near its minimum at the end."
