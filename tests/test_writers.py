"""Processes that write what runs leave behind while a GPU trains on; here beside the training of a CPU."""

import os
import signal
import time

import pytest

from regab.config import Run
from regab.errors import CannotWrite, Interrupted
from regab.records.load import load_result
from regab.records.log import ERROR, RESULT
from regab.workers import writers
from regab.workers.checkpoints import Checkpoint
from regab.workers.events import Ended, Epoch, Note
from regab.workers.journal import Journal, Journals
from regab.workers.plan import Chunk
from regab.workers.store import Store
from regab.workers.trainer import train_chunk
from regab.workers.writers import Writers
from tests.processes import numbers

OTHER = ("seconds", "finished", "files", "stack_size")  # in a run of the same numbers
DIVERGES = {"optimizer.lr": 1e30, "reg.norm.kind": "none"}


@pytest.fixture
def three(monkeypatch):
    """Begun when a test asks for them, so that they have what it has patched."""
    monkeypatch.setattr(writers, "cores", lambda: 4)
    made = []

    def begin():
        made.append(Writers())
        assert len(made[0].children) == 3
        return made[0]

    yield begin
    for each in made:
        each.close()


@pytest.fixture
def chunk(small, tmp_path):
    """A stack of runs, of which the third diverges and others stop early, with folders in one of this name."""

    def made(name):
        base = {"epochs": 6, "reg.early_stopping.patience": 1, "optimizer.lr": 0.05}
        values = [base | {"seed": seed, "reg.dropout.rate": seed / 10} for seed in range(7)]
        values[2] |= DIVERGES
        return Chunk([Run(small(each), tmp_path / name / str(i), {}) for i, each in enumerate(values)])

    return made


def trained(chunk, journals, stopping=lambda: False, events=None):
    """The events of a training."""
    events = [] if events is None else events
    train_chunk(chunk, Store(chunk.runs[0].folder.parent).checkpoints, events.extend, stopping, 1, journals)
    return events


def results(root):
    found = {folder.name: load_result(folder) or {} for folder in root.glob("[0-9]")}
    return {
        name: {k: {**v, "seconds": 0} if k in ("selected", "last") else v for k, v in r.items() if k not in OTHER}
        for name, r in found.items()
    }


def has_ended(run):
    return (run.folder / RESULT).is_file() or (run.folder / ERROR).is_file()


def said(events):
    """What was reported of each run, in order, but for the time that it took."""
    found = {}
    for event in events:
        if not isinstance(event, Note):
            content = event.row | {"seconds": 0} if isinstance(event, Epoch) else bool(getattr(event, "result", None))
            found.setdefault(event.digest, []).append((type(event).__name__, repr(content)))  # as nan is not nan
    return found


def models(root):
    return {file.parent.name: file.read_bytes() for file in root.glob("*/model.pt")}


def assert_same_files(first, second):
    assert numbers(first) == numbers(second)
    assert models(first) == models(second)
    assert len(models(first)) == 6
    assert results(first) == results(second)


def test_writers_write_and_report_what_one_process_would(three, chunk, tmp_path):
    here = trained(chunk("here"), Journals)
    there = trained(chunk("there"), three().open)
    assert_same_files(tmp_path / "here", tmp_path / "there")
    assert said(here) == said(there)
    assert (tmp_path / "there/2/error.txt").read_text() == (tmp_path / "here/2/error.txt").read_text()


def test_a_stack_after_another_is_written_by_the_same_writers(three, chunk, tmp_path):
    made, (first, second) = three(), (chunk("first"), chunk("second"))
    trained(first, made.open)
    trained(second, made.open)
    assert_same_files(tmp_path / "first", tmp_path / "second")


def test_what_is_interrupted_is_written_before_its_checkpoint_and_goes_on_from_there(
    three, chunk, tmp_path, monkeypatch
):
    end, save, at_the_time = Journal.end, Checkpoint.save, []

    def slowly(self, *arguments):
        time.sleep(0.1)
        return end(self, *arguments)

    def noted(self, training):
        at_the_time.append({run.digest for run in part.runs if has_ended(run)})
        save(self, training)

    monkeypatch.setattr(Journal, "end", slowly)
    monkeypatch.setattr(Checkpoint, "save", noted)
    made, whole, part = three(), chunk("whole"), chunk("part")
    trained(whole, made.open)
    asked = iter([False, True])  # in the epoch in which one diverges
    with pytest.raises(Interrupted):
        trained(part, made.open, lambda: next(asked))
    ended = {run.digest for run in part.runs if has_ended(run)}
    assert 0 < len(ended) < len(part.runs)
    assert at_the_time == [ended]
    assert Store(tmp_path / "part").resumable().keys() == {run.digest for run in part.runs} - ended
    trained(Chunk([run for run in part.runs if run.digest not in ended], resume=part.key), made.open)
    assert_same_files(tmp_path / "whole", tmp_path / "part")


def test_what_cannot_be_written_ends_the_training_by_its_reason(three, chunk, tmp_path):
    stack = chunk("full")
    stack.runs[4].folder.parent.mkdir()
    stack.runs[4].folder.write_text("a file in the place of its folder")
    events = []
    with pytest.raises(CannotWrite, match=r"full/4: cannot be written \(File exists\)"):
        trained(stack, three().open, events=events)
    assert not [event for event in events if isinstance(event, Note)]  # that it is tried in smaller stacks


def test_a_run_that_a_writer_fails_at_takes_no_other_along(three, chunk, tmp_path, monkeypatch):
    stack, end = chunk("odd"), Journal.end

    def fails_at_one(self, *arguments):
        if self.run.digest == stack.runs[5].digest:
            raise ZeroDivisionError("one too many")
        return end(self, *arguments)

    monkeypatch.setattr(Journal, "end", fails_at_one)
    events = trained(stack, three().open)
    ended = {event.digest: event for event in events if isinstance(event, Ended)}
    assert len(ended) == len(stack.runs) == sum(isinstance(event, Ended) for event in events)
    assert [i for i, run in enumerate(stack.runs) if not ended[run.digest].result] == [2, 5]
    failed = ended[stack.runs[5].digest]
    assert failed.error == "ZeroDivisionError: one too many"
    assert "fails_at_one" in failed.details
    assert len(models(tmp_path / "odd")) == 5


def test_a_worker_ends_with_a_writer_that_is_killed(three, chunk):
    if not (worker := os.fork()):
        made = three()
        os.kill(made.children[1].process.pid, signal.SIGKILL)
        trained(chunk("killed"), made.open)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) == 1
