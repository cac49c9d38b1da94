"""Standard streams that are closed, full or of another encoding; environments of notebooks; folders that are gone."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys

import pytest

from regab.output import Output
from tests.odd.cases import TABLE, TINY
from tests.processes import table

SWEEP = ("train", "-m", *TINY, "seed=0,1", "hydra.sweep.dir=here")
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
AROUND = {
    "a reader that leaves after a line": ("{} | head -n 1", {}),
    "no reader": ("{} | true", {}),
    "closed": ("{} >&-", {}),
    "all closed": ("{} <&- >&- 2>&-", {}),
    "full": ("{} > /dev/full", {}),
    "ASCII": ("{}", ASCII),
    "Jupyter": ("{}", {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}),
    "no such backend": ("{}", {"MPLBACKEND": "nothing"}),
}


def shell(line, words, **environment):
    command = " ".join(f"'{word}'" for word in (sys.executable, "-m", "regab", *words))
    script = f"set -o pipefail; {line.format(command)}"
    return subprocess.run(["bash", "-c", script], capture_output=True, env=os.environ | environment)


@pytest.mark.slow
@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("workers", [0, 2])
def test_a_sweep_trains_on_whatever_becomes_of_its_output(around, workers, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line, environment = AROUND[around]
    words = [f"stack.workers={workers}" if word.startswith("stack.workers") else word for word in SWEEP]
    done = shell(line, words, **environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert [row["status"] for row in table(tmp_path / "here")] == ["finished"] * 2
    assert (tmp_path / "here" / "report.html").is_file()


@pytest.mark.slow
def test_what_is_lost_is_said_where_it_is_all_there_is(tmp_path):
    done = shell("{} > /dev/full", ("list", "reg"))
    lost = b"regab: standard output: cannot be written (No space left on device)\n"
    assert (done.returncode, done.stderr) == (1, lost)
    assert shell("{} | head -n 1", ("list", "reg")).returncode == 0


def test_a_folder_that_is_gone_is_said(regab, tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    for words in (("train",), ("data", "data=digits")):
        with pytest.raises(FileNotFoundError):
            os.getcwd()
        done = regab(*words)
        assert done.code == 2
        assert done.err == "regab: the folder that you stand in no longer exists; go to another\n"


def test_output_in_ascii_is_written_with_escapes():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    output = Output(stream)
    output.write("2 ± 1\n")
    output.flush()
    assert stream.buffer.getvalue() == b"2 \\xb1 1\n"


NUMBERS = TABLE.replace("height,width,label", "10,width,1_0")


@pytest.mark.parametrize(("asked", "found"), [("1_0", "2 classes"), ("10", "7 ")])
def test_a_column_is_the_one_that_was_typed(regab, asked, found, tmp_path):
    (tmp_path / "t.csv").write_text(NUMBERS)
    done = regab("data", "data=csv", "data.path=t.csv", f"data.label={asked}")
    assert done.code == 0, done.err
    (line,) = [line for line in done.out.splitlines() if "to be predicted" in line]
    assert line.split()[0] == asked
    ignored = regab("data", "data=csv", "data.path=t.csv", "data.label=width", f"data.ignore=[{asked}]")
    (line,) = [line for line in ignored.out.splitlines() if "ignored (as asked)" in line]
    assert line.split()[0] == asked


METRIC = """
from regab.metrics.base import Metric
from regab.tasks.classification import Classification
class Mean(Metric):
    direction = "up"
    def of(self, outputs, targets):
        return (outputs.argmax(-1) == targets).float().mean()
class Task(Classification):
    def loss(self, outputs, targets):
        return super().loss(outputs, targets).mean()
"""


@pytest.mark.parametrize("word", ["metrics.extra.own._target_=odd_mean.Mean", "task._target_=odd_mean.Task"])
def test_a_mean_over_the_runs_of_a_stack_is_refused(regab, word, tmp_path, monkeypatch):
    (tmp_path / "odd_mean.py").write_text(METRIC)
    monkeypatch.syspath_prepend(tmp_path)
    done = regab("train", *TINY, "curves=false", word)
    assert done.code == 1
    assert "must return a tensor with one number for each run, here [1], not a tensor []" in done.err
    assert done.err.count("\n") == 1


def test_a_model_larger_than_memory_is_one_line(regab):
    done = regab("train", *TINY, "model.widths=[10000000000000]")
    assert done.code == 1
    assert re.fullmatch(
        r"regab: out of memory \([\d,.]+ GB .* at once\): take a smaller model, batch_size or stack.size\n", done.err
    )


def test_words_that_an_ascii_locale_cannot_read_come_with_the_cure():
    done = shell("{}", ("train", *TINY, "name=naïve"), **ASCII)
    assert done.returncode == 2
    assert done.stderr.decode().endswith("cannot be read in this locale; set PYTHONUTF8=1\n")
