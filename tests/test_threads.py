"""How many threads train a run, who says so, and that its numbers follow from their number alone."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import torch

from regab.cli import _wait_briefly
from regab.config import Run
from regab.sweep.preview import idle_words
from regab.training.assembly.facts import Facts
from regab.workers.plan import gains_from_threads, make_plan
from tests.conftest import SMALL, python
from tests.processes import run

CNN = ("data.n_train=32", "epochs=1", "curves=false", "model=cnn", "model.channels=[4]", "model.widths=[8]")
LARGE = Facts(flops=8 * 10**7, n_train=10**4, n_evaluated=10**4, bytes=10**8)  # a ResNet of depth 20 for 32×32 pixels


def threads(folder):
    return json.loads((folder / "result.json").read_text())["threads"]


@pytest.fixture
def cores(monkeypatch):
    """A machine of three cores, and nobody who says how many of them are to be taken."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("regab.workers.trainer.cores", lambda: 3)


@pytest.mark.parametrize(
    ("word", "environment", "expected"),
    [("auto", "", 3), ("auto", "1", 1), ("auto", "2,4", 2), ("auto", "0", 3), ("auto", "x", 3), ("2", "1", 2)],
)
def test_a_single_run_takes_the_threads_asked_for_else_all_cores(
    regab, cores, monkeypatch, word, environment, expected
):
    monkeypatch.setenv("OMP_NUM_THREADS", environment)
    before = torch.get_num_threads()
    assert threads(regab("train", *CNN, f"stack.threads={word}").folder) == expected
    assert torch.get_num_threads() == before


def test_what_is_trained_in_one_batch_has_one_thread(regab, cores):
    assert threads(regab("train", *SMALL, "stack.threads=3").folder) == 1


def test_a_run_in_a_sweep_is_the_same_by_itself_with_as_many_threads(regab):
    swept = regab("train", "-m", *CNN, "seed=0,1", "stack.size=1", "stack.workers=0", "stack.threads=2").folder
    alone = regab("train", *CNN, "seed=1", "stack.threads=2").folder
    (other,) = [file.parent for file in swept.glob("seed=1*/model.pt")]
    assert threads(other) == threads(alone) == 2
    weights = [torch.load(folder / "model.pt", weights_only=True) for folder in (alone, other)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


@pytest.mark.slow
def test_a_worker_has_the_threads_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ("train", "-m", *CNN, "seed=0,1", "stack.workers=1", "stack.threads=2")
    command = python("-m", "regab", *words, "hydra.sweep.dir=here")
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (done.returncode, "on 1 worker:" in done.stdout) == (0, True), done.stderr
    assert [threads(file.parent) for file in tmp_path.glob("here/*/result.json")] == [2, 2]
    torch.randn(10**6).exp()  # threads of this process, which a fork of it does not have
    code, out, err = run(*words, "hydra.sweep.dir=there")
    assert (code, "stack.threads=2: workers have one here" in out) == (0, True), err
    assert [threads(file.parent) for file in tmp_path.glob("there/*/result.json")] == [1, 1]


@pytest.mark.parametrize(("asked", "workers"), [("auto", 8), ("3", 2), ("9", 1)])
def test_a_sweep_has_workers_for_all_cores(regab, monkeypatch, asked, workers):
    monkeypatch.setattr("regab.sweep.sweep.cores", lambda: 8)
    words = ("data.n_train=60", "model=resnet", "model.width=4", f"seed={','.join(map(str, range(9)))}")
    done = regab("train", "-m", *words, f"stack.threads={asked}", "--dry-run")
    assert f"on {workers} worker{'s' * (workers > 1)}: " in done.out
    assert "stack.threads" not in done.out


def planned(small, count, **values):
    runs = [Run(small({"seed": seed} | values), Path(), {}) for seed in range(count)]
    facts = {run.structure: LARGE for run in runs}
    return make_plan(runs, facts, workers=16), facts


def test_fewer_runs_than_cores_are_told_how_to_take_them(small):
    assert idle_words(*planned(small, 3), 16) == "; stack.threads=5 would train each run on 5 cores"
    assert idle_words(*planned(small, 9), 16) == ""
    assert idle_words(*planned(small, 3, **{"stack.threads": 2}), 16) == ""
    assert idle_words(*planned(small, 3, **{"stack.workers": 2}), 16) == ""
    assert idle_words(make_plan([], {}, workers=16), {}, 16) == ""


@pytest.mark.parametrize(
    ("change", "gains"),
    [
        ({}, True),
        ({"stacked": True}, False),
        ({"device": "cuda"}, False),
        ({"flops": 10**6}, False),
        ({"n_train": 2}, False),
    ],
)
def test_long_steps_gain_from_threads(small, change, gains):
    run = Run(small(), Path(), {})
    facts = Facts(**vars(LARGE) | change)
    assert gains_from_threads(run, {run.structure: facts}) is gains


def test_threads_wait_briefly_unless_the_user_says_otherwise(monkeypatch):
    for given, expected in (({}, "10000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, None)):
        for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
            monkeypatch.delenv(name, raising=False)
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        _wait_briefly()
        assert os.environ.get("GOMP_SPINCOUNT") == expected
