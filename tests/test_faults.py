"""Whatever happens to a sweep, going on with it gives the numbers of one that was left in peace."""

import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import SMALL
from tests.processes import Command, alive, children, go_on, held, kill, numbers, run, table

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")

EPOCHS = 12
# Twelve runs in six stacks of three structures: stopping early at different epochs, which makes stacks smaller, batch
# norms with buffers, dropout of its own streams. Saved as often as a hundredth of the time allows.
SWEEP = (
    "train", "-m", *SMALL[:3], "batch_size=32", f"epochs={EPOCHS}", "optimizer.lr=0.05", "schedule=plateau",
    "reg.dropout=0,0.3", "reg.norm=none,batch", "seed=range(3)", "reg.early_stopping=2",
    "stack.size=2", "stack.checkpoint=0", "stack.workers=2",
)  # fmt: skip
HERE = Path("here")
IN_HERE = f"hydra.sweep.dir={HERE}"
GO_ON = ("train", "--resume", str(HERE))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The same sweep, left in peace: its table and its curves."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("undisturbed"))
    try:
        code, _, err = run(*SWEEP, IN_HERE)
        assert code == 0, err
        lengths = {len(rows) for rows in numbers(HERE).values()}
        assert len(lengths) > 2  # runs stop at different epochs, so there is something to lose
        assert len(table(HERE)) == 12
        return table(HERE), numbers(HERE)
    finally:
        os.chdir(before)


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def checkpoints():
    return list(HERE.glob(".regab/checkpoints/*.json"))


def started(before=held):
    """A sweep whose two workers have saved something, have more to do, and wait."""
    return Command(*SWEEP, IN_HERE, before=before).until(lambda: len(checkpoints()) == 2)


def assert_as_if_nothing_had_happened(undisturbed):
    code, _, err = run(*GO_ON)
    assert code == 0, err
    assert err == ""
    assert table(HERE) == undisturbed[0]
    assert numbers(HERE) == undisturbed[1]
    assert [f for f in HERE.rglob("*") if f.name.endswith(".partial")] == []
    assert checkpoints() == []


slow = pytest.mark.slow


@pytest.mark.parametrize(
    "victim", [pytest.param("main process", marks=slow), pytest.param("foreman", marks=slow), "worker"]
)
def test_a_killed_process_costs_nothing_but_time(undisturbed, victim):
    command = started()
    pid = {"main process": command.pid, "foreman": command.foreman, "worker": command.workers[0]}[victim]
    ours = [command.pid, command.foreman, *command.workers]
    os.kill(pid, signal.SIGKILL)
    go_on()
    code, _, err = command.end()
    if victim == "worker":
        assert code == 0, err
        assert "a worker was killed by SIGKILL" in (HERE / "sweep.log").read_text()
    else:
        assert code == (-signal.SIGKILL if victim == "main process" else 1)
    if victim == "foreman":
        words = "the training process died (exit code -9); go on with: regab train --resume here"
        assert err == f"regab: {words}\n"
        assert "unfinished" in {row["status"] for row in table(HERE)}
    assert [pid for pid in ours[1:] if alive(pid)] == []
    assert_as_if_nothing_had_happened(undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "everyone"),
    [
        pytest.param(signal.SIGINT, False, marks=slow),
        pytest.param(signal.SIGINT, True, marks=slow),
        pytest.param(signal.SIGTERM, False, marks=slow),
        (signal.SIGTERM, True),
    ],
    ids=["Ctrl-C to the main process", "Ctrl-C to all", "SIGTERM to the main process", "SIGTERM to all"],
)
def test_asked_to_stop_it_finishes_the_epoch_and_says_how_to_go_on(undisturbed, number, everyone):
    command = started(before=lambda: (os.setpgrp(), held()))
    (os.killpg if everyone else os.kill)(command.pid, number)
    command.until(lambda: "interrupt again" in command.files[1].read_text())
    go_on()
    code, _, err = command.end()
    assert code == 128 + number
    assert err == (
        "regab: finishing and saving this epoch; interrupt again to stop at once\n"
        "regab: interrupted; go on with: regab train --resume here\n"
    )
    unfinished = [HERE / row["folder"] for row in table(HERE) if row["status"] == "unfinished"]
    assert unfinished
    begun = {name: len(rows) for name, rows in numbers(HERE).items()}
    saved = [json.loads(file.read_text())["epoch"] for file in checkpoints()]
    assert {begun[run.name] - 1 for run in unfinished if run.name in begun} <= set(saved)  # no epoch is lost
    assert_as_if_nothing_had_happened(undisturbed)
    assert "runs go on after epoch" in (HERE / "sweep.log").read_text()


def test_asked_twice_it_stops_at_once():
    command = Command(*SWEEP, "epochs=100000", "reg.early_stopping=inf", IN_HERE).until(checkpoints)
    for worker in command.workers:
        os.kill(worker, signal.SIGSTOP)  # so that no epoch is ever finished
    os.kill(command.pid, signal.SIGTERM)
    command.until(lambda: "interrupt again" in command.files[1].read_text())
    os.kill(command.pid, signal.SIGTERM)
    code, _, err = command.end()
    assert code == 128 + signal.SIGTERM
    assert err.endswith("regab: interrupted; go on with: regab train --resume here\n")


