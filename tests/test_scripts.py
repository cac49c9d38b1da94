"""Sweeps of scripts that know nothing of regab: reports, failures, resumption, launchers, verdicts."""

import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from regab.analysis.table import read
from regab.analysis.verdicts.compare import compare
from regab.errors import UsageError
from regab.records.load import load_json, load_metrics
from regab.script import check_script, command_of, script_digest
from regab.workers.left_behind import rows_of
from tests.conftest import python
from tests.processes import PATIENCE

BASE = {"name": "run", "seed": 0, "headline": None, "metrics": {}, "stack": {}, "watch": {}}

# Written in the shell, which starts in 2 ms: accuracies of 0.8 and 0.9, with a hundredth for each seed.
SHELL = """#!/bin/sh
echo started in $(basename $(pwd))
printf 'epoch,val_loss,val_accuracy\\n1,0.5,0.4\\n2,0.4,0.%s%s\\n' $1 $2 > metrics.csv
"""
WORDS = ("train", "-m", "script=sh script.sh {level} {seed}", "level=8,9", "stack.workers=2")


@pytest.fixture
def script(tmp_path):
    (tmp_path / "script.sh").write_text(SHELL)
    return tmp_path


def configured(command, **given):
    script = given.pop("script", {})
    return check_script(BASE | {"script": {"command": command} | script} | given)


def test_a_sweep_of_a_script_is_judged_as_any_other(regab, script):
    done = regab(*WORDS, "--seeds", "4")
    assert done.code == 0, done.err
    assert "8 runs; 8 scripts to run, 2 at a time" in done.out
    table = read([done.folder])
    assert table["level"].tolist() == ["8"] * 4 + ["9"] * 4
    np.testing.assert_allclose(
        table["selected_val_accuracy"], [0.8 + 0.1 * d + 0.01 * s for d in (0, 1) for s in range(4)]
    )
    assert compare(table)["verdict"].tolist() == ["baseline", "helps"]
    folder = Path(table["folder"][5])
    assert (folder / "run.log").read_text() == f"started in {folder.name}\n"
    curves = load_metrics(folder)
    assert curves["epoch"].tolist() == [0, 1, 2]
    np.testing.assert_array_equal(curves["val_loss"], [np.nan, 0.5, 0.4])
    result = load_json(folder / "result.json")
    assert result["code"].keys() == {"script.sh"}
    assert result["overrides"]["level"] == "9"
    assert (done.folder / "report.html").is_file()


@pytest.mark.slow
def test_what_is_done_is_not_run_again_and_levels_can_be_added(regab, script):
    first = regab(*WORDS, "--seeds", "2")
    before = {p: p.stat().st_mtime_ns for p in first.folder.glob("*/result.json")}
    more = regab("train", "--resume", str(first.folder), "level=8,9,7")
    assert more.code == 0, more.err
    assert "6 runs; 4 done already; 2 scripts to run" in more.out
    assert {p: p.stat().st_mtime_ns for p in before} == before
    (script / "script.sh").write_text(SHELL + "# changed\n")
    changed = regab("train", "--resume", str(first.folder), "--seeds", "3")
    assert changed.code == 2
    assert "the code in module script.sh has changed" in changed.err


@pytest.mark.slow
def test_a_failed_script_takes_no_other_along_and_is_tried_again(regab, script):
    (script / "script.sh").write_text("[ $1 = 9 ] && { echo bad level >&2; exit 3; }\n" + SHELL)
    done = regab(*WORDS, "--seeds", "2")
    assert done.code == 1
    assert "failed: exit code 3: bad level" in done.out
    assert read([done.folder])["status"].tolist() == ["finished"] * 2 + ["failed"] * 2
    counting = "echo x >> ../tries; [ $(grep -c x ../tries) -ge 3 ] || exit 1\n"
    (script / "script.sh").write_text(counting + SHELL)
    for retries, code in ((1, 1), (2, 0)):
        again = regab("train", "-m", WORDS[2], "level=8", f"script.retries={retries}", "--seeds", "1")
        assert again.code == code, again.out
    assert load_json(next(again.folder.glob("*/result.json")))["attempts"] == 3


