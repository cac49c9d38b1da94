"""Results of other data or other code than the present are not taken for those of the present."""

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from regab.data.split import Division
from regab.own_code import own_code
from regab.sweep.unchanged import DIVISION
from tests.conftest import python
from tests.processes import run

MODEL = """
import torch
import {helper}

class Net(torch.nn.Linear):
    def __init__(self, shape, classes):
        super().__init__(2, classes)

    def forward(self, x):
        return super().forward(x * {helper}.SCALE)  # {comment}
"""
DATA = ["x,y,label", *(f"{i % 7},{i % 5},{'ab'[i % 2]}" for i in range(60))]
TABLE = ("data=csv", "data.path=table.csv", "data.label=label", "epochs=1", "batch_size=32", "data.val_fraction=0.2")
WORDS = (*TABLE, "model=linear")
CURE = "train all runs in another folder, or undo the change, or remove the folders of the earlier runs"


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("table.csv").write_text("\n".join(DATA))


@pytest.mark.slow
def test_a_sweep_does_not_go_on_with_other_data():
    words = ("train", "-m", *WORDS, "hydra.sweep.dir=here", "stack.workers=0")
    assert run(*words, "seed=0,1")[0] == 0
    before = Path("here/results.csv").read_text()
    Path("table.csv").rename("elsewhere.csv")
    Path("table.csv").write_text("\n".join(DATA))
    assert run("train", "--resume", "here")[0] == 0  # the same content
    Path("table.csv").write_text("\n".join([*DATA[:-1], "6,6,a"]))
    resumed = ("train", "--resume", "here", "seed=0,1,2")
    for again in (resumed, (*words, "seed=7"), (*words, "seed=7", "data.n_train=30")):
        code, _, err = run(*again)
        assert code == 2
        assert err.startswith("regab: here/seed=0")
        assert "the data have changed since this run was trained" in err
        assert err.endswith(f"{CURE}\n")
    assert Path("here/results.csv").read_text() == before
    assert run(*words, "seed=7", "data.path=elsewhere.csv")[0] == 0


def test_a_finished_run_is_not_shown_for_other_data():
    words = ("train", *WORDS, "hydra.run.dir=here", "curves=false")
    assert run(*words)[0] == 0
    assert run("train", "--resume", "here")[0] == 0
    Path("table.csv").write_text("\n".join(DATA[:-1]))
    assert "here: the data have changed since" in run("train", "--resume", "here")[2]


@pytest.mark.slow
def test_a_sweep_does_not_go_on_with_other_code_and_comments_are_none(tmp_path):
    def train(*words):
        command = python("-m", "regab", "train", *words)
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    (tmp_path / "own_net.py").write_text(MODEL.format(helper="own_helper", comment="as it is"))
    (tmp_path / "own_helper.py").write_text("SCALE = 1.0\n")
    words = (*TABLE, "-m", "seed=0,1", "model._target_=own_net.Net", "hydra.sweep.dir=here")
    first = train(*words)
    assert first.returncode == 0, first.stderr
    result = json.loads(next((tmp_path / "here").glob("seed=0*/result.json")).read_text())
    assert result["code"].keys() == {"own_net", "own_helper"}
    (tmp_path / "own_net.py").write_text("# more\n" + MODEL.format(helper="own_helper", comment="told better"))
    assert train("--resume", "here").returncode == 0
    (tmp_path / "own_helper.py").write_text("SCALE = 2.0\n")
    done = train("--resume", "here", "seed=0,1,2")
    assert done.returncode == 2
    assert "the code in module own_helper has changed since this run was trained" in done.stderr
    assert done.stderr.count("\n") == 1


def test_code_of_ours_and_of_installed_packages_is_not_the_users_own(monkeypatch, tmp_path):
    assert own_code({"model": {"_target_": "torchvision.models.resnet18"}, "data": {"_target_": "json.load"}}) == {}
    (tmp_path / "own_pack").mkdir()
    (tmp_path / "own_pack/__init__.py").write_text("from .inner import load\n")
    (tmp_path / "own_pack/inner.py").write_text("import math\ndef load(): return math.pi\n")
    monkeypatch.syspath_prepend(tmp_path)
    __import__("own_pack")
    found = own_code(
        {"data": {"_target_": "own_pack.load"}, "reg": {"extra": {"_target_": "regab.regularizers.l2.L2"}}}
    )
    assert found.keys() == {"own_pack", "own_pack.inner"}
    for name in found:
        del sys.modules[name]


def test_how_data_are_divided_is_known():
    assert set(DIVISION) == {field.name for field in fields(Division)}
