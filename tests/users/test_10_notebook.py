"""Use 10: somebody works in a notebook, with a model of their own in a cell, and wants tables and figures back."""

import pytest

import regab as api

pytestmark = pytest.mark.slow


def test_a_sweep_from_python_gives_tables_figures_and_errors_that_can_be_caught(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sweep = api.sweep(
        {"data": "iris", "model": "mlp", "model.widths": [[16]], "epochs": 4, "reg.dropout": [0, 0.5], "device": "cpu"},
        seeds=3,
    )
    assert len(sweep.runs) == len(sweep.results) == 6
    assert sweep.compare()["verdict"].tolist()[0] == "baseline"
    assert sweep.factors()["n"].tolist() == [3]
    assert "<table" in sweep._repr_html_()
    axes = sweep.plot.forest()
    assert axes.figure is not None
    with pytest.raises(api.UsageError, match="dropout"):
        api.sweep("data=iris reg.dropout=0,2", seeds=2)
    again = api.load(sweep.folder)
    assert again.results.equals(sweep.results)
    run = api.train("data=iris model=linear epochs=2 device=cpu")
    assert run.result["selected"]["val_loss"] > 0