@slow
def test_killed_at_twenty_random_moments_it_ends_as_if_left_in_peace(undisturbed):
    moments, victims = random.Random(0), [worker_of, main_of, foreman_of] * 7
    while len(victims) > 1:
        command = Command(*(GO_ON if (HERE / ".regab" / "command.json").is_file() else (*SWEEP, IN_HERE)))
        command.until(lambda: victims[-1](command))  # noqa: B023
        time.sleep(moments.uniform(0, 1))
        for pid in victims[-1](command):
            kill(pid)
            victims.pop()
        code, _, err = command.end()
        assert "Traceback" not in err, err
        if code == 0:  # it was done before, or nobody missed a worker
            assert (table(HERE), numbers(HERE)) == undisturbed
            shutil.rmtree(HERE)
    assert run(*SWEEP, IN_HERE)[0] == 0
    assert (table(HERE), numbers(HERE)) == undisturbed


def main_of(command):
    return [command.pid]


def foreman_of(command):
    return children(command.pid)[:1]


def worker_of(command):
    return command.workers[:1]


@slow
def test_a_worker_that_is_killed_again_and_again_costs_only_what_it_trained(undisturbed):
    moments, command = random.Random(1), Command(*SWEEP, IN_HERE)
    for _ in range(20):
        time.sleep(moments.uniform(0, 0.05))
        for pid in command.workers[:1]:
            kill(pid)
    code, _, err = command.end()
    failed = [row for row in table(HERE) if row["status"] == "failed"]
    assert code == bool(failed), err
    assert {row["reason"] for row in failed} <= {f"its worker was killed by SIGKILL, {n} times" for n in range(2, 7)}
    assert_as_if_nothing_had_happened(undisturbed)


DEADLY = """
import multiprocessing, os, signal, torch

class Net(torch.nn.Linear):
    def __init__(self, shape, classes, deadly: int):
        super().__init__(64, classes)
        self.deadly = deadly

    def forward(self, x):
        in_worker = "worker" in multiprocessing.current_process().name  # when it is examined, nothing happens yet
        if in_worker and self.deadly and not os.path.exists("mended"):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(x.flatten(1))
"""


def test_a_run_that_kills_its_worker_is_given_up_and_the_others_finish(monkeypatch):
    Path("deadly_net.py").write_text(DEADLY)
    monkeypatch.syspath_prepend(os.getcwd())
    (HERE / "model").mkdir(parents=True)
    (HERE / "model" / "deadly.yaml").write_text("_target_: deadly_net.Net\ndeadly: 0\n")
    words = ("--config-dir", "here", "model=deadly", "model.deadly=0,1", "data.n_train=100", "epochs=1")
    code, out, err = run("train", "-m", *words, "stack.workers=2", "hydra.sweep.dir=sweep")
    assert code == 1
    assert err == "regab: 1 of 2 runs failed; go on with: regab train --resume sweep\n"
    outcome = [(row["status"], row["reason"]) for row in table(Path("sweep"))]
    killed = ("failed", "its worker was killed by SIGKILL, 2 times")
    assert outcome == [("finished", ""), killed]
    Path("mended").touch()
    code, out, err = run("train", "--resume", "sweep")
    assert code == 0, err
    assert "2 runs; 1 done already; 1 to train" in out
    assert [row["status"] for row in table(Path("sweep"))] == ["finished"] * 2


def full_disk(size):
    """Make the next folder a file system of so many bytes."""
    HERE.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", HERE], capture_output=True)
    if done.returncode:
        pytest.skip("this user may not mount a small file system")


@pytest.fixture
def unmount():
    yield
    subprocess.run(["umount", "-l", HERE], check=True)


@slow
@pytest.mark.parametrize("kilobytes", [4, 16, 100, 200, 300])
def test_a_disk_that_fills_up_is_said_and_when_there_is_room_training_goes_on(undisturbed, request, kilobytes):
    full_disk(kilobytes << 10)
    request.getfixturevalue("unmount")
    code, _, err = run(*SWEEP, IN_HERE)
    assert code == 1
    assert err.startswith("regab: here/")
    assert "cannot be written (No space left on device)" in err
    assert err.count("\n") == 1
    subprocess.run(["mount", "-o", "remount,size=100m", HERE], check=True)
    resume = GO_ON if "--resume" in err else (*SWEEP, IN_HERE)
    assert run(*resume)[0] == 0
    assert_as_if_nothing_had_happened(undisturbed)


@slow
def test_a_disk_that_is_full_before_a_run_begins_is_said(request):
    full_disk(4 << 10)
    request.getfixturevalue("unmount")
    code, _, err = run("train", *SMALL, "hydra.run.dir=here/run")
    assert (code, err) == (1, "regab: here/run: cannot be written (No space left on device)\n")


