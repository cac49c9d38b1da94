"""The columns of metrics.csv, in order, and those of them that follow from others."""

import math

COLUMNS = [
    "epoch",
    "step",
    "lr",
    "train_objective",
    "train_loss",
    "train_accuracy",
    "val_loss",
    "val_accuracy",
    "test_loss",
    "test_accuracy",
    "generalization_gap",
    "overfitting_score",
    "l1_norm",
    "l2_norm",
    "regularization_effect",
    "zero_fraction",
    "grad_norm",
    "seconds",
]


def with_derived(values: dict[str, float]) -> dict[str, float]:
    """Add generalization_gap = val_loss - train_loss and overfitting_score = val_loss / train_loss."""
    if "val_loss" not in values:
        return values
    train, val = values["train_loss"], values["val_loss"]
    return values | {
        "generalization_gap": val - train,
        "overfitting_score": val / train if train else math.inf,
    }


def to_row(values: dict[str, float]) -> dict[str, float | None]:
    """All columns in order; None where there is nothing to report (no such data, or nothing trained yet)."""
    complete = with_derived(values)
    return {name: complete.get(name) for name in COLUMNS}
