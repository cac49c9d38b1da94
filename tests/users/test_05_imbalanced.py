"""Use 5: somebody has a table of which one example in thirty is positive, and wants to know whether weights help."""

import csv

import numpy as np
import pytest

pytestmark = pytest.mark.slow


def test_what_weights_do_is_told_by_the_metric_that_fits(regab, tmp_path):
    random = np.random.default_rng(0)
    bought = random.random(2000) < 0.03
    columns = random.normal(size=(2000, 8)) + 0.55 * bought[:, None]
    with (tmp_path / "shop.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([*"abcdefgh", "bought"])
        table.writerows(
            [*map("{:.3f}".format, row), "yes" if b else "no"] for row, b in zip(columns, bought, strict=True)
        )
    sweep = regab(
        *("train", "-m", "data=csv", "data.path=shop.csv", "data.label=bought", "model=mlp", "model.widths=[32]"),
        *("task=classification", "task.class_weights=none,balanced", "epochs=10", "--seeds", "5", "stack.workers=0"),
        "metrics=[balanced_accuracy,accuracy,auroc,average_precision]",
    )
    assert sweep.code == 0, sweep.err
    worth = f"always saying 'no' gets an accuracy of {1 - bought.mean():.1%}"
    assert worth in sweep.out
    assert "test balanced accuracy" in sweep.out
    for metric in ("balanced_accuracy", "auroc", "average_precision"):
        assert "class_weights=balanced  helps" in regab("report", str(sweep.folder), "--metric", metric).out, metric
    by_accuracy = regab("report", str(sweep.folder), "--metric", "accuracy").out
    assert "class_weights=balanced  hurts" in by_accuracy
    assert f"{worth}, so accuracy tells little." in by_accuracy
