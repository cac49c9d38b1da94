"""Work that is done beside another, in a copy of this process."""

import os
import signal
import sys
import threading

import pytest

from regab.errors import CannotWrite
from regab.processes import beside, shared_out

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


@pytest.mark.parametrize("cores", [{0}, {0, 1}, {0, 1, 2}])
def test_results_that_processes_share_stand_in_the_order_of_the_items(cores, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: cores, raising=False)
    found = shared_out(lambda n: (n * n, os.getpid()), range(7))
    assert [square for square, _ in found] == [n * n for n in range(7)]
    assert len({process for _, process in found}) == (len(cores) if sys.platform == "linux" else 1)
    assert shared_out(abs, []) == []
