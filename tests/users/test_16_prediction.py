"""Use 16: somebody uses the trained model on new rows, in another process and without the training data."""

import subprocess

import numpy as np
import pandas as pd
import pytest

from tests.conftest import python

pytestmark = pytest.mark.slow


def test_new_rows_are_predicted_from_the_best_variant_of_a_sweep(regab, tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"size": rng.normal(5, 2, 300), "city": rng.choice(["Rome", "Oslo", "Bonn"], 300)})
    table["price"] = np.where((table["size"] > 5) ^ (table["city"] == "Oslo"), "high", "low")
    table.iloc[:250].to_csv(tmp_path / "old.csv", index=False)
    table.iloc[250:].to_csv(tmp_path / "new.csv", index=False)
    words = ("data=csv", "data.path=old.csv", "data.label=price", "model=tabular_mlp", "epochs=30", "device=cpu")
    done = regab("train", "-m", *words, "reg.norm=none,batch", "optimizer.lr=0.01", "seed=0,1")
    assert done.code == 0, done.err
    (tmp_path / "old.csv").unlink()
    (tmp_path / "unlabelled.csv").write_text(table.iloc[250:].drop(columns="price").to_csv(index=False))
    command = python("-m", "regab", "predict", str(done.folder), "unlabelled.csv", "--best")
    said = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    predictions = pd.read_csv(tmp_path / "unlabelled.predictions.csv")
    assert len(predictions) == 50
    share = (predictions["prediction"] == table["price"].iloc[250:].to_numpy()).mean()
    assert share > 0.8
