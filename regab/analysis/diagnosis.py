"""In words: does a run overfit?"""

from __future__ import annotations

import numpy as np

RISE = 0.05  # of the validation loss above its minimum, from which on a run is said to overfit
GAP = 0.05  # between training and validation accuracy, from which on it is said to generalize incompletely


def overfitting(metrics: dict[str, np.ndarray]) -> str:
    """One sentence from a run's curves (row 0 untrained).

    A run *overfits* where its validation loss has risen by ``RISE`` above its minimum while its training loss fell.
    """
    train, val = metrics["train_loss"], metrics["val_loss"]
    if len(val) < 2 or np.isnan(val).all():
        return "Whether it overfits cannot be said without validation data."
    best = int(np.nanargmin(val))
    rise = val[-1] / val[best] - 1
    gap = metrics["train_accuracy"][-1] - metrics["val_accuracy"][-1]
    if rise >= RISE and train[-1] < train[best]:
        return (
            f"It overfits: after epoch {best} the validation loss rose by {rise:.0%}, from {val[best]:.3g} to "
            f"{val[-1]:.3g}, while the training loss fell from {train[best]:.3g} to {train[-1]:.3g}."
        )
    if gap >= GAP:
        return (
            f"It fits the training data better than new data (accuracy {metrics['train_accuracy'][-1]:.1%} against "
            f"{metrics['val_accuracy'][-1]:.1%}), but its validation loss is not rising."
        )
    return "It does not overfit: the validation loss is at or near its minimum at the end."
