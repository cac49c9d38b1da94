"""Watchers hear all that happens in a sweep, in a single run, and in the jobs of Hydra's launchers."""

import json
import subprocess
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

from regab.config import Run
from regab.records.files import from_json
from regab.records.log import write_error
from regab.watchers.base import Planned
from regab.watchers.log import Log
from regab.workers import jobs
from regab.workers.events import Ended, Epoch, Note, Started
from regab.workers.plan import Chunk
from regab.workers.store import Store
from tests.conftest import SMALL, Result, python
from tests.processes import rows

RECORDER = """
import json
import os
import signal
import threading

from regab.watchers.base import Watcher


class Recorder(Watcher):
    def __init__(self, path: str = "heard.jsonl", fails_at: str = "", stops_at: int = -1):
        self.path, self.fails_at, self.stops_at, self.busy = path, fails_at, stops_at, threading.Lock()

    def write(self, what, **content):
        assert self.busy.acquire(blocking=False), "two calls at once"
        with open(self.path, "a") as file:
            file.write(json.dumps([what, content]) + "\\n")
        self.busy.release()
        if what == self.fails_at:
            raise ValueError("no\\nmore")

    def planned(self, planned):
        runs = {run.folder.name: [run.digest, planned.variants[run.digest], run.config["seed"], run.overrides]
                for run in planned.runs.values()}
        self.write("planned", runs=runs, root=str(planned.root), todo=len(planned.todo), single=planned.single,
                   summary=planned.summary)

    def started(self, run, first):
        self.write("started", run=run.folder.name, first=first)

    def epoch(self, run, row):
        self.write("epoch", run=run.folder.name, row=row)
        if row["epoch"] == self.stops_at:
            os.kill(os.getpid(), signal.SIGINT)

    def ended(self, run, result, error, details):
        self.write("ended", run=run.folder.name, result=result, error=error, details=details)

    def noted(self, text, aloud):
        self.write("noted", text=text, aloud=aloud)

    def swept(self, planned):
        self.write("swept", files=sorted(file.name for file in planned.root.iterdir()))

    def closed(self):
        self.write("closed")
"""
LISTENING = "watch.extra.mine._target_=recorder.Recorder"


@pytest.fixture
def listening(tmp_path, regab):
    """Run a command with a watcher of the user's own, which stands in one file: the result and what was heard."""
    (tmp_path / "recorder.py").write_text(RECORDER)

    def run(*words, by=regab):
        done = by(*words)
        heard = [json.loads(line) for line in (tmp_path / "heard.jsonl").read_text().splitlines()]
        (tmp_path / "heard.jsonl").unlink()
        return done, heard

    return run


def of(heard, kind):
    return [content for what, content in heard if what == kind]


def assert_all_is_heard(heard, folder):
    """Every event of every run once, in order, with what the files say."""
    (planned,) = of(heard, "planned")
    whats = [what for what, _ in heard if what != "noted"]
    assert (whats[0], whats[-2:]) == ("planned", ["swept", "closed"])
    assert Counter(content["run"] for content in of(heard, "started")) == dict.fromkeys(planned["runs"], 1)
    for name, (digest, *_) in planned["runs"].items():
        own = [(what, content) for what, content in heard if content.get("run") == name]
        place = Path(folder, name) if not planned["single"] else Path(folder)
        written = rows(place / "metrics.csv")
        assert [what for what, _ in own] == ["started", *["epoch"] * len(written), "ended"]
        for (_, content), row in zip(own[1:-1], written, strict=True):
            assert {k: "" if v is None else repr(v) for k, v in content["row"].items()} == row
        result = from_json((place / "result.json").read_bytes())
        assert own[-1][1] == {"run": name, "result": result, "error": "", "details": ""}
        assert result["digest"] == digest


def test_a_watcher_of_the_users_own_hears_every_event_of_a_sweep(listening):
    done, heard = listening("train", "-m", *SMALL, "reg.dropout=0,0.3", "seed=0,1", LISTENING, "stack.workers=2")
    assert done.code == 0, done.err
    assert_all_is_heard(heard, done.folder)
    (planned,) = of(heard, "planned")
    variants = {(variant, seed) for _, variant, seed, _ in planned["runs"].values()}
    assert variants == {(f"dropout.rate={rate}", seed) for rate in ("0", "0.3") for seed in (0, 1)}
    assert planned["summary"] in done.out
    assert (planned["todo"], planned["single"]) == (4, False)
    assert {"report.html", "results.csv", "sweep.log"} <= {*of(heard, "swept")[0]["files"]}


