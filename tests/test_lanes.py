"""Lanes of a stack that no run has, as on a GPU, where stacks have few sizes: nobody sees anything of them."""

import copy
import json
from pathlib import Path

import pytest
import torch

from regab.stacking import lanes_for
from regab.training.assembly.setup import set_up
from regab.training.calibration import calibration
from regab.training.loop import train
from regab.training.snapshot import restore, take_snapshot
from regab.workers import trainer
from tests.conftest import SMALL, selected_states
from tests.processes import numbers

MODULES = ("training.assembly.setup", "workers.trainer")


@pytest.fixture
def few_sizes(monkeypatch):
    """Stacks have the sizes that they have on a GPU."""
    for module in MODULES:
        monkeypatch.setattr(f"regab.{module}.lanes_for", lambda runs, device: lanes_for(runs, "cuda"))


def trained_by(configs, snapshot=None):
    """The size of a stack, what is found of its runs, but for times, and what it is after its second epoch."""
    trained, found = set_up(configs), []
    if snapshot:
        restore(trained, snapshot)
    for records in train(trained):
        found += [(configs[r.run]["seed"], r.values | {"seconds": 0}, r.selected, r.ended) for r in records]
        if trained.epoch == 2:
            snapshot = copy.deepcopy(take_snapshot(trained))
    states = list(selected_states(trained, [*range(len(configs))]))
    return trained.stack.size, found, states, calibration(trained, [*range(len(configs))]), snapshot


@pytest.fixture
def configs(configure):
    words = (*SMALL, "epochs=4", "reg.ema.beta=0.5", "reg.norm=batch", "schedule=plateau", "schedule.patience=0")
    return [configure(*words, f"seed={s}", f"optimizer.lr={0.1 / (s + 1)}", f"reg.dropout={s / 9}") for s in range(5)]


def test_runs_are_what_they_are_without_such_lanes(configs, request):
    size, found, states, sure, _ = trained_by(configs)
    request.getfixturevalue("few_sizes")
    size_here, found_here, states_here, sure_here, snapshot = trained_by(configs)
    assert (size, size_here) == (5, 8)
    assert found_here == found
    assert sure_here == sure
    for ours, theirs in zip(states_here, states, strict=True):
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    for few in (configs, configs[1:4], configs[4:]):  # to 8, 4 and 1 lanes
        went_on = trained_by(few, snapshot)[1]
        seeds = [config["seed"] for config in few]
        assert went_on == [record for record in found if record[1]["epoch"] > 2 and record[0] in seeds]


@pytest.mark.slow
def test_a_sweep_whose_stacks_become_smaller_is_the_same(regab, monkeypatch, request):
    sizes = []

    def noted(*given):
        sizes.append((trained := set_up(*given)).stack.size)
        return trained

    monkeypatch.setattr(trainer, "set_up", noted)
    words = ("train", "-m", *SMALL, "epochs=12", "optimizer.lr=0.2", "schedule=constant", "reg.early_stopping=1")
    words += ("seed=0,1,2,3,4", "stack.workers=0", "curves=false")
    assert regab(*words, "hydra.sweep.dir=without").code == 0
    sizes.clear()
    request.getfixturevalue("few_sizes")
    assert regab(*words, "hydra.sweep.dir=padded").code == 0
    assert sizes[0] == 8
    assert len(sizes) > 1
    assert sizes == sorted(set(sizes), reverse=True)
    assert {json.loads(file.read_text())["stack_size"] for file in Path("padded").glob("*/result.json")} == {5}
    assert numbers(Path("padded")) == numbers(Path("without"))
