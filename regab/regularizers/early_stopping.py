"""Early stopping."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from regab.fields import choice, fixed, number, strength
from regab.metrics import measure_of
from regab.metrics.base import Measure
from regab.regularizers.base import Regularizer

Array = np.ndarray


@dataclass
class EarlyStopping(Regularizer):
    """Stop when validation says that it gets no better, and select the best epoch so far.

    An epoch improves if its monitored value beats the best one by more than ``min_delta`` (so a tie does not); counting
    begins with epoch 1. The selected epoch is the last that improved, whether or not training was stopped; the last
    epoch is reported too. ``monitor``: ``val_loss`` or another metric of validation data, such as ``val_accuracy``;
    which way is better, the metric says. Training stops by ``rule``, E being the monitored value (where more is better,
    its distance from the best there can be: 1 − accuracy), E_opt its minimum so far, F the training loss:

    * ``patience``: after ``patience`` epochs without improvement.
    * ``gl``: when the generalization loss GL = 100·(E / E_opt − 1) exceeds ``threshold`` percent.
    * ``pq``: at the end of a strip of ``strip`` epochs, when GL / P does, with the training progress in the strip
      P = 1000·(mean F / min F − 1): not while training still gets on.
    * ``up``: when E was higher at the end of each of ``threshold`` successive strips than at the end of the one before.

    Range: patience in [1, inf] epochs, min_delta in [0, inf), threshold in (0, inf), strip in [1, inf) epochs. Prechelt
    tried GL of 1 to 5, PQ of 0.5 to 3 and UP of 2 to 8, with strips of 5.
    Neutral: rule patience with patience inf, where the last epoch is selected.
    Helps every model that overfits in time, and saves that time; needs validation data. Costs nothing.
    Interactions: acts much as l2 does (Bishop 1995, ICANN), so with it the best strengths of others are smaller; what
    slows training down (dropout, mixup) wants more patience.
    Paper: Prechelt 1998, "Early stopping - but when?"; Morgan & Bourlard 1990, NeurIPS.
    """

    patience: float = strength(float("inf"), "[1, inf]")
    min_delta: float = number(0.0, "[0, inf)")
    monitor: str = "val_loss"
    rule: str = choice("patience", "gl", "pq", "up", switch=True)
    threshold: float = number(2.0, "(0, inf)")
    strip: int = fixed(5, "[1, inf)")
    measures: ClassVar[Mapping[str, Measure]] = {}  # of an instance: how metrics of the user's own are compared

    def stopped(self, history: dict[str, Any]) -> tuple[Any, Any]:
        best, fires = self.course(history)
        active = np.isfinite(self.patience) | (self.rule != "patience")
        return np.where(active, best[-1], len(best) - 1), active & fires[-1]

    def course(self, history: dict[str, Any]) -> tuple[Array, Array]:
        """For every epoch the best one so far, and whether the rule says stop there: ``[epochs + 1, V]`` each."""
        best = self._best(np.asarray(history[self.monitor], dtype=float))
        epochs = np.arange(len(best))[:, None]
        if self.rule == "patience":
            return best, (epochs - best >= np.asarray(self.patience)) & (epochs > 0)
        error = self._error(history)
        ends = (epochs > 0) & (epochs % self.strip == 0)
        if self.rule == "up":
            return best, ends & (self._rising_strips(error) >= np.asarray(self.threshold))
        loss = _generalization_loss(error)
        if self.rule == "gl":
            return best, loss > np.asarray(self.threshold)
        progress = self._progress(np.asarray(history["train_loss"], dtype=float))
        return best, ends & (_ratio(loss, progress) > np.asarray(self.threshold))

    def _best(self, curve: Array) -> Array:
        sign, min_delta = (-1.0 if self._monitored.upwards else 1.0), np.asarray(self.min_delta)
        curve = np.where(np.isnan(curve), np.inf, sign * curve)  # smaller is better, and no number worst
        best = np.minimum(np.arange(len(curve)), 1)[:, None] * np.ones(curve.shape[1], dtype=int)
        value = curve[min(1, len(curve) - 1)]
        for epoch in range(2, len(curve)):
            better = curve[epoch] < value - min_delta
            value = np.where(better, curve[epoch], value)
            best[epoch] = np.where(better, epoch, best[epoch - 1])
        return best

    def _error(self, history: dict[str, Any]) -> Array:
        curve = np.asarray(history[self.monitor], dtype=float)
        return self._monitored.best - curve if self._monitored.upwards else curve

    @property
    def _monitored(self) -> Measure:
        return measure_of(self.monitor, self.measures)

    def _rising_strips(self, error: Array) -> Array:
        """How many strips in succession ended higher than the one before, the first having none before it."""
        rising = np.zeros(error.shape, dtype=int)
        for end in range(2 * self.strip, len(error), self.strip):
            higher = error[end] > error[end - self.strip]
            rising[end] = np.where(higher, rising[end - self.strip] + 1, 0)
        return rising

    def _progress(self, loss: Array) -> Array:
        """Training progress in permille at the ends of strips, NaN elsewhere."""
        progress = np.full(loss.shape, np.nan)
        for end in range(self.strip, len(loss), self.strip):
            within = loss[end - self.strip + 1 : end + 1]
            progress[end] = 1000 * (_ratio(within.mean(0), within.min(0)) - 1)
        return progress


def _generalization_loss(error: Array) -> Array:
    """In percent above the minimum so far; row 0, the untrained model, takes no part."""
    loss = np.zeros(error.shape)
    loss[1:] = 100 * (_ratio(error[1:], np.fmin.accumulate(error[1:], axis=0)) - 1)
    return loss


def _ratio(a: Array, b: Array) -> Array:
    """a / b: infinite where b alone is 0, and NaN, which exceeds nothing, where both are."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return a / b