@pytest.mark.parametrize(
    ("body", "words", "reason"),
    [
        ("(sleep 30; touch over) & wait", ["script.timeout=0.2"], "took longer than script.timeout=0.2 s"),
        ("true", [], "it reported nothing"),
        ("kill -9 $$", [], "was killed by SIGKILL"),
        ("echo '{' > result.json", [], "what it reported cannot be read"),
    ],
)
def test_why_a_script_failed_is_said(regab, script, body, words, reason):
    (script / "script.sh").write_text(body + "\n")
    done = regab("train", "script=sh script.sh", *words)
    assert done.code == 1
    assert reason in done.out
    assert not [*script.rglob("over")]  # it was not waited for


def test_a_script_that_reports_by_result_json_or_by_lines(regab, script):
    (script / "script.sh").write_text('echo \'{"auc": 0.\'$1$2\', "note": "x"}\' > result.json\n')
    direction = "metrics.auc.direction=up"
    done = regab(*WORDS, "--seeds", "3", direction)
    assert done.code == 0, done.err
    assert compare(read([done.folder]))["verdict"].tolist() == ["baseline", "helps"]
    (script / "script.sh").write_text("echo epoch 1: auc 0.5; echo epoch 2: auc 0.$1$2\n")
    pattern = "script.pattern=epoch (?P<epoch>\\d+): auc (?P<auc>[\\d.]+)"  # what a shell hands over
    done = regab(*WORDS, "--seeds", "3", direction, pattern)
    assert done.code == 0, done.err
    table = read([done.folder])
    np.testing.assert_allclose(table["last_auc"], [0.8, 0.81, 0.82, 0.9, 0.91, 0.92])
    assert load_metrics(Path(table["folder"][0]))["auc"].tolist()[1:] == [0.5, 0.8]


def test_a_script_may_be_given_what_is_called_as_keys_and_groups_of_regabs_own(regab, script):
    names = ["optimizer", "model", "data", "task", "reg", "schedule", "experiment", "curves", "batch_size", "fold_0"]
    (script / "script.sh").write_text('printf "epoch,val_loss\\n1,0.%s%s\\n" ${#1} $2 > metrics.csv; echo $@\n')
    command = "script=sh script.sh {optimizer} {seed} {epochs} " + " ".join(f"{{{name}}}" for name in names[1:])
    words = ["train", "-m", command, "--seeds", "3", *(f"{name}=x" for name in names[1:]), "epochs=few"]
    done = regab(*words, "optimizer=sgd,ours", "hydra.sweep.dir=named")
    assert done.code == 0, done.err
    more = regab("train", "--resume", "named", "optimizer=sgd,ours,adamw", "model=x")
    assert more.code == 0, more.err
    assert compare(read([Path("named")]))["verdict"].tolist()[0] == "baseline"
    assert sorted(read([Path("named")])["optimizer"].unique()) == ["adamw", "ours", "sgd"]
    assert Path(read([Path("named")])["folder"][0], "run.log").read_text().split() == ["sgd", "0", "few", *"x" * 9]


def test_a_script_gets_more_seeds_where_something_is_undecided(regab, script):
    (script / "script.sh").write_text("echo '{\"val_loss\": 0.'$(( ($1 * $2 * 7) % 10 ))'}' > result.json\n")
    done = regab("train", "-m", "script=sh script.sh {level} {seed}", "level=1,3", "--seeds", "auto:5")
    assert done.code == 0, done.err
    assert read([done.folder])["level"].value_counts().tolist() == [5, 5]


