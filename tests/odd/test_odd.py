"""Hundreds of odd command lines and files: each ends right or in one line, and leaves nothing half-written."""

from __future__ import annotations

import io
import json
import math
from contextlib import redirect_stderr, redirect_stdout

import pytest

from regab.cli import main
from tests.conftest import Result
from tests.odd import own_code, words
from tests.odd.cases import FAILED, REFUSED, RIGHT

CASES = [*words.CASES, *own_code.CASES]


def test_there_are_hundreds_of_different_lines():
    assert len({case.words for case in CASES}) > 600


def run(words):
    """A command line as it is typed."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as stop:
        main(list(words))
    return Result(stop.value.code, out.getvalue(), err.getvalue(), None)


def files_in(folder):
    return {
        file.relative_to(folder) for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts
    }


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of libraries; the user sees them once
@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{case.name!a}" for i, case in enumerate(CASES)])
def test_an_odd_line_ends_right_or_in_one_line(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    for name, content in case.files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    before = files_in(tmp_path)
    done = run(case.words)
    assert done.code in (RIGHT, FAILED, REFUSED)
    assert case.code in (-1, done.code), done.err
    assert "Traceback" not in done.err
    assert case.says in done.err
    results = [json.loads(file.read_text()) for file in tmp_path.rglob("result.json")]
    if done.code == RIGHT and case.words[0] == "train" and not {"--run", "--package=x"} & set(case.words):
        assert results
        assert all(math.isfinite(result["last"]["train_loss"]) for result in results)
    if done.code == REFUSED:
        assert files_in(tmp_path) == before
    if done.code != RIGHT:
        assert done.err.startswith("regab: ")
        assert done.err.count("\n") == 1, done.err
