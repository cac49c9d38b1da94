"""Going on with a run or a sweep, and adding to it: only what is missing is trained, and the numbers are the same."""

import itertools
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from regab.config import Run
from regab.records.home import home
from regab.records.log import ERROR
from regab.training.assembly.setup import set_up
from regab.training.loop import train
from regab.training.snapshot import restore, take_snapshot
from regab.workers.checkpoints import load, write
from regab.workers.store import Store, describe
from tests.conftest import SMALL, selected_states
from tests.processes import Command, go_on, held, numbers, rows, run, table

SWEEP = ("train", "-m", *SMALL, "reg.dropout=0,0.5")


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def written(root):
    """When each run's files were last written."""
    return {file.parent.name: file.stat().st_mtime_ns for file in Path(root).glob("*/metrics.csv")}


@pytest.mark.slow
def test_three_seeds_extended_to_five_are_the_table_of_five(regab):
    assert regab(*SWEEP, "--seeds", "3", "hydra.sweep.dir=grown").code == 0
    before = written("grown")
    more = regab("train", "--resume", "grown", "--seeds", "5")
    assert "10 runs; 6 done already; 4 to train" in more.out
    assert before.items() <= written("grown").items()
    assert regab(*SWEEP, "--seeds", "5", "hydra.sweep.dir=at_once").code == 0
    assert table(Path("grown")) == table(Path("at_once"))
    assert numbers(Path("grown")) == numbers(Path("at_once"))


@pytest.mark.slow
def test_added_levels_and_factors_give_the_table_of_all_at_once(regab):
    assert regab(*SWEEP, "seed=0,1", "hydra.sweep.dir=grown").code == 0
    before = written("grown")
    more = ("reg.dropout=0,0.2,0.5", "reg.l2=0,1e-3")
    assert "12 runs; 4 done already; 8 to train" in regab("train", "--resume", "grown", *more).out
    assert before.items() <= written("grown").items()
    assert regab(*SWEEP, *more, "seed=0,1", "hydra.sweep.dir=at_once").code == 0
    assert sorted(map(str, table(Path("grown"), ("folder",)))) == sorted(map(str, table(Path("at_once"), ("folder",))))


@pytest.mark.slow
def test_what_was_asked_for_earlier_stays_in_the_table(regab):
    assert regab(*SWEEP, "seed=0,1", "hydra.sweep.dir=here").code == 0
    assert "1 runs; 1 done already" in regab("train", "--resume", "here", "seed=1", "reg.dropout=0.5").out
    assert len(table(Path("here"))) == 4


@pytest.mark.slow
def test_runs_that_failed_are_retried_and_no_others(regab):
    assert regab(*SWEEP[:-1], "optimizer.lr=1e-3,1e20", "hydra.sweep.dir=here").code == 1
    before = written("here")
    again = regab("train", "--resume", "here")
    assert again.code == 1
    assert "2 runs; 1 done already; 1 to train" in again.out
    assert sum(written("here")[name] == time for name, time in before.items()) == 1
    assert [row["status"] for row in table(Path("here"))] == ["finished", "failed"]


LONG = ("train", *SMALL[:3], "batch_size=32", "epochs=12", "curves=false", "stack.checkpoint=0", "hydra.run.dir=here")


@pytest.mark.parametrize("number", [pytest.param(signal.SIGKILL, marks=pytest.mark.slow), signal.SIGTERM])
def test_a_single_run_goes_on_where_it_was_stopped(number):
    command = Command(*LONG, before=held).until(lambda: list(Path("here").glob(".regab/checkpoints/*.json")))
    os.kill(command.pid, number)
    command.until(lambda: "interrupt again" in command.files[1].read_text())
    go_on()
    code, _, err = command.end()
    assert code == (-number if number == signal.SIGKILL else 128 + number)
    assert number == signal.SIGKILL or err.endswith("go on with: regab train --resume here\n")
    assert len(rows(Path("here/metrics.csv"))) < 13
    code, _, err = run("train", "--resume", "here")
    assert (code, err) == (0, "")
    assert run(*LONG[:-1], "hydra.run.dir=at_once")[0] == 0
    a, b = ([{**row, "seconds": ""} for row in rows(Path(root) / "metrics.csv")] for root in ("here", "at_once"))
    assert a == b


def test_a_finished_run_is_not_trained_again_and_not_overwritten(regab):
    words = ("train", *SMALL, "curves=false", "hydra.run.dir=here")
    assert regab(*words).code == 0
    before = Path("here/metrics.csv").stat().st_mtime_ns
    assert regab("train", "--resume", "here").code == 0
    other = regab("train", "--resume", "here", "epochs=3")
    assert other.err == "regab: hydra.run.dir=here: holds a finished run of other settings; choose another folder\n"
    assert other.code == 2
    assert Path("here/metrics.csv").stat().st_mtime_ns == before


