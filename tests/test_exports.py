"""Exports of the real libraries, made here by small scripts, give the verdicts of ``compare`` on the same numbers."""

import importlib.util
import os
import subprocess

import pandas as pd
import pytest

from regab.analysis.verdicts.compare import compare
from regab.records.imports.columns import Asked
from regab.records.imports.table import find, imported, known_metrics
from tests.conftest import python
from tests.processes import PATIENCE

pytestmark = pytest.mark.slow

RUNS = """
import itertools, random
random.seed(0)
runs = [(d, s, [0.8 + 0.03 * (d > 0) + random.gauss(0, 0.01) - 0.1 / (e + 1) for e in range(3)])
        for d, s in itertools.product((0.0, 0.5), range(4))]
"""
SCRIPTS = {
    "wandb": """
import wandb
for d, s, accuracies in runs:
    settings = wandb.Settings(silent=True, console="off")
    run = wandb.init(mode="offline", project="p", config={"reg": {"dropout": d}, "seed": s}, settings=settings)
    for a in accuracies:
        run.log({"val/acc": a, "train/loss": 1 - a})
    run.finish()
""",
    "mlflow": """
import mlflow
mlflow.set_tracking_uri("sqlite:///mlflow.db")
for d, s, accuracies in runs:
    with mlflow.start_run():
        mlflow.log_params({"reg.dropout": d, "seed": s, "lr": 0.1})
        for i, a in enumerate(accuracies):
            mlflow.log_metrics({"val_acc": a, "train_loss": 1 - a}, step=i)
mlflow.search_runs().to_csv("mlflow.csv", index=False)
""",
    "lightning": """
from lightning.pytorch.loggers import CSVLogger
for d, s, accuracies in runs:
    logger = CSVLogger(".", name="lightning_logs")
    logger.log_hyperparams({"reg": {"dropout": d}, "seed": s})
    for i, a in enumerate(accuracies):
        logger.log_metrics({"train_loss": 1 - a, "epoch": i}, step=10 * i)
        logger.log_metrics({"val_acc": a, "epoch": i}, step=10 * i)
    logger.save()
""",
    "keras": """
import os
os.environ["KERAS_BACKEND"] = "torch"
import keras
for d, s, accuracies in runs:
    os.makedirs(f"keras/reg.dropout={d},seed={s}")
    log = keras.callbacks.CSVLogger(f"keras/reg.dropout={d},seed={s}/log.csv")
    log.set_model(keras.Sequential([keras.layers.Dense(1)]))
    log.on_train_begin()
    for i, a in enumerate(accuracies):
        log.on_epoch_end(i, {"loss": 1 - a, "val_accuracy": a})
    log.on_train_end()
""",
    "optuna": """
import optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
table = {(d, s): accuracies for d, s, accuracies in runs}
def objective(trial):
    d, s = trial.suggest_categorical("reg.dropout", [0.0, 0.5]), trial.suggest_int("seed", 0, 3)
    for i, a in enumerate(table[d, s]):
        trial.report(a, i)
    return table[d, s][-1]
grid = optuna.samplers.GridSampler({"reg.dropout": [0.0, 0.5], "seed": [0, 1, 2, 3]}, seed=0)
study = optuna.create_study(direction="maximize", storage="sqlite:///optuna.db", sampler=grid)
study.optimize(objective)
study.trials_dataframe().to_csv("optuna.csv", index=False)
""",
}
EXPORTS = [("wandb", "wandb"), ("mlflow", "mlflow.csv"), ("mlflow", "mlflow.db"), ("lightning", "lightning_logs"),
           ("keras", "keras"), ("optuna", "optuna.csv"), ("optuna", "optuna.db")]  # fmt: skip


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """``exported("mlflow")``: the folder in which that library's script has run."""
    done = {}

    def run(library):
        if importlib.util.find_spec(library) is None:
            pytest.skip(f"{library} is not installed (pip install -e '.[exports]')")
        if library not in done:
            done[library] = folder = tmp_path_factory.mktemp(library)
            quiet = {"WANDB_SILENT": "true", "MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONWARNINGS": "ignore"}
            words = python("-c", RUNS + SCRIPTS[library])
            subprocess.run(
                words, cwd=folder, env={**os.environ, **quiet}, check=True, capture_output=True, timeout=PATIENCE
            )
        return done[library]

    return run


def expected():
    values = {}
    exec(RUNS, values)
    rows = [{"reg.dropout": f"{d:g}", "seed": s, "fold": pd.NA, "status": "finished", "selected_val_accuracy": a[-1],
             "folder": ""} for d, s, a in values["runs"]]  # fmt: skip
    return compare(pd.DataFrame(rows).astype({"fold": "Int64"}), metric="val_accuracy")


@pytest.mark.parametrize(("library", "name"), EXPORTS, ids=[name for _, name in EXPORTS])
def test_exports_give_the_verdicts_of_compare(exported, library, name):
    metric = "value" if library == "optuna" else None
    found = imported(find([exported(library) / name]), Asked(metric=metric), known_metrics())
    judged = compare(found.results.rename(columns={"selected_value": "selected_val_accuracy"}), metric="val_accuracy")
    pd.testing.assert_frame_equal(judged, expected(), check_dtype=False)
    if name == "optuna.db":
        assert found.results.attrs["metrics"] == {"value": {"direction": "up"}}
    if not name.endswith(".csv"):
        assert len(found.curves) == 8
        for folder, curve in found.curves.items():
            name = next(c for c in curve if c in ("val_accuracy", "value"))
            last = found.results.set_index("folder").loc[folder, f"last_{name}"]
            assert len(curve) == 3
            assert curve[name].iloc[0] < curve[name].iloc[-1] == last
