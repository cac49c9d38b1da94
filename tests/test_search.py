"""What other sweepers of Hydra's are told, and what they cannot search by."""

import math
import sys

import pytest
from omegaconf import OmegaConf

from regab.command.search import Searched, objective
from regab.errors import UsageError

SCRIPT = {"script": {}, "headline": None, "metrics": {}}


def refused(config, direction):
    """Why a sweeper that goes in a direction is refused; empty, if it is not."""
    hydra = {"sweeper": {"direction": direction}, "runtime": {"choices": {"hydra/sweeper": "optuna"}}}
    try:
        Searched().on_multirun_start(OmegaConf.create(config | {"hydra": hydra}))
    except SystemExit as stop:
        return str(stop.code) if isinstance(stop.code, UsageError) else "ended"
    return ""


def test_a_search_that_would_go_the_wrong_way_is_refused(small):
    assert refused(small(), None) == ""
    assert refused(small(), "minimize") == ""
    assert refused(small(), "maximize") == (
        "hydra.sweeper.direction=maximize: hydra/sweeper=optuna goes by val_loss, of which less is better; "
        "use hydra.sweeper.direction=minimize"
    )
    assert "use hydra.sweeper.direction=maximize" in refused(SCRIPT | {"headline": "test_accuracy"}, "minimize")
    own = SCRIPT | {"headline": "bleu", "metrics": {"bleu": {"direction": "up"}}}
    assert refused(own, "maximize") == ""


def test_a_search_needs_something_to_go_by(small):
    assert refused(small({"data.val_fraction": 0.0}), "minimize") == (
        "data.val_fraction=0: hydra/sweeper=optuna goes by val_loss, so there must be validation data"
    )
    assert "name it, as in headline=val_loss" in refused(SCRIPT, "minimize")


def test_a_sweeper_is_told_the_validation_loss_or_what_a_script_names():
    selected = {"val_loss": 0.25, "test_accuracy": 0.75, "auroc": 0.5}
    assert objective({}, {"selected": selected}) == 0.25
    assert objective(SCRIPT | {"headline": "accuracy"}, {"selected": selected}) == 0.75
    assert objective(SCRIPT | {"headline": "auroc"}, {"selected": selected}) == 0.5
    assert math.isnan(objective(SCRIPT | {"headline": "bleu"}, {"selected": selected}))
    assert math.isnan(objective({}, {"selected": {"val_loss": None}}))


@pytest.mark.slow
def test_another_sweeper_trains_by_a_script_and_ends_with_the_report(regab, tmp_path):
    (tmp_path / "half.py").write_text(
        'import sys\nopen("result.json", "w").write(f\'{{"accuracy": {sys.argv[1]}}}\')\n'
    )
    words = ["-m", f"script={sys.executable} half.py {{alpha}}", "alpha=0.25,0.5", "hydra/sweeper=basic"]
    sweep = regab("train", *words)
    assert sweep.code == 0, sweep.err
    assert (sweep.folder / "report.html").exists()
