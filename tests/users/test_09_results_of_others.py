"""Use 9: somebody has results already, in a table of their own or in the folders of another library."""

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
RUNS = [
    {"dropout": rate, "wd": wd, "seed": seed, "val/acc": 0.9 + 0.02 * (rate > 0) + RNG.normal(0, 0.003)}
    for rate in (0.0, 0.5)
    for wd in (0.0, 1e-4)
    for seed in range(5)
]


def test_a_table_of_their_own_gets_the_full_report(regab, tmp_path):
    pd.DataFrame(RUNS).to_csv(tmp_path / "runs.csv", index=False)
    done = regab("report", str(tmp_path / "runs.csv"))
    assert done.code == 0, done.err
    first = next(line for line in done.out.splitlines() if line.startswith("dropout=0.5"))
    assert "helps" in first
    assert "in all 2 settings of the others" in first
    assert list(tmp_path.rglob("report.html"))


def test_the_folders_of_lightnings_logger_are_read_as_they_lie(regab, tmp_path):
    for i, run in enumerate(RUNS):
        folder = tmp_path / "lightning_logs" / f"version_{i}"
        folder.mkdir(parents=True)
        (folder / "hparams.yaml").write_text(f"dropout: {run['dropout']}\nwd: {run['wd']}\nseed: {run['seed']}\n")
        rows = [
            {"epoch": e, "step": 10 * e, "val_acc": run["val/acc"] - 0.1 / (e + 1), "train_loss": 1 / (e + 1)}
            for e in range(4)
        ]
        pd.DataFrame(rows).to_csv(folder / "metrics.csv", index=False)
    done = regab("report", str(tmp_path / "lightning_logs"), "--metric", "val_acc")
    assert done.code == 0, done.err
    assert "dropout=0.5" in done.out
    assert "helps" in done.out