@pytest.mark.slow
def test_the_direction_of_an_unknown_metric_is_asked_for_and_can_be_added(regab, script):
    (script / "script.sh").write_text("echo '{\"auc\": 0.'$1$2'}' > result.json\n")
    done = regab(*WORDS, "--seeds", "3")
    assert done.code == 0
    assert "No comparison" in done.out
    assert "auc: whether more or less of it is better is not known" in done.out
    assert "metrics.auc.direction=up" in done.out
    again = regab("train", "--resume", str(done.folder), "metrics.auc.direction=up")
    assert "6 done already" in again.out
    assert compare(read([done.folder]))["verdict"].tolist() == ["baseline", "helps"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["script=sh script.sh {levle}", "level=8"], "script: levle: unknown key; did you mean level"),
        (["script=sh script.sh {level}", "level=8", "wd=0,1"], "wd: the script does not take it"),
        (["-m", "script=sh script.sh {level}", "level=8", "seed=0,1"], "seed: the script does not take it"),
        pytest.param(["script="], "script: needs a command", marks=pytest.mark.slow),
        pytest.param(["script=sh script.sh", "script.retires=1"], "script.retires", marks=pytest.mark.slow),
        pytest.param(
            ["script=sh script.sh", "script.timeout=0"],
            "script.timeout=0: must be a number of seconds above 0",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            ["script=sh script.sh", "script.pattern='loss (.*)'"], "needs named groups", marks=pytest.mark.slow
        ),
        pytest.param(
            ["script=sh script.sh", "metrics.auc.direction=more"],
            "metrics.auc.direction=more: must be up or down",
            marks=pytest.mark.slow,
        ),
        (["script=sh script.sh {n}", "n=1"], "n: is a column of regab's tables"),
        (["script=sh script.sh {a} {a.b}", "a=1", "a.b=2"], "a: has a value, and a.b another within it"),
        (["script=sh script.sh {name}", "name=x"], "script: {name} is a key of regab's own"),
        (["script=sh script.sh {a}", "a=x (y)"], """as one text it is written "a='x (y)'\""""),
        (["script=sh script.sh", "--folds", "3"], "--folds: a script divides its data itself"),
    ],
)
def test_mistakes_are_said_in_a_line_before_anything_runs(regab, script, words, message):
    done = regab("train", *words)
    assert (done.code, done.err.count("\n")) == (2, 1), done.err
    assert message in done.err
    assert not list(script.glob("outputs/*/*/*/run.log"))


def test_the_command_has_the_values_quoted_and_files_from_the_root(tmp_path):
    (tmp_path / "train.py").write_text("")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("")
    config = configured("python train.py --in=data/a.csv --x {a.b} --out {run_dir} train", a={"b": "it's; rm -r"})
    command = command_of(config, Path("/runs/1"), tmp_path)
    assert command == (
        f"python {tmp_path}/train.py --in={tmp_path}/data/a.csv --x 'it'\"'\"'s; rm -r' --out /runs/1 train"
    )
    here = configured("python train.py", script={"folder": "here"})
    assert command_of(here, Path("/runs/1"), tmp_path) == "python train.py"


def test_what_identifies_a_run_of_a_script():
    base = configured("x {a} {seed}", a=1)
    same = configured("x {a} {seed}", a=1, name="other", script={"timeout": 5, "retries": 3})
    others = [configured("x {a} {seed}", a=2), configured("x {a} {seed}", a=1, seed=1), configured("y {a} {seed}", a=1)]
    assert script_digest(base) == script_digest(same)
    assert len({script_digest(c) for c in (base, *others)}) == 4


def lightning(folder):
    (folder / "lightning_logs" / "version_0").mkdir(parents=True)
    text = "epoch,step,train_loss,val_acc,test_acc\n0,9,1.0,,\n0,9,,0.5,\n1,19,0.5,,\n1,19,,0.75,\n2,20,,,0.7\n"
    (folder / "lightning_logs" / "version_0" / "metrics.csv").write_text(text)
    return [{"train_loss": 1.0, "val_acc": 0.5}, {"train_loss": 0.5, "val_acc": 0.75, "test_acc": 0.7}]


def keras(folder):
    (folder / "log.csv").write_text("epoch,accuracy,loss\n0,0.5,1.0\n1,0.75,0.5\n")
    return [{"accuracy": 0.5, "loss": 1.0}, {"accuracy": 0.75, "loss": 0.5}]


def own_table_cut_short(folder):
    (folder / "metrics.csv").write_text("loss\n1.0\n0.5\n")
    (folder / "other.csv").write_text("epoch,loss\n1,3\n")
    return [{"loss": 1.0}, {"loss": 0.5}]


def table_and_result(folder):
    (folder / "metrics.csv").write_text("epoch,loss\n1,1.0\n2,0.5\n")
    (folder / "result.json").write_text('{"epoch": 2, "test": {"auc": 0.9}, "ok": true}')
    return [{"loss": 1.0}, {"loss": 0.5, "test.auc": 0.9}]


def nothing(folder):
    (folder / "predictions.csv").write_text("id,y\n1,2\n")
    return []


