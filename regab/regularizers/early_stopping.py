"""Early stopping."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from regab.fields import choice, number, strength
from regab.regularizers.base import Regularizer


@dataclass
class EarlyStopping(Regularizer):
    """Stop after ``patience`` epochs without improvement, and select the best epoch so far.

    An epoch improves if its monitored value beats the best one by more than ``min_delta`` (so a tie does not); counting
    begins with epoch 1. The selected epoch is the last that improved, whether or not training was stopped; the last
    epoch is reported too. ``monitor``: ``val_loss`` or ``val_rmse`` (downwards), ``val_accuracy`` or ``val_r2``
    (upwards).
    Range: patience in [1, inf] epochs, min_delta in [0, inf). Neutral: patience inf, where the last epoch is selected.
    Helps every model that overfits in time, and saves that time; needs validation data. Costs nothing.
    Paper: Prechelt 1998, "Early stopping - but when?"; Morgan & Bourlard 1990, NeurIPS.
    """

    patience: float = strength(float("inf"), "[1, inf]")
    min_delta: float = number(0.0, "[0, inf)")
    monitor: str = choice("val_loss", "val_accuracy", "val_rmse", "val_r2")

    def stopped(self, history: dict[str, Any]) -> tuple[Any, Any]:
        sign = -1.0 if self.monitor in ("val_accuracy", "val_r2") else 1.0
        curve = sign * np.asarray(history[self.monitor], dtype=float)  # [epochs + 1, V], smaller is better
        patience, min_delta = np.asarray(self.patience), np.asarray(self.min_delta)
        best, selected = curve[1], np.ones(curve.shape[1], dtype=int)
        for epoch in range(2, len(curve)):
            better = curve[epoch] < best - min_delta
            best = np.where(better, curve[epoch], best)
            selected = np.where(better, epoch, selected)
        active = np.isfinite(patience)
        last = len(curve) - 1
        return np.where(active, selected, last), active & (last - selected >= patience)
