"""Hydra's other launchers train the same runs, with the same folders, identities and numbers."""

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import SMALL
from tests.processes import PATIENCE, children, numbers, table

SWEEP = (
    "train", "-m", *SMALL[:3], "batch_size=32", "epochs=8", "reg.dropout=0,0.3", "reg.norm=none,batch", "seed=0,1,2",
    "reg.early_stopping=3", "stack.size=2", "stack.checkpoint=0",
)  # fmt: skip
SEEDLESS = [word for word in SWEEP if not word.startswith("seed=")]
LAUNCHERS = {
    "joblib": ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2"),
    "submitit_local": ("hydra/launcher=submitit_local",),
    "ray": ("hydra/launcher=ray", "+hydra.launcher.ray.init.num_cpus=2"),
}
MODULES = {"joblib": "hydra_plugins.hydra_joblib_launcher", "submitit_local": "submitit", "ray": "ray"}

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")]

launchers = pytest.mark.parametrize(
    "launcher",
    [
        pytest.param(
            name,
            marks=[
                *([pytest.mark.ray] if name == "ray" else []),
                pytest.mark.skipif(not find_spec(module), reason=f"{name} is not installed"),
            ],
        )
        for name, module in MODULES.items()
    ],
)


def regab(*words):
    """The command itself: launchers start processes that import regab anew."""
    return subprocess.run([sys.executable, "-m", "regab", *words], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def default(tmp_path_factory):
    """The same sweep by regab's own launcher."""
    root = tmp_path_factory.mktemp("default") / "sweep"
    done = regab(*SWEEP, f"hydra.sweep.dir={root}")
    assert done.returncode == 0, done.stderr
    return table(root), numbers(root)


@launchers
def test_a_launcher_gives_the_same_files_and_goes_on_with_what_is_missing(default, launcher, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    there = Path("there")
    done = regab(*SEEDLESS, *LAUNCHERS[launcher], "seed=0,1", f"hydra.sweep.dir={there}")
    assert done.returncode == 0, done.stderr
    before = {file: file.stat().st_mtime_ns for file in there.glob("*/metrics.csv")}
    done = regab("train", "--resume", str(there), "seed=0,1,2")
    assert done.returncode == 0, done.stderr
    assert "12 runs; 8 done already; 4 to train" in done.stdout
    assert {file: file.stat().st_mtime_ns for file in before} == before
    assert (table(there), numbers(there)) == default
    done = regab("train", "--resume", str(there))
    assert done.returncode == 0, done.stderr
    assert "12 runs; 12 done already" in done.stdout


@launchers
def test_a_failing_run_fails_alone_and_is_retried(launcher, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ("train", "-m", *SMALL, "optimizer.lr=1e-3,1e20", *LAUNCHERS[launcher], "hydra.sweep.dir=there")
    for command in (words, ("train", "--resume", "there")):
        done = regab(*command)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith("regab: 1 of 2 runs failed; go on with: regab train")
        assert [row["status"] for row in table(Path("there"))] == ["finished", "failed"]


@pytest.mark.skipif(not find_spec("submitit"), reason="submitit is not installed")
def test_jobs_that_outlive_their_command_are_waited_for_and_their_work_is_taken(default, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    there = Path("there")
    words = [*SWEEP, *LAUNCHERS["submitit_local"], f"hydra.sweep.dir={there}"]
    command = subprocess.Popen(
        [sys.executable, "-m", "regab", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + PATIENCE
    while not list(there.glob("*/metrics.csv")) and time.monotonic() < end:
        time.sleep(0.05)
    jobs = children(command.pid)
    os.kill(command.pid, signal.SIGKILL)
    command.wait()
    assert jobs
    done = regab("train", "--resume", str(there))
    assert done.returncode == 0, done.stderr
    assert (table(there), numbers(there)) == default
