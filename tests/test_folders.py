"""What regab says of folders of results, and how it tidies them: ls, show, open, watch, clean."""

import contextlib
import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import regab as package
from regab.cli import main
from regab.folders import open as opening
from regab.folders import watch
from regab.folders.ls import best_of, question
from regab.folders.reading import Reading
from regab.records import home
from regab.records.load import load_json, load_rows
from regab.records.log import write_error
from regab.records.state import FAILED, INTERRUPTED, RUNNING, state_of
from regab.watchers.base import Watcher
from regab.workers.store import Store
from tests.conftest import SMALL, python
from tests.processes import Command, go_on, held


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A sweep of two variants with two seeds, and what was printed at its end."""
    place, out = tmp_path_factory.mktemp("trained"), io.StringIO()
    words = ("-m", *SMALL, "reg.dropout=0,0.3", "seed=0,1", "stack.workers=0", f"hydra.sweep.dir={place}/sweep")
    with contextlib.redirect_stdout(out), pytest.raises(SystemExit) as stop:
        main(["train", *words])
    assert stop.value.code == 0
    return place / "sweep", out.getvalue()


@pytest.fixture
def sweep(trained, tmp_path):
    shutil.copytree(trained[0], tmp_path / "outputs" / "sweep")
    return Path("outputs/sweep")


def runs(root):
    return sorted(file.parent for file in root.glob("*/result.json"))


def contents(root):
    files = (file for file in root.rglob("*") if file.is_file() and file.name != "lock")
    return {file: file.read_bytes() for file in files}


def listed(regab):
    done = regab("ls")
    assert (done.code, done.err) == (0, "")
    head, line = done.out.splitlines()
    starts = [head.index(word) for word in head.split()]
    return [line[a:b].strip() for a, b in zip(starts, [*starts[1:], None], strict=True)]


def test_a_sweep_is_listed_with_its_question_best_verdict_size_and_state(regab, sweep):
    folder, state, count, asked, best, verdict, size = listed(regab)
    assert (folder, state, count, asked) == (str(sweep), "finished", "4/4", "dropout.rate=0,0.3, 2 seeds")
    with (sweep / "effects.csv").open() as file:
        rows = list(csv.DictReader(file))
    top = max(rows, key=lambda row: float(row["mean"]))
    assert (best, verdict) == (f"{top['variant']}: test accuracy {float(top['mean']):.2%}", top["verdict"])
    amount = sum(file.stat().st_size for file in sweep.rglob("*") if file.is_file())
    assert size == f"{amount / 1000:.1f} kB"


def test_the_best_is_the_least_where_less_is_better(sweep, regab):
    text = (sweep / "effects.csv").read_text().replace("test_accuracy", "test_loss")
    (sweep / "effects.csv").write_text(text)
    with (sweep / "effects.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert best_of(sweep)[0].startswith(min(rows, key=lambda row: float(row["mean"]))["variant"])


def test_states_are_told_apart(regab, sweep):
    first, second, *_ = runs(sweep)
    (first / "result.json").unlink()
    assert listed(regab)[1:3] == [INTERRUPTED, "3/4"]
    write_error(first, "diverged")
    assert listed(regab)[1:3] == [FAILED, "3/4"]
    (second / "result.json").unlink()
    assert state_of(sweep).word == INTERRUPTED
    with Store(sweep).locked():
        assert listed(regab)[1:3] == [RUNNING, "2/4"]
        assert state_of(second).word == RUNNING  # a run of it
    assert "go on with: regab train --resume outputs/sweep" in state_of(sweep).sentence


def test_of_a_sweep_that_has_not_finished_it_is_said_who_trains_or_how_to_go_on(regab, sweep):
    first, *others = runs(sweep)
    (first / "result.json").unlink()
    with Store(sweep).locked():
        who = f"{home.holder(sweep)} is training here; regab watch"
        assert who.startswith(f"process {os.getpid()} on ")
        _not_finished(regab, sweep, first, RUNNING, f"{who} {sweep} waits until it is done", f"{who} {first} waits")
    cure = f"go on with: regab train --resume {sweep}"
    _not_finished(regab, sweep, first, INTERRUPTED, cure, cure)
    for folder in others:
        (folder / "result.json").unlink()
    assert regab("show", str(sweep)).out == f"{sweep}: interrupted, 0 of 4 runs done; {cure}\n"
    (sweep / "results.csv").unlink()
    none = f"regab: predict {sweep} --best: there is nothing to choose the best by: no finished run was measured on"
    assert regab("predict", str(sweep), "new.csv", "--best").err == f"{none} validation data; {cure}\n"
    none = f"{sweep}: interrupted, 0 of 4 runs done; {cure}\n{sweep}: no run has finished yet\nFiles: {sweep}"
    assert repr(package.load(sweep)) == none
    assert none in package.load(sweep)._repr_html_()


def test_a_sweep_without_a_table_is_read_from_its_runs(regab, sweep):
    (runs(sweep)[0] / "result.json").unlink()
    regab("report", str(sweep))
    table, best = package.load(sweep).results, regab("predict", str(sweep), "new.csv", "--best").err
    (sweep / "results.csv").unlink()
    (sweep / "metrics.json").unlink()
    found = package.load(sweep).results
    pd.testing.assert_frame_equal(found, table)
    assert found.attrs == table.attrs
    assert regab("predict", str(sweep), "new.csv", "--best").err == best
    assert regab("predict", str(sweep), "new.csv").err.startswith(f"regab: predict {sweep}: is a sweep; add --best")
    assert not (sweep / "results.csv").exists()


def _not_finished(regab, sweep, run, state, cure, own):
    report = regab("report", str(sweep))
    assert report.out.startswith(f"{sweep}: {state}, 3 of 4 runs done; {cure}\n")
    assert "Add seeds" not in report.out + (sweep / "report.html").read_text()
    assert regab("show", str(sweep)).out.startswith(f"{sweep}: {state}, 3 of 4 runs done; {cure}\n")
    for words in (["report"], ["predict", "new.csv"]):
        refused = regab(words[0], str(run), *words[1:])
        assert refused.code == 2
        assert refused.err.startswith(f"regab: {run}: the run has not finished; {own}")


def test_a_question_is_known_before_there_is_a_table_and_long_ones_are_shortened(regab, sweep):
    (sweep / "results.csv").unlink()
    assert question(state_of(sweep)) == "dropout.rate=0,0.3, 2 seeds"
    for folder in runs(sweep):
        words = [f"reg.l2.strength={folder.name * 3}", "seed=0"]
        (folder / ".hydra" / "overrides.yaml").write_text(json.dumps(words))
    assert len(question(state_of(sweep))) == 60


def test_asking_whether_a_folder_is_held_disturbs_nobody(sweep, regab, monkeypatch):
    store, took = Store(sweep), []
    with (sweep / ".regab" / "lock").open("rb") as file:
        home._shared(file.fileno())
        monkeypatch.setattr("regab.workers.store.time.sleep", lambda s: took.append(s) or file.close())
        with store.locked():
            assert took == [0.05]
            assert home.holder(sweep)
    assert not home.holder(sweep)


def test_an_empty_or_missing_folder_is_said_in_a_line(regab, tmp_path):
    missing = regab("ls")
    assert (missing.code, missing.err.count("\n")) == (2, 1)
    (tmp_path / "outputs" / "mine").mkdir(parents=True)
    (tmp_path / "outputs" / "mine" / "model.pt").touch()
    assert "nothing of regab's is here" in regab("ls").out
    for command in ("show", "open", "watch", "clean"):
        done = regab(command, "outputs/mine")
        assert (done.code, done.err) == (2, "regab: outputs/mine: is no folder of regab's; see: regab ls\n")
        assert regab(command).err == f"regab: {command}: the following arguments are required: DIR\n"
        assert regab(command, "--help").out.startswith(f"usage: regab {command}")
    assert (tmp_path / "outputs" / "mine" / "model.pt").exists()


def test_show_says_what_was_said_at_the_end_and_is_no_look(regab, sweep, trained):
    before = contents(sweep)
    shown = regab("show", str(sweep))
    said = trained[1][trained[1].index("\ndropout=0.3") :]
    assert [line for line in shown.out.splitlines() if "Report: " not in line and "Add seeds" not in line] == [
        line for line in said.splitlines() if "Report: " not in line and "Add seeds" not in line
    ]
    assert contents(sweep) == before


def test_a_sweep_whose_table_is_lost_is_shown_once_it_is_made_again(regab, sweep):
    (sweep / "results.csv").unlink()
    lost = regab("show", str(sweep))
    assert (lost.code, lost.err) == (
        2,
        f"regab: {sweep}: its results.csv is lost; make it again by: regab report {sweep}\n",
    )
    regab("report", str(sweep))
    assert "dropout=0.3" in regab("show", str(sweep)).out


def test_runs_that_were_added_since_the_last_look_are_not_shown(regab, sweep):
    looks = load_json(sweep / "looks.json")
    table = (sweep / "results.csv").read_text().splitlines()
    more = [line.replace(",1,", ",2,", 1).replace("seed=1", "seed=2") for line in table if ",1,," in line]
    (sweep / "results.csv").write_text("\n".join([*table, *more]) + "\n")
    assert len(more) == 2
    shown = regab("show", str(sweep)).out
    assert "(mean over 2 seeds)" in shown
    assert "2 more runs have finished since this look; regab report is the next one" in shown
    assert load_json(sweep / "looks.json") == looks
    (runs(sweep)[0] / "result.json").unlink()
    (sweep / "looks.json").unlink()
    unlooked = regab("show", str(sweep)).out
    assert "interrupted, 3 of 4 runs done" in unlooked
    assert "Nothing was concluded yet" in unlooked
    assert "±" not in unlooked


def test_the_report_is_opened_in_a_browser_and_made_where_there_is_none(regab, sweep, monkeypatch):
    opened = []
    for name in opening.SCREENS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(opening.webbrowser, "open", lambda page: opened.append(page) or True)
    page = (sweep / "report.html").absolute()
    assert regab("open", str(sweep)).out == f"{page} (no browser was found here)\n"
    assert not opened
    monkeypatch.setenv("DISPLAY", ":0")
    made = page.read_bytes()
    page.unlink()
    assert regab("open", str(sweep)).out.splitlines()[-1] == str(page)
    assert opened == [page.as_uri()]
    assert len(page.read_bytes()) > len(made) // 2


def test_weights_and_checkpoints_are_removed_and_nothing_else(regab, sweep):
    first, second, third, fourth = runs(sweep)
    (second / "model.pt").write_text("of the user")
    (third / "model.pt").rename(sweep / "mine.pt")
    (third / "model.pt").symlink_to(sweep / "mine.pt")
    (sweep / ".regab" / "checkpoints").mkdir()
    (sweep / ".regab" / "checkpoints" / "a.pt").write_text("x" * 1000)
    before = contents(sweep)
    size = sum((folder / "model.pt").stat().st_size for folder in (first, fourth)) + 1000
    refused = regab("clean", str(sweep))
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert contents(sweep) == before
    done = regab("clean", str(sweep), "--yes")
    what = f"weights of 2 runs and 1 checkpoint, {size / 1000:.1f} kB: removed"
    assert done.out == f"{sweep}: {what}\n"
    gone = {first / "model.pt", fourth / "model.pt", sweep / ".regab" / "checkpoints" / "a.pt"}
    after = contents(sweep)
    assert before.keys() - after.keys() == gone
    changed = {file for file in after if after[file] != before[file]}
    assert changed == {first / "result.json", fourth / "result.json"}
    assert load_json(first / "result.json")["files"]["model.pt"] is None
    assert regab("clean", str(sweep), "--yes").out == f"{sweep}: nothing to remove\n"


def test_one_kind_is_removed_where_that_is_said(regab, sweep):
    (sweep / ".regab" / "checkpoints").mkdir()
    (sweep / ".regab" / "checkpoints" / "a.pt").touch()
    regab("clean", str(sweep), "--checkpoints", "--yes")
    assert not list((sweep / ".regab" / "checkpoints").iterdir())
    assert len(list(sweep.glob("*/model.pt"))) == 4
    regab("clean", str(runs(sweep)[0]), "--yes")  # of one run
    assert len(list(sweep.glob("*/model.pt"))) == 3


def test_it_is_asked_before_anything_is_removed(regab, sweep, monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    for answer, left in (("n", 4), ("", 4), ("y", 0)):
        monkeypatch.setattr("builtins.input", lambda question, said=answer: said)
        assert regab("clean", str(sweep)).code == 0
        assert len(list(sweep.glob("*/model.pt"))) == left


def test_a_sweep_that_is_running_is_not_cleaned(regab, sweep):
    with Store(sweep).locked():
        for folder in (sweep, runs(sweep)[0]):
            done = regab("clean", str(folder), "--yes")
            assert (done.code, done.err.count("\n")) == (2, 1)
            assert "is training here; regab watch outputs/sweep waits until it is done" in done.err
    assert len(list(sweep.glob("*/model.pt"))) == 4


@pytest.mark.slow
def test_a_sweep_without_weights_is_added_to_and_not_trained_again(regab, sweep):
    regab("clean", str(sweep), "--yes")
    words = ("reg.dropout=0,0.3", "seed=0,1,2", "hydra.sweep.dir=outputs/sweep", "stack.workers=0")
    more = regab("train", "-m", *SMALL, *words)
    assert more.code == 0, more.err
    assert "6 runs; 4 done already" in more.out
    assert len(list(sweep.glob("*/model.pt"))) == 2


class Heard(Watcher):
    def __init__(self):
        self.said = []

    def planned(self, planned):
        self.said.append(("planned", len(planned.runs), len(planned.done)))

    def started(self, run, first):
        self.said.append(("started", run.folder.name, first))

    def epoch(self, run, row):
        self.said.append(("epoch", run.folder.name, row["epoch"]))

    def ended(self, run, result, error, details):
        self.said.append(("ended", run.folder.name, bool(result), error))


def test_a_folder_is_read_as_far_as_it_has_come_and_each_time_what_is_new(sweep, regab):
    first, second, third, fourth = runs(sweep)
    result, text = (first / "result.json").read_bytes(), (first / "metrics.csv").read_text()
    (first / "result.json").unlink()
    (second / "result.json").unlink()
    (first / "metrics.csv").write_text("".join(text.splitlines(keepends=True)[:2]) + "1,0.3")
    heard = Heard()
    reading = Reading(sweep, heard, past=False)
    reading.look()
    assert ("planned", 4, 2) in heard.said
    assert ("started", first.name, 1) in heard.said
    assert not [what for what in heard.said if third.name in what or fourth.name in what]
    heard.said.clear()
    with (first / "metrics.csv").open("w") as file:
        file.write(text)
    (first / "result.json").write_bytes(result)
    write_error(second, "diverged", "somewhere")
    reading.look()
    told = [("epoch", first.name, 1), ("epoch", first.name, 2), ("ended", first.name, True, "")]
    assert sorted(heard.said) == sorted([*told, ("ended", second.name, False, "diverged")])
    heard.said.clear()
    reading.look()
    assert not heard.said
    (second / "error.txt").unlink()  # tried again
    rows = (second / "metrics.csv").read_text()
    (second / "new.csv").write_text("".join(rows.splitlines(keepends=True)[:2]))
    (second / "new.csv").replace(second / "metrics.csv")
    reading.look()
    assert heard.said == [("started", second.name, 1)]
    again = Heard()
    Reading(sweep, again).look()
    assert sum(what[0] == "ended" for what in again.said) == 3
    assert ("planned", 4, 0) in again.said


def test_rows_are_read_as_far_as_they_are_whole(tmp_path):
    assert load_rows(tmp_path) == []
    (tmp_path / "metrics.csv").write_text("epoch,val_loss,x\n0,0.5,\n1,nan,2.0\n2,0.25,1")
    rows = load_rows(tmp_path)
    assert [row["epoch"] for row in rows] == [0, 1]
    assert rows[0] == {"epoch": 0, "val_loss": 0.5, "x": None}
    assert rows[1]["val_loss"] != rows[1]["val_loss"]
    for odd in ("loss,val\n1,2\n", "epoch,loss\n1,good\n", "epoch,loss\n,1\n", "epoch,loss\n1,2,3\n"):
        (tmp_path / "metrics.csv").write_text(odd)
        assert load_rows(tmp_path) == []


def test_watch_follows_until_nobody_trains_and_then_shows_what_came_of_it(regab, sweep, monkeypatch):
    first, result = runs(sweep)[0], (runs(sweep)[0] / "result.json").read_bytes()
    (first / "result.json").unlink()
    with contextlib.ExitStack() as held:
        held.enter_context(Store(sweep).locked())

        def passes(seconds):
            (first / "result.json").write_bytes(result)
            held.close()

        monkeypatch.setattr(watch.time, "sleep", passes)
        done = regab("watch", str(sweep))
    lines = done.out.splitlines()
    assert lines[0] == f"{sweep}: running, 3 of 4 runs done"
    assert lines[1].startswith(f"1/1 {first.name}: epoch 2, val accuracy ")
    assert "Report: outputs/sweep/report.html" in lines[-1]
    assert done.code == 0
    (first / "result.json").unlink()
    again = regab("watch", str(sweep))
    assert again.code == 1
    assert again.out.startswith(f"{sweep}: interrupted, 3 of 4 runs done; go on with: regab train --resume {sweep}\n")


@pytest.mark.slow
def test_a_sweep_that_another_process_trains_is_followed_and_no_torch_is_imported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ("-m", *SMALL[:3], "epochs=20", "seed=0,1,2", "stack.size=1", "stack.workers=1", "hydra.sweep.dir=here")
    training = Command("train", *words, "stack.checkpoint=0", before=held)
    training.until(lambda: list(tmp_path.glob("here/.regab/checkpoints/*.json")))
    script = "import sys, regab.cli, atexit; atexit.register(lambda: print('torch' in sys.modules)); regab.cli.main()"
    listed = subprocess.run(python("-c", script, "ls", "."), cwd=tmp_path, capture_output=True, text=True, check=True)
    assert " running " in listed.stdout
    watching = subprocess.Popen(python("-c", script, "watch", "here"), stdout=subprocess.PIPE, text=True)
    begun = watching.stdout.readline()
    go_on()
    watched, (_, out, _) = begun + watching.communicate()[0], training.end()
    assert watching.returncode == 0, (watched, out)
    assert begun == "here: running, 0 of 3 runs done\n"
    assert (watched.splitlines()[-1], listed.stdout.splitlines()[-1]) == ("False", "False")
    said = [line for line in watched.splitlines() if "/3 seed=" in line or "/2 seed=" in line]
    assert {line.partition(" ")[2] for line in said} <= {line.partition(" ")[2] for line in out.splitlines()}
    summary = out[out.index("\n\n") :].strip()
    assert summary in watched
    for command in ("show", "export --help"):
        shown = python("-c", script, *command.split(), *(["here"] if command == "show" else []))
        done = subprocess.run(shown, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "False"