@slow
@pytest.mark.parametrize("limit", [1000, 8000, 20000])
def test_a_limit_to_the_size_of_files_is_a_disk_that_is_full(undisturbed, limit):
    def quota():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    code, _, err = run(*SWEEP, IN_HERE, before=quota)
    assert code == 1
    assert "cannot be written (File too large)" in err
    assert err.count("\n") == 1
    assert_as_if_nothing_had_happened(undisturbed)


@slow
def test_a_folder_that_is_read_only_or_gone_is_said_in_one_line(request):
    full_disk(1 << 20)
    request.getfixturevalue("unmount")
    subprocess.run(["mount", "-o", "remount,ro", HERE], check=True)
    one = ("train", *SMALL)
    for words in ((*SWEEP, IN_HERE), (*SWEEP, "hydra.sweep.dir=${fresh:here/x}"), (*one, "hydra.run.dir=here/run")):
        code, _, err = run(*words)
        assert err.endswith(" cannot be written (Read-only file system)\n"), err
        assert err.count("\n") == 1
        assert code == 1
    assert list(HERE.iterdir()) == []


def test_a_folder_that_vanishes_ends_the_sweep_in_one_line():
    command = Command(*SWEEP, "epochs=100000", "reg.early_stopping=inf", IN_HERE).until(checkpoints)
    HERE.rename("elsewhere")
    code, _, err = command.end()
    assert code == 1
    assert "cannot be written (No such file or directory)" in err
    assert err.count("\n") == 1


def truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path):
    path.write_bytes(b"")


def garbage(path):
    path.write_bytes(bytes(range(256)))


def of_another_kind(path):
    path.write_text("[1]")


def another_digit(path):
    """What no reader of the file alone would notice."""
    content = path.read_bytes()
    place = [*re.finditer(rb"[1-8]", content)][-1]
    path.write_bytes(content[: place.start()] + b"%d" % (int(place[0]) + 1) + content[place.end() :])


DAMAGES = [truncated, emptied, garbage, of_another_kind]


@pytest.mark.parametrize(
    ("files", "damage"),
    [
        pytest.param("*/result.json", truncated, marks=slow),
        *[
            pytest.param(files, damage, marks=slow)
            for files in (".regab/checkpoints/*", "*/metrics.csv", ".regab/runs.json", "results.csv", "[!.]*/*")
            for damage in DAMAGES
        ],
        *[pytest.param(files, another_digit, marks=slow) for files in (".regab/checkpoints/*.pt", "*/.hydra/*")],
    ],
)
def test_damaged_files_are_made_again(undisturbed, files, damage):
    results = str(HERE / "*" / "result.json")
    command = Command(*SWEEP, IN_HERE, before=lambda: held(results)).until(lambda: [*Path().glob(results)])
    others = [pid for foreman in children(command.pid) for pid in (foreman, *children(foreman))]
    os.kill(command.pid, signal.SIGKILL)
    assert [pid for pid in others if alive(pid)] == []  # who still writes would rename what is being damaged
    found = [file for file in HERE.glob(files) if file.is_file()]
    for file in found:
        damage(file)
    assert_as_if_nothing_had_happened(undisturbed)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_lost_command_is_asked_for(damage):
    (HERE / ".regab").mkdir(parents=True)
    command = HERE / ".regab" / "command.json"
    command.write_text(json.dumps({"words": ["-m", "seed=0,1"]}))
    damage(command)
    words = "is damaged; give the whole command and hydra.sweep.dir=here"
    assert run(*GO_ON) == (2, "", f"regab: --resume here: here/.regab/command.json {words}\n")


@pytest.mark.slow
def test_a_second_process_in_the_same_folder_is_told_who_is_there(undisturbed):
    command = started()
    code, out, err = run(*SWEEP, IN_HERE)
    go_on()
    assert (code, out) == (2, "")
    assert err.startswith(f"regab: here: process {command.pid} on ")
    assert err.endswith("waits until it is done\n")
    assert command.end()[0] == 0
    assert table(HERE) == undisturbed[0]
    assert numbers(HERE) == undisturbed[1]


@slow
def test_a_clock_that_jumps_back_disturbs_nothing(undisturbed):
    def jumping():
        now = [2e9]

        def backwards():
            now[0] -= 3600
            return now[0]

        time.time = backwards

    code, _, err = run(*SWEEP, IN_HERE, before=jumping)
    assert (code, err) == (0, "")
    assert table(HERE) == undisturbed[0]
    assert numbers(HERE) == undisturbed[1]


@slow
def test_the_command_itself_can_be_killed_while_it_starts_and_while_it_trains(undisturbed):
    moments = random.Random(2)
    command = [sys.executable, "-m", "regab"]
    for _ in range(5):
        words = GO_ON if (HERE / ".regab" / "command.json").is_file() else (*SWEEP, IN_HERE)
        process = subprocess.Popen([*command, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        time.sleep(moments.uniform(0, 4))
        process.kill()
        assert "Traceback" not in process.communicate()[1]
    words = GO_ON if (HERE / ".regab" / "command.json").is_file() else (*SWEEP, IN_HERE)
    subprocess.run([*command, *words], check=True, capture_output=True)
    assert table(HERE) == undisturbed[0]
    assert numbers(HERE) == undisturbed[1]