def test_a_folder_that_is_none_of_ours_is_refused(regab):
    assert regab("train", "--resume", "nowhere").err == (
        "regab: --resume nowhere: not a folder that regab train has written to\n"
    )


def test_a_run_of_a_sweep_goes_on_with_the_sweep(regab, small, tmp_path):
    runs = [Run(small({"seed": s}), tmp_path / "its sweep" / f"run{s}", {"seed": f"{s}"}) for s in (0, 1)]
    for each in runs:
        describe(each)
        each.folder.joinpath(ERROR).write_text("diverged\n")
    store = Store(tmp_path / "its sweep")
    store.hidden.mkdir()
    store.place(runs)
    cure = "regab train --resume 'its sweep'\n"
    refused = "--resume its sweep/run0: is a run of a sweep, which goes on as a whole"
    assert regab("train", "--resume", "its sweep/run0").err == f"regab: {refused}: {cure}"
    assert regab("report", "its sweep/run1").err.endswith(f"the run failed: diverged; go on with: {cure}")
    assert regab("show", "its sweep/run1").out.endswith(f"1 failed; go on with: {cure}")
    assert home(Path("its sweep/run0/..")) == Path("its sweep/run0/..")
    os.chdir("its sweep/run0")
    assert home(Path()) == tmp_path / "its sweep"
    assert home(Path("..")) == Path("..")


def test_a_folder_that_cannot_be_made_is_named(regab):
    Path("file").touch()
    refused = regab("train", *SMALL, "hydra.run.dir=file/run")
    assert (refused.code, refused.err) == (1, "regab: file/run: cannot be written (Not a directory)\n")


METHODS = [
    {"optimizer.lr": 0.02, "reg.dropout.rate": 0.3, "reg.norm.kind": "batch", "reg.label_smoothing.strength": 0.1},
    {"reg.early_stopping.patience": 2.0, "optimizer.lr": 0.1},
    {"reg.l1.strength": 1e-3, "reg.weight_decay.strength": 0.1, "data.label_noise": 0.2},
]


# plateau lowers the rate after epochs 3 and 5: what it knows in between decides on the second time
SCHEDULES = {
    "cosine": [],
    "plateau": ["schedule.patience=1", "schedule.threshold=0.9", "schedule.shrink=0.5"],
    "one_cycle": [],
}


# Every optimizer with every schedule, each with every method once; the other pairs are slow.
PAIRS = [("adam", "cosine", 0), ("adam", "plateau", 1), ("adam", "one_cycle", 2)]
PAIRS += [("sgd", "cosine", 1), ("sgd", "plateau", 2), ("sgd", "one_cycle", 0)]
OTHERS = [case for case in itertools.product(("adam", "sgd"), SCHEDULES, range(len(METHODS))) if case not in PAIRS]


@pytest.mark.parametrize(
    ("optimizer", "schedule", "method"), [*PAIRS, *(pytest.param(*case, marks=pytest.mark.slow) for case in OTHERS)]
)
def test_a_stack_taken_up_from_a_file_has_the_numbers_of_one_that_never_stopped(
    configure, tmp_path, optimizer, schedule, method
):
    base = [f"{key}={value}" for key, value in METHODS[method].items()] + SCHEDULES[schedule]
    words = (*SMALL[:3], "batch_size=32", "epochs=6", f"optimizer={optimizer}", f"schedule={schedule}", *base)
    configs = [configure(*words, f"seed={seed}") for seed in range(3)]
    whole, broken = recorded(set_up(configs)), recorded(set_up(configs), until=3)
    write(tmp_path / "snapshot.pt", take_snapshot(broken[0]))
    left = [c for c, on in zip(configs, broken[0].watch.running, strict=True) if on]
    second = set_up(left)
    restore(second, load(tmp_path / "snapshot.pt", second.ids))
    after = recorded(second)
    assert left
    for index, run_id in enumerate(second.ids):
        rows_whole = whole[1][run_id]
        assert [*broken[1][run_id], *after[1][run_id]] == rows_whole
        (before,) = selected_states(whole[0], [whole[0].ids.index(run_id)])
        (now,) = selected_states(after[0], [index])
        assert all(torch.equal(before[name], now[name]) for name in before)


def recorded(training, until=None):
    """Train, up to an epoch perhaps; the training and every run's rows without times."""
    curves = {i: [] for i in training.ids}
    for records in train(training):
        for record in records:
            values = {k: np.float64(v).tobytes() for k, v in record.values.items() if k != "seconds"}
            curves[training.ids[record.run]].append((values, record.selected, record.ended))
        if until is not None and training.epoch == until:
            break
    return training, curves