@pytest.mark.parametrize("leave", [lightning, keras, own_table_cut_short, table_and_result, nothing])
def test_what_is_read_of_what_a_script_leaves(tmp_path, leave):
    expected = leave(tmp_path)
    assert rows_of(tmp_path, None) == expected


@pytest.mark.slow
def test_tensorboards_event_files_are_read(tmp_path):
    pytest.importorskip("tensorboard", reason="pip install tensorboard")
    write = """
from torch.utils.tensorboard import SummaryWriter
w = SummaryWriter("runs/a")
for e in range(3):
    w.add_scalar("loss", 1 / (e + 1), e); w.add_scalar("val/acc", 0.5 + e / 8, e)
w.close()
"""
    subprocess.run(python("-W", "ignore", "-c", write), cwd=tmp_path, check=True, capture_output=True)
    rows = rows_of(tmp_path, None)
    np.testing.assert_allclose([row["loss"] for row in rows], [1, 1 / 2, 1 / 3])
    assert [row["val/acc"] for row in rows] == [0.5, 0.625, 0.75]


def test_scripts_get_gpus_in_turn_and_know_their_folder(regab, script, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    (script / "script.sh").write_text(
        'echo "$CUDA_VISIBLE_DEVICES" > gpu\n[ "$REGAB_RUN_DIR" = "$(pwd)" ] || exit 1\n'
        "echo '{\"val_loss\": 1}' > result.json\n"
        "while [ $(cat ../*/gpu | wc -l) -lt 2 ]; do sleep 0.01; done\n"
    )
    done = regab("train", "-m", "script=sh script.sh {level}", "level=8,9")
    assert done.code == 0, done.out
    assert sorted(p.read_text().strip() for p in done.folder.glob("*/gpu")) == ["5", "7"]


@pytest.mark.slow
def test_a_sweep_killed_twice_and_resumed_gives_the_same_table(regab, tmp_path):
    slow = SHELL.replace("printf", "sleep 0.3\nprintf")
    (tmp_path / "script.sh").write_text(slow)
    whole = regab(*WORDS, "--seeds", "4", "hydra.sweep.dir=whole")
    assert whole.code == 0, whole.err
    words = python("-m", "regab", *WORDS, "--seeds", "4", "hydra.sweep.dir=killed")
    for number in (signal.SIGKILL, signal.SIGTERM):
        process = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        done = len(list((tmp_path / "killed").glob("*/result.json")))
        while process.poll() is None and len(list((tmp_path / "killed").glob("*/result.json"))) < done + 2:
            time.sleep(0.02)
        process.send_signal(number)
        process.wait(PATIENCE)
        words = python("-m", "regab", "train", "--resume", "killed")
    last = regab("train", "--resume", "killed")
    assert last.code == 0, last.err
    ours, theirs = (
        pd.read_csv(tmp_path / name / "results.csv").drop(columns="seconds") for name in ("killed", "whole")
    )
    pd.testing.assert_frame_equal(ours, theirs)


@pytest.mark.slow
def test_a_launcher_of_hydras_runs_scripts_too(regab, script):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="pip install -e '.[joblib]'")
    words = python(
        "-W", "ignore", "-m", "regab", *WORDS, "--seeds", "2", "hydra/launcher=joblib", "hydra.sweep.dir=jobs"
    )
    done = subprocess.run(words, cwd=script, capture_output=True, text=True, timeout=PATIENCE, env={**os.environ})
    assert done.returncode == 0, done.stderr
    table = read([script / "jobs"])
    np.testing.assert_allclose(table["selected_val_accuracy"], [0.8, 0.81, 0.9, 0.91])


def test_a_script_without_a_command_is_refused():
    with pytest.raises(UsageError, match="needs a command"):
        configured(" ")


@pytest.mark.slow
def test_the_scripts_of_the_readme_are_swept_by_its_commands(regab, tmp_path):
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    for name in ("train.py", "mlp.py"):
        (code,) = re.findall(rf"```python\n# {name}.*?\n(.*?)```", readme, re.DOTALL)
        (tmp_path / name).write_text(code)
        (command,) = re.findall(rf"^regab train -m script='python {name}.*", readme, re.MULTILINE)
        done = regab(*shlex.split(command.replace("--seeds 5", "--seeds 1"))[1:])
        assert done.code == 0, done.out
        assert (read([done.folder])["selected_test_accuracy"] > 0.8).all()
