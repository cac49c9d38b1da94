"""How unequal deviations are in real sweeps: twenty seeds each, of different data sets, models and factors.

    python -m tests.benchmarks.real_sweeps FOLDER [DATA]

trains the sweeps below in FOLDER (MNIST and the texts are found under DATA, or left out) and writes
``tests/real_sweeps.csv``: for each variant and metric its mean difference to the baseline, the deviation of its paired
differences, its correlation with the baseline and the kurtosis of the differences. The prior of
``regab.analysis.verdicts.variances`` follows from them: see ``tests.benchmarks.calibration``.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import scipy.stats

from regab.analysis.table import read
from regab.analysis.verdicts.compare import compare, sweep_of

TABLE = Path(__file__).parents[1] / "real_sweeps.csv"
SEEDS = 20
METRICS = ("test_accuracy", "test_rmse", "test_loss")
ONE = "--design=one_at_a_time"

SWEEPS = {
    "digits mlp, dropout and norm": "model=mlp data.n_train=400 epochs=6 reg.dropout=0,0.2,0.5 reg.norm=none,batch",
    "digits mlp, weights": f"model=mlp data.n_train=400 epochs=6 {ONE} reg.l2=0,1e-3,1e-2 reg.weight_decay=0,1"
    " reg.max_norm=inf,1",
    "digits mlp, optimization": "model=mlp data.n_train=400 epochs=6 optimizer.lr=1e-3,3e-3,1e-2 batch_size=32,128",
    "digits linear": f"model=linear data.n_train=400 epochs=6 {ONE} reg.l2=0,1e-2,1e-1 reg.l1=0,1e-3,1e-2",
    "digits cnn": f"model=cnn data.n_train=200 epochs=4 {ONE} reg.dropout=0,0.5 reg.label_smoothing=0,0.1"
    " reg.input_noise=0,0.3 reg.mixup=0,0.4",
    "wine mlp": f"data=wine model=mlp epochs=10 {ONE} reg.dropout=0,0.5 reg.input_noise=0,0.3 reg.weight_decay=0,0.1",
    "breast cancer tabular": f"data=breast_cancer model=tabular_mlp epochs=8 {ONE} reg.dropout=0,0.3"
    " reg.weight_decay=0,0.1 reg.label_smoothing=0,0.1 reg.norm=none,layer",
    "breast cancer mlp, widths": "data=breast_cancer model=mlp epochs=8 model.widths=[8],[64],[64,64] reg.l2=0,1e-2",
    "diabetes mlp": f"data=diabetes model=mlp epochs=10 {ONE} reg.dropout=0,0.2,0.5 reg.l2=0,1e-2 reg.ema=0,0.9",
    "diabetes linear": f"data=diabetes model=linear epochs=10 {ONE} reg.l1=0,1e-2,1e-1 reg.l2=0,1e-1",
    "iris mlp": f"data=iris model=mlp epochs=10 {ONE} reg.weight_noise=0,0.1 reg.gradient_noise=0,0.1"
    " reg.max_norm=inf,1",
    "synthetic mlp, noisy labels": f"data=synthetic model=mlp data.label_noise=0.3 epochs=6 {ONE} reg.dropout=0,0.5"
    " reg.label_smoothing=0,0.2 reg.confidence_penalty=0,0.3 reg.mixup=0,0.4",
    "synthetic regression": f"data=synthetic data.classes=null model=mlp epochs=6 {ONE} reg.dropout=0,0.3"
    " reg.l2=0,1e-3 reg.swa=0,0.5",
}
ELSEWHERE = {
    "mnist mlp": f"data=mnist data.n_train=1000 model=mlp model.widths=[64] epochs=4 {ONE} reg.dropout=0,0.5"
    " reg.norm=none,batch reg.l2=0,1e-3 data.root={data}",
    "sst2 text cnn": f"data=text_csv data.path={{data}}/sst2/train.tsv data.test_path={{data}}/sst2/dev.tsv"
    f" data.n_train=500 model=text_cnn epochs=3 {ONE} reg.dropout=0,0.5 reg.word_dropout=0,0.2"
    " reg.embedding_dropout=0,0.2",
}


def rows_of(name: str, folder: Path) -> pd.DataFrame:
    """What one sweep says of its variants, for each of its metrics."""
    results = read([folder])
    return pd.concat([_rows(name, results, m) for m in METRICS if f"selected_{m}" in results])


def _rows(name: str, results: pd.DataFrame, metric: str) -> pd.DataFrame:
    found, differences = (
        compare(results, metric=metric).iloc[1:],
        sweep_of(results, None, metric, "selected").pairs.values,
    )
    return pd.DataFrame({
        "sweep": name,
        "variant": found["variant"],
        "metric": metric,
        "n": found["n"],
        "mean_difference": found["mean_difference"],
        "deviation": differences.std(axis=1, ddof=1),
        "correlation": found["correlation"],
        "kurtosis": scipy.stats.kurtosis(differences, axis=1, bias=False),
    })  # fmt: skip


def main(folder: Path, data: Path | None) -> None:
    found = []
    for name, words in (SWEEPS | (ELSEWHERE if data else {})).items():
        into = folder / name.replace(" ", "_").replace(",", "")
        if not (into / "effects.csv").is_file():
            command = [
                *words.format(data=data).split(),
                "--seeds",
                str(SEEDS),
                f"hydra.sweep.dir={into}",
                "stack.workers=1",
            ]
            subprocess.run([sys.executable, "-m", "regab", "train", "-m", *command], check=True, capture_output=True)
        found.append(rows_of(name, into))
        print(name, len(found[-1]), flush=True)
    pd.concat(found).to_csv(TABLE, index=False, float_format="%.4g")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
