"""Work that is done beside another, in a copy of this process."""

import importlib
import math
import os
import signal
import sys
import threading
import time

import pytest

from regab.errors import CannotWrite
from regab.processes import beside, cores, quota, shared_out, wait_for_imports

COPIES = pytest.mark.skipif(sys.platform != "linux", reason="forking is safe on Linux only")


@COPIES
def test_work_is_done_in_a_copy_of_this_process_that_ends_with_it():
    copy = beside(os.getpid)()
    assert copy != os.getpid()
    with pytest.raises(ProcessLookupError):
        os.kill(copy, 0)


@COPIES
@pytest.mark.parametrize("end", [lambda: os._exit(1), lambda: os.kill(os.getpid(), signal.SIGKILL)])
def test_what_a_copy_did_not_finish_is_done_here(end):
    here = os.getpid()
    assert beside(lambda: os.getpid() if os.getpid() == here else end())() == here


def test_what_is_raised_beside_is_raised_where_the_result_is_asked_for(capfd):
    def refused():
        raise CannotWrite("no room")

    asked = beside(refused)
    with pytest.raises(CannotWrite, match="no room"):
        asked()
    assert capfd.readouterr() == ("", "")


def test_nothing_is_copied_while_another_thread_may_hold_a_lock():
    go_on = threading.Event()
    other = threading.Thread(target=go_on.wait)
    other.start()
    try:
        assert beside(os.getpid)() == os.getpid()
    finally:
        go_on.set()
        other.join()


GO_ON = threading.Event()


def test_a_fork_waits_for_what_other_threads_import(tmp_path, monkeypatch):
    (tmp_path / "slow_to_import.py").write_text(f"from {__name__} import GO_ON\n\nGO_ON.wait()\n")
    monkeypatch.syspath_prepend(tmp_path)
    other = threading.Thread(target=importlib.import_module, args=("slow_to_import",))
    other.start()
    try:
        while "slow_to_import" not in sys.modules:
            time.sleep(0.01)
        began = time.monotonic()
        wait_for_imports(0.2)
        assert time.monotonic() - began >= 0.2
    finally:
        GO_ON.set()
        other.join()
    began = time.monotonic()
    wait_for_imports()
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("cores", [{0}, {0, 1}, {0, 1, 2}])
def test_results_that_processes_share_stand_in_the_order_of_the_items(cores, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: cores, raising=False)
    monkeypatch.setattr("regab.processes.quota", lambda: math.inf)
    found = shared_out(lambda n: (n * n, os.getpid()), range(7))
    assert [square for square, _ in found] == [n * n for n in range(7)]
    assert len({process for _, process in found}) == (len(cores) if sys.platform == "linux" else 1)
    assert shared_out(abs, []) == []


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("0::/", {}, math.inf),
        ("0::/", {"cpu.max": "max 100000"}, math.inf),
        ("0::/", {"cpu.max": "150000 100000"}, 1.5),  # in a container, which sees its own at the top
        ("0::/job/step", {"job/cpu.max": "400000 200000", "job/step/cpu.max": "max 100000"}, 2.0),  # of a parent
        ("0::/job/step", {"job/cpu.max": "400000 200000", "job/step/cpu.max": "50000 100000"}, 0.5),
        ("5:memory:/a\n4:cpu,cpuacct:/docker/f0", {"cpu,cpuacct/cpu.cfs_quota_us": "-1"}, math.inf),
        (
            "5:memory:/a\n4:cpu,cpuacct:/docker/f0",
            {"cpu,cpuacct/cpu.cfs_quota_us": "300000", "cpu,cpuacct/cpu.cfs_period_us": "100000"},
            3.0,
        ),
        ("4:cpuset:/b", {"cpuset/b/cpu.max": "1 1"}, math.inf),
        ("none of these", {"cpu.max": "1 1"}, math.inf),
    ],
)
def test_a_quota_of_time_is_found_where_linux_keeps_it(tmp_path, membership, files, expected):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(f"{membership}\n")
    for name, text in files.items():
        file = tmp_path / "sys/fs/cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")
    assert quota(tmp_path) == expected


@pytest.mark.parametrize(("granted", "expected"), [(math.inf, 4), (8.0, 4), (2.0, 2), (1.5, 2), (0.5, 1)])
def test_cores_are_no_more_than_fill_the_quota(monkeypatch, granted, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr("regab.processes.quota", lambda: granted)
    assert cores() == expected
