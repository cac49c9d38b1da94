"""Workers for GPUs, which are spawned, begun ahead and kept; here on a CPU, by processes that take it for a GPU."""

import subprocess

import pytest

from regab.workers import gpus
from tests.conftest import SMALL, python
from tests.processes import alive, table

SPAWNED = """
import os, sys
from regab.workers import foreman, gpus
from regab.workers.worker import Hiring

began = Hiring.worker

def noted(self, *arguments):
    worker = began(self, *arguments)
    with open("begun.txt", "a") as file:
        print(self.context.get_start_method(), worker.process.pid, file=file)
    return worker

Hiring.worker = noted
gpus.first, gpus.of_torch, foreman.on_gpus = lambda: "0", lambda: ["0"], lambda chunks: GPU

if __name__ == "__main__":
    from regab.cli import main
    sys.exit(main())
"""
SWEEP = ("train", "-m", *SMALL, "reg.dropout=0,0.1", "--seeds", "auto:8", "stack.workers=2", "hydra.sweep.dir=swept")


def begun(folder):
    return [line.split() for line in (folder / "begun.txt").read_text().splitlines()]


@pytest.fixture
def call(tmp_path):
    def called(name, gpu, *words):
        (folder := tmp_path / name).mkdir()
        (folder / "spawned.py").write_text(SPAWNED.replace("GPU", str(gpu)))
        command = python("spawned.py", *words)
        return folder, subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)

    return called


@pytest.mark.slow
def test_workers_of_a_gpu_are_begun_once_for_all_looks_and_train_what_others_would(call):
    folder, done = call("gpu", True, *SWEEP)
    other, _ = call("cpu", False, *SWEEP)
    assert done.stdout.count(" to train, in ") >= 2
    assert [how for how, _ in begun(folder)] == ["spawn", "spawn"]
    assert [how for how, _ in begun(other)][:3] == ["spawn", "fork", "fork"]
    assert table(folder / "swept") == table(other / "swept")


@pytest.mark.slow
@pytest.mark.parametrize("refused", [("reg.dropout=0,2",), ("--dry-run",)])
def test_a_worker_that_was_begun_for_nothing_is_gone_without_a_word(refused, call):
    folder, done = call("gpu", True, *SWEEP, *refused)
    assert done.returncode == (0 if refused == ("--dry-run",) else 2)
    assert len(done.stderr.splitlines()) == (done.returncode == 2)
    ((_, pid),) = begun(folder)
    assert not alive(int(pid))


@pytest.mark.parametrize(
    ("named", "there", "first"),
    [(None, True, "0"), ("3,1", True, "3"), ("", True, None), ("-1", True, None), ("0", False, None)],
)
def test_the_first_gpu_is_known_without_torch(named, there, first, tmp_path, monkeypatch):
    (tmp_path / "gpus").mkdir()
    monkeypatch.setattr(gpus, "DRIVER", tmp_path if there else tmp_path / "none")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if named is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert gpus.first() == first
