"""Cross-validation: which examples are held out together."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def held_out_in(y: Tensor, folds: int, seed: int) -> Tensor:
    """For each example the number of the fold that holds it out, ``[N]``; every class is spread evenly over the folds.

    These are scikit-learn's: StratifiedKFold(folds, shuffle=True, random_state=seed) of classes, and of targets that
    are no classes KFold with the same arguments.
    """
    random = np.random.RandomState(seed % 2**32)
    return torch.from_numpy((_plain if y.is_floating_point() else _stratified)(y.numpy(), folds, random))


def _plain(y: np.ndarray, folds: int, random: np.random.RandomState) -> np.ndarray:
    order = np.arange(len(y))
    random.shuffle(order)
    numbers = np.empty(len(y), dtype=np.int64)
    for fold, rows in enumerate(np.array_split(order, folds)):
        numbers[rows] = fold
    return numbers


def _stratified(y: np.ndarray, folds: int, random: np.random.RandomState) -> np.ndarray:
    numbers, dealt = np.empty(len(y), dtype=np.int64), 0
    for label in dict.fromkeys(y.tolist()):  # one class after the other, its examples are dealt to the folds in turn
        rows = np.flatnonzero(y == label)
        own = np.sort((dealt + np.arange(len(rows))) % folds)
        random.shuffle(own)
        numbers[rows] = own
        dealt += len(rows)
    return numbers