def test_a_single_run_says_the_same(listening):
    done, heard = listening("train", *SMALL, LISTENING, "curves=null")
    assert done.code == 0, done.err
    assert_all_is_heard(heard, done.folder)
    assert of(heard, "planned")[0]["single"]
    assert {"curves.png", "model.pt"} <= {*of(heard, "swept")[0]["files"]}


@pytest.mark.slow
def test_what_is_done_is_planned_but_not_started_again(listening):
    done, _ = listening("train", "-m", *SMALL, "seed=0,1", LISTENING)
    again, heard = listening("train", "--resume", str(done.folder), "seed=0,1,2")
    assert again.code == 0, again.err
    (planned,) = of(heard, "planned")
    assert (len(planned["runs"]), planned["todo"]) == (3, 1)
    assert len(of(heard, "started")) == len(of(heard, "ended")) == len(of(heard, "swept")) == 1


def test_a_failed_run_is_heard_with_its_reason(listening):
    done, heard = listening("train", "-m", *SMALL, "optimizer.lr=1e-3,1e20", LISTENING, "stack.workers=0")
    assert done.code == 1
    good, bad = sorted(of(heard, "ended"), key=lambda content: content["error"])
    assert good["result"]["status"] == "finished"
    assert bad["result"] is None
    assert bad["error"].startswith("diverged in epoch 1")
    assert (done.folder / bad["run"] / "error.txt").read_text().startswith(bad["error"])


@pytest.mark.parametrize(
    "what",
    ["epoch", *(pytest.param(w, marks=pytest.mark.slow) for w in ("planned", "started", "ended", "swept", "closed"))],
)
def test_a_watcher_that_raises_is_left_out_and_costs_nothing(listening, what):
    words = ("train", "-m", *SMALL, "seed=0,1", "stack.workers=0", LISTENING)
    failing, heard = listening(*words, f"watch.extra.mine.fails_at={what}")
    assert failing.code == 0
    assert [kind for kind, _ in heard if kind != "noted"][-1] == what  # it hears nothing more
    line = f"watcher mine failed at {what} (ValueError: no); it is left out from now on, and the runs are not affected"
    assert failing.err == f"regab: {line}\n"
    assert (failing.folder / "sweep.log").read_text().count(line) == 1
    assert len(rows(failing.folder / "results.csv")) == 2


def test_who_listens_is_no_part_of_a_runs_identity(small):
    from regab.config import digest, structure

    listened = small({"watch.extra": {"mine": {"_target_": "regab.watchers.log.Log"}}, "watch.names": ["log"]})
    assert digest(listened) == digest(small())
    assert structure(listened) == structure(small())


@pytest.mark.slow
def test_names_of_watchers_are_checked_before_anything_is_written(regab, tmp_path):
    for words, reason in {
        ("watch=lgo",): "watch=lgo: unknown watcher; did you mean watch=log?",
        ("watch.nmaes=[log]",): "watch.nmaes: unknown key; did you mean watch.names?",
        ("watch.extra.mine._target_=json.JSONDecoder",): "must be a subclass of regab's Watcher",
        ("watch.extra.log._target_=json.JSONDecoder",): "watch.extra.log: regab has one of that name; choose another",
    }.items():
        for many in ((), ("-m", "seed=0,1")):
            done = regab("train", *many, *SMALL, *words)
            assert done.code == 2
            assert done.err.count("\n") == 1
            assert reason in done.err
    assert not (tmp_path / "outputs").exists()


def test_watchers_are_listed(regab):
    done = regab("list", "watcher")
    assert [line.split()[0] for line in done.out.splitlines()] == ["display", "log", "mlflow", "tensorboard", "wandb"]
    assert "watcher:" in regab("list").out


@pytest.fixture
def launching(listening):
    """The same in a process of its own, as launchers change what is loaded in this one."""

    def command(*words):
        done = subprocess.run(python("-m", "regab", *words), capture_output=True, text=True, check=False)
        return Result(done.returncode, done.stdout, done.stderr, *Path.cwd().glob("outputs/*/*"))

    return lambda *words: listening(*words, by=command)


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])
def test_launchers_jobs_say_the_same(launching, launcher):
    if not find_spec({"joblib": "hydra_plugins.hydra_joblib_launcher"}.get(launcher, "submitit")):
        pytest.skip(f"{launcher} is not installed")
    words = ("train", "-m", *SMALL, "reg.dropout=0,0.3", "seed=0,1", LISTENING, f"hydra/launcher={launcher}")
    done, heard = launching(*words)
    assert done.code == 0, done.err
    assert_all_is_heard(heard, done.folder)


