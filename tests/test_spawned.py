"""Workers for GPUs, which are spawned, begun ahead and kept; here on a CPU, by processes that take it for a GPU."""

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from regab.workers import gpus
from tests.conftest import SMALL, python
from tests.processes import table

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
if MURDER:
    from regab.workers.writers import Writers

    note = Writers.note

    def killed_once(self, *epoch):
        if not os.path.exists("killed.txt"):
            open("killed.txt", "w").close()
            self.children[0].process.kill()
        return note(self, *epoch)

    Writers.note = killed_once

if __name__ == "__main__":
    from regab.cli import main
    sys.exit(main())
"""
SWEEP = ("train", "-m", *SMALL, "reg.dropout=0,0.1", "--seeds", "auto:8", "stack.workers=2", "hydra.sweep.dir=swept")


def begun(folder):
    return [line.split() for line in (folder / "begun.txt").read_text().splitlines()]


def working(folder):
    """The processes that still work in a folder, some seconds after the command has ended."""
    for _ in range(100):
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has just ended
                found += [process.name] * (os.readlink(process / "cwd") == str(folder))
        if not found:
            return []
        time.sleep(0.1)
    return found


@pytest.fixture
def call(tmp_path):
    def called(name, gpu, *words, killed=False):
        (folder := tmp_path / name).mkdir()
        (folder / "spawned.py").write_text(SPAWNED.replace("GPU", str(gpu)).replace("MURDER", str(killed)))
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
    assert not working(folder)


@pytest.mark.slow
def test_a_worker_whose_writer_was_killed_is_replaced_and_nothing_is_lost(call):
    folder, done = call("gpu", True, *SWEEP, killed=True)
    other, _ = call("cpu", False, *SWEEP)
    assert done.returncode == 0
    assert (folder / "killed.txt").is_file()
    assert len(begun(folder)) == 3
    assert [row["status"] for row in table(folder / "swept")] == ["finished"] * 16
    assert table(folder / "swept") == table(other / "swept")


@pytest.mark.slow
@pytest.mark.parametrize("refused", [("reg.dropout=0,2",), ("--dry-run",)])
def test_a_worker_that_was_begun_for_nothing_is_gone_without_a_word(refused, call):
    folder, done = call("gpu", True, *SWEEP, *refused)
    assert done.returncode == (0 if refused == ("--dry-run",) else 2)
    assert len(done.stderr.splitlines()) == (done.returncode == 2)
    assert len(begun(folder)) == 1
    assert not working(folder)


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