@pytest.mark.slow
@pytest.mark.skipif(not find_spec("hydra_plugins.hydra_joblib_launcher"), reason="joblib is not installed")
def test_what_jobs_note_and_why_their_runs_fail_is_heard(launching, tmp_path):
    (tmp_path / "net.py").write_text(
        "import torch\n\n\nclass Net(torch.nn.Linear):\n"
        "    def __init__(self, in_features, num_classes, fail: int = 0):\n"
        "        super().__init__(in_features, num_classes)\n"
        "        self.fail, self.drop = fail, torch.nn.Dropout(0.0)\n\n"
        "    def forward(self, x):\n        if self.fail and self.training and len(x) > 2:\n"
        "            raise ValueError('as asked')\n        return self.drop(super().forward(x.flatten(1)))\n"
    )
    words = ("model._target_=net.Net", "+model.fail=0,1", "reg.dropout=0.1")
    words = (*words, "hydra/launcher=joblib", "hydra.launcher.n_jobs=1")
    done, heard = launching("train", "-m", *SMALL[2:], *words, "seed=0,1", "stack.size=2", LISTENING)
    assert done.code == 1, done.err
    failed = [content for content in of(heard, "ended") if content["error"]]
    assert [content["error"] for content in failed] == ["net.py, line 11: ValueError: as asked"] * 2
    assert all("Traceback" in content["details"] for content in failed)
    assert any(content["text"].startswith("a stack of 2 runs failed") for content in of(heard, "noted"))
    assert any(content["aloud"] and content["text"].startswith("model: ") for content in of(heard, "noted"))


@pytest.mark.slow
def test_a_run_that_goes_on_says_with_which_epoch(listening):
    words = ("train", *SMALL, "epochs=9", "stack.checkpoint=0", "hydra.run.dir=here", LISTENING)
    stopped, heard = listening(*words, "watch.extra.mine.stops_at=4")
    assert stopped.code == 130
    assert heard[-1][0] == "closed"
    assert not of(heard, "swept")
    done = len(of(heard, "epoch"))
    assert done in (5, 6)  # asked after epoch 4, before or in the next
    again, heard = listening("train", "--resume", "here")
    assert again.code == 0, again.err
    assert [content["first"] for content in of(heard, "started")] == [done]
    assert [content["row"]["epoch"] for content in of(heard, "epoch")] == list(range(done, 10))


def test_a_watcher_cannot_change_what_is_written(regab, tmp_path):
    (tmp_path / "rude.py").write_text(
        "from regab.watchers.base import Watcher\n\n\nclass Rude(Watcher):\n"
        "    def epoch(self, run, row):\n        row['val_loss'] = -1.0\n"
    )
    words = ("train", *SMALL, "epochs=30", "optimizer.lr=0.1", "reg.early_stopping=2", "curves=false")
    usual, watched = regab(*words), regab(*words, "watch.extra.rude._target_=rude.Rude")
    results = [json.loads((done.folder / "result.json").read_text()) for done in (usual, watched)]
    assert results[0]["selected"]["epoch"] < results[0]["last"]["epoch"]
    for row in ("selected", "last"):
        assert results[0][row] | {"seconds": 0} == results[1][row] | {"seconds": 0}


def test_the_log_has_what_all_workers_say_aloud_once_and_the_rest_every_time(tmp_path):
    log = Log()
    log.planned(Planned(tmp_path, {}, {}, {}, "4 runs"))
    for text, aloud in (("model: a", True), ("died", False), ("model: a", True), ("died", False)):
        log.noted(text, aloud)
    assert [line[20:] for line in (tmp_path / "sweep.log").read_text().splitlines()] == [
        "4 runs", "model: a", "died", "died",
    ]  # fmt: skip


def test_lines_of_a_jobs_events_that_are_cut_short_are_read_when_they_are_whole(tmp_path, small):
    run = Run(small(), tmp_path / "run", {})
    chunk, heard = Chunk([run]), []
    following = jobs._Following([chunk], Store(tmp_path), heard.extend)
    (path,) = following.read
    path.parent.mkdir(parents=True)
    jobs._write(path, [Started(run.digest, 0), Epoch(run.digest, {"epoch": 0, "val_loss": float("inf")})])
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    following._look()
    assert heard == [Started(run.digest, 0)]
    path.write_bytes(whole)
    following._look()
    following._look()
    assert heard[1:] == [Epoch(run.digest, {"epoch": 0, "val_loss": float("inf")})]
    write_error(run.folder, "no reason", "at line 1")
    jobs._write(path, [Ended(run.digest, None, "no reason"), Note("over", True)])
    following._look()
    following.__enter__().__exit__()
    assert heard[2:] == [Ended(run.digest, None, "no reason", "at line 1"), Note("over", True)]
    assert not following.left
