"""Trackers: a run of theirs for each of regab's, whatever happens to it, and nothing that they do costs one."""

import signal
import subprocess
import time

import pytest

from regab.command.script_words import script_words
from regab.command.shorthands import expand_override
from regab.config import Run
from regab.errors import UsageError
from regab.records.log import RunLog
from regab.watchers import _tracker, check_watch, is_installed
from regab.watchers._tracker import parameters
from regab.watchers.base import Planned
from tests.conftest import SMALL, last_said, python
from tests.processes import PATIENCE, alive, rows
from tests.trackers import LIBRARIES, assert_kept, need, read

AIM = '''
import os, sys, time
from pathlib import Path
from regab.watchers._tracker import Tracker


class Aim(Tracker):
    """Writes what it hears."""
    library = "json"

    def said(self, *content):
        with open(self.path, "a") as file:
            print(*content, file=file)

    def open(self, root, name):
        self.path, self.shown_by = Path(self.store or root).absolute() / "aim.txt", "cat aim.txt"
        self.said("open", name)

    def holds(self, run):
        return f"end {run.name} " in self.path.read_text()

    def start(self, run, rows):
        self.said("start", run.name, [row["epoch"] for row in rows])

    def log(self, run, row):
        if self.project == "slow":
            end = time.monotonic() + 300  # where training waits for a tracker, which waits for what comes after it
            while not self.path.with_name("go").exists():
                if time.monotonic() > end:
                    raise TimeoutError("nothing came after it")
                time.sleep(0.005)
        if self.project == "print":
            print("noise"); print("noise", file=sys.stderr)
        if self.project == "raise":
            raise ValueError("disk\\nfull")
        if self.project == "exit":
            sys.exit("over")
        if self.project == "die":
            os._exit(3)
        self.said("log", run.name, row["epoch"])

    def end(self, run, result, error, files):
        self.said("end", run.name, bool(result), error, [file.name for file in files])

    def add(self, run, files):
        self.said("add", run.name, [file.name for file in files])
'''
HEAD = ["epoch", "val_loss"]


@pytest.fixture
def aim(tmp_path, monkeypatch):
    (tmp_path / "aim.py").write_text(AIM)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "aim", raising=False)
    return __import__("aim").Aim


@pytest.fixture
def at_once(monkeypatch):
    """Trackers that work in this process."""

    class AtOnce:
        def __init__(self, made):
            make, *arguments = made
            self.kept = make(*arguments)

        def call(self, method, *arguments):
            getattr(self.kept, method)(*arguments)

        def finish(self, seconds=None):
            self.answer = self.kept.shown_by
            return True

    monkeypatch.setattr(_tracker, "Keeper", AtOnce)


def run_of(root, name, epochs, result=False):
    """A run whose folder has so many rows, and its result."""
    log = RunLog(root / name, HEAD, [{"epoch": e, "val_loss": 1 / (e + 1)} for e in range(epochs)])
    if result:
        last = {"epoch": epochs - 1, "val_loss": 1 / epochs}
        log.finish({"digest": name, "selected": last, "last": last}, {}, False)
    run = Run({"seed": 0}, root / name, {"seed": "0"})
    vars(run)["digest"] = name
    return run


def planned(root, *runs, done=()):
    return Planned(root, {run.digest: run for run in runs}, {name: {} for name in done}, {r.digest: "v" for r in runs})


def heard(tmp_path):
    return (tmp_path / "aim.txt").read_text().splitlines()


def test_a_run_that_goes_on_begins_with_the_rows_that_it_keeps(tmp_path, aim, at_once):
    tracker, run = aim(), run_of(tmp_path, "a", 4)
    tracker.planned(planned(tmp_path, run))
    tracker.started(run, 2)  # from a checkpoint; rows 2 and 3 come again
    tracker.epoch(run, {"epoch": 2})
    tracker.started(run, 0)  # tried again
    tracker.closed()
    assert heard(tmp_path)[1:] == ["start a [0, 1]", "log a 2", "start a []", "end a False  []"]


def test_what_was_done_before_is_kept_unless_it_is_there(tmp_path, aim, at_once):
    runs = [run_of(tmp_path, name, 2, result=True) for name in ("a", "b", "c")]
    (tmp_path / "aim.txt").write_text("end a True\n")
    tracker = aim()
    tracker.planned(planned(tmp_path, *runs, done=("a", "b")))
    assert heard(tmp_path)[2:] == ["start b [0, 1]", "end b True  ['result.json', 'metrics.csv']"]


def test_a_run_that_fails_before_it_begins_is_there_with_the_reason(tmp_path, aim, at_once):
    tracker, run = aim(), run_of(tmp_path, "a", 0)
    tracker.planned(planned(tmp_path, run))
    tracker.ended(run, None, "out of memory", "")
    assert heard(tmp_path)[1:] == ["start a []", "end a False out of memory ['metrics.csv']"]


def test_files_of_a_sweep_are_with_its_first_run(tmp_path, aim, at_once):
    runs = [run_of(tmp_path, name, 1) for name in ("a", "b")]
    for name in ("report.html", "b/curves.png", "model.pt"):
        (tmp_path / name).touch()
    tracker = aim()
    tracker.planned(planned(tmp_path, *runs))
    tracker.swept(planned(tmp_path, *runs))
    assert heard(tmp_path)[1:] == ["add a ['report.html']", "add b ['curves.png']"]


def test_training_never_waits_for_a_tracker(tmp_path, aim, capsys, monkeypatch):
    monkeypatch.setattr(_tracker, "PATIENCE", 0.01)
    tracker, run = aim(project="slow"), run_of(tmp_path, "a", 1)
    tracker.planned(planned(tmp_path, run))
    tracker.started(run, 0)
    for epoch in range(20):
        tracker.epoch(run, {"epoch": epoch})
    finish = tracker.keeper.finish

    def finish_and_go(seconds=None):
        done = finish(seconds)
        (tmp_path / "go").touch()  # only now is an epoch taken
        return done

    monkeypatch.setattr(tracker.keeper, "finish", finish_and_go)
    tracker.closed()
    assert [line for line in heard(tmp_path) if "log" in line] == [f"log a {epoch}" for epoch in range(20)]
    assert capsys.readouterr().out == "Waiting for json …\nTo see it: cat aim.txt\n"


@pytest.mark.parametrize(
    ("how", "error"),
    [("raise", "ValueError: disk"), ("exit", "SystemExit: over"), ("die", "RuntimeError: exit code 3")],
)
def test_whatever_a_library_does_is_an_exception_here(tmp_path, aim, how, error):
    tracker, run = aim(project=how), run_of(tmp_path, "a", 1)
    tracker.planned(planned(tmp_path, run))
    tracker.started(run, 0)
    tracker.epoch(run, {"epoch": 0})
    with pytest.raises(RuntimeError) as raised:
        tracker.closed()
    assert f"{type(raised.value).__name__}: {raised.value}" == error
    if how != "die":
        assert "in log" in str(raised.value.__cause__)
    with pytest.raises(RuntimeError):
        tracker.epoch(run, {"epoch": 1})


def test_what_a_library_prints_is_not_seen(tmp_path, aim, capfd, monkeypatch):
    monkeypatch.setattr(_tracker, "PATIENCE", PATIENCE)  # or it is said on a busy machine that it is waited for
    tracker, run = aim(project="print"), run_of(tmp_path, "a", 1)
    tracker.planned(planned(tmp_path, run))
    tracker.epoch(run, {"epoch": 0})
    tracker.closed()
    assert capfd.readouterr().out == "To see it: cat aim.txt\n"


def test_a_tracker_ends_with_the_process_that_it_works_for(tmp_path, aim):
    code = (
        "from regab.watchers._keeper import Keeper; import aim, os, pathlib\n"
        f"k = Keeper((aim.Aim, {str(tmp_path)!r}, 'slow')); k.call('open', pathlib.Path('.'), 'x')\n"
        "for e in range(100): k.call('log', pathlib.Path('a'), {'epoch': e})\n"
        "print(k.process.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run(python("-c", code), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert not alive(int(done.stdout))


def test_a_tracker_of_the_users_own_that_fails_costs_no_run(regab, aim):
    words = (*SMALL, "watch.extra.aim._target_=aim.Aim", "watch.extra.aim.project=raise")
    done = regab("train", "-m", "stack.workers=0", "curves=false", *words)
    assert (done.code, done.err.count("\n")) == (0, 1)
    assert "(ValueError: disk); it is left out from now on, and the runs are not affected" in done.err
    assert "in log" in (done.folder / "sweep.log").read_text()
    assert (done.folder / "report.html").is_file()


def test_parameters_are_without_what_is_absent_unless_it_was_asked_for(small):
    config = small({"reg.l2.strength": 0.1})
    told = parameters(config, {"reg.dropout.rate"})
    assert {key: value for key, value in told.items() if key.startswith("reg.")} == {
        "reg.dropout.rate": 0.0, "reg.l2.strength": 0.1, "reg.l2.during": "constant", "reg.l2.until": 0.5,
        "reg.l2.scope": "weights",
    }  # fmt: skip
    assert told["optimizer.lr"] == config["optimizer"]["lr"]
    assert told["model.widths"] == "[16]"
    assert not [key for key in told if key.split(".")[0] in ("watch", "stack", "name")]
    assert parameters({"script": {"command": "x {a}"}, "a": float("inf")}, set()) == {
        "script.command": "x {a}", "a": "inf",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("word", "full"),
    [
        ("tracker=tensorboard", "watch.trackers=[tensorboard]"),
        ("tracker=mlflow,wandb", "watch.trackers=[mlflow,wandb]"),
        ("tracker=[mlflow,wandb]", "watch.trackers=[mlflow,wandb]"),
        ("tracker=null", "watch.trackers=null"),
        ("tracker.mlflow.store=http://a:1", "watch.mlflow.store=http://a:1"),
        ("watch=bell", "watch.names=[bell]"),
    ],
)
def test_trackers_are_named_in_short(word, full):
    assert expand_override(word) == full
    assert script_words(["script=x", word])[-1].replace("'", "").lstrip("+") == full


def test_a_script_may_have_a_tracker_of_its_own():
    assert script_words(["script=x {tracker}", "tracker=sort,deep"])[-1] == "++tracker=sort,deep"


def test_a_missing_library_or_name_is_said_in_a_line_before_anything_is_trained(regab, tmp_path, monkeypatch):
    monkeypatch.setattr("regab.watchers.is_installed", lambda library: False)
    for words, reason in {
        (*SMALL, "tracker=mlflow"): "tracker=mlflow: is not installed; pip install mlflow",
        ("-m", "seed=0,1", "watch=wandb"): "watch=wandb: is not installed; pip install wandb",
        ("-m", "tracker=tensorbord"): "tracker=tensorbord: unknown tracker; did you mean tracker=tensorboard?",
        ("script=true", "tracker=display"): "tracker=display: unknown tracker; there is: mlflow, tensorboard, wandb",
        ("script=true", "tracker.mlflow.stor=x"): "watch.mlflow.stor: unknown key; did you mean watch.mlflow.store?",
    }.items():
        done = regab("train", *words)
        assert (done.code, done.err) == (2, f"regab: {reason}\n")
    assert not (tmp_path / "outputs").exists()


def test_a_folder_that_a_library_made_is_not_the_library(tmp_path, monkeypatch):
    (tmp_path / "wandbx").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert not is_installed("wandbx")
    assert is_installed("json")


def test_what_listens_to_a_script_is_complete():
    told = check_watch({"names": [], "trackers": ["tensorboard"]} if is_installed("tensorboard") else {})
    assert told["mlflow"] == {"store": None, "project": None}
    with pytest.raises(UsageError, match="watch\\.nmaes: unknown key; did you mean watch\\.names"):
        check_watch({"nmaes": []})


SWEEP = ("train", "-m", *SMALL, "reg.dropout=0,0.3", "seed=0,1", "stack.workers=0")


@pytest.mark.slow
@pytest.mark.parametrize("library", LIBRARIES)
def test_what_is_kept_is_read_back_by_the_library(regab, library):
    need(library)
    done = regab(*SWEEP, f"tracker={library}", whole=True)
    assert done.code == 0, done.err
    about = assert_kept(library, done.folder)
    first, *others = [row["folder"] for row in rows(done.folder / "results.csv")]
    if library == "tensorboard":
        assert about[first]["images"] == ["comparison"]
        for name in (first, *others):
            summary = about[name]["reader"].SummaryMetadata(name, "_hparams_/session_start_info")
            assert b"dropout.rate=0" in summary.plugin_data.content
            assert b"reg.dropout.rate" in summary.plugin_data.content
    if library == "mlflow":
        assert {"report.html", "comparison.png", "result.json"} <= about[first]["artifacts"]
        for name in (first, *others):
            run = about[name]["run"]
            rate = run.data.params["reg.dropout.rate"]
            assert (run.info.status, run.data.tags["variant"]) == ("FINISHED", f"dropout.rate={float(rate):g}")
            assert "selected_test_accuracy" in run.data.metrics
            assert about[name]["artifacts"] >= {"result.json", "metrics.csv", "config.yaml"}
    if library == "wandb":
        assert {"report.html", "comparison.png", "result.json"} <= about[first]["files"]
        for name in (first, *others):
            rate = about[name]["config"]["reg.dropout.rate"]
            assert (about[name]["group"], about[name]["code"]) == (f"dropout.rate={rate:g}", [0])


@pytest.mark.slow
@pytest.mark.parametrize("library", LIBRARIES)
def test_an_export_is_what_would_have_been_kept_and_twice_is_once(regab, library):
    need(library)
    done = regab(*SWEEP)
    for _ in range(2):
        exported = regab("export", str(done.folder), "--to", library)
        assert exported.code == 0, exported.err
        assert "4 of 4 runs" in exported.out
        about = assert_kept(library, done.folder)
    if library == "mlflow":
        ids = {name: known["run"].info.run_id for name, known in about.items()}
        regab("export", str(done.folder), "--to", library)
        assert {name: known["run"].info.run_id for name, known in read(library, done.folder)[1].items()} == ids
    one = regab("train", *SMALL)
    assert regab("export", str(one.folder), "--to", library).code == 0
    assert_kept(library, one.folder)
    script = regab("train", "-m", 'script=echo \'{"val_loss": 0.{seed}, "a@5": 2}\' > result.json', "--seeds", "2")
    assert regab("export", str(script.folder), "--to", library).code == 0
    found, _ = read(library, script.folder)
    assert sorted(value for points in found.values() for name, _, value in points if name == "val_loss") == (
        pytest.approx([0.0, 0.1])
    )


@pytest.mark.slow
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_sweep_that_is_killed_and_resumed_has_every_point_once(tmp_path, library):
    need(library)
    more = ("stack.workers=1", "stack.checkpoint=0", "stack.size=2", "epochs=300", "hydra.sweep.dir=killed")
    words = python("-m", "regab", *last_said((*SWEEP, *more, f"tracker={library}")))
    for number in (signal.SIGKILL, signal.SIGINT):
        process = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        lines = sum(file.read_text().count("\n") for file in tmp_path.glob("killed/*/metrics.csv"))
        while process.poll() is None:
            if sum(file.read_text().count("\n") for file in tmp_path.glob("killed/*/metrics.csv")) >= lines + 250:
                break
            time.sleep(0.05)
        process.send_signal(number)
        process.wait(PATIENCE)
        words = python("-m", "regab", "train", "--resume", "killed")
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(assert_kept(library, tmp_path / "killed")) == 4


@pytest.mark.slow
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_store_that_cannot_be_written_to_costs_no_run(regab, tmp_path, library):
    need(library)
    (tmp_path / "taken").write_text("a file")
    store = "http://localhost:9" if library == "mlflow" else "taken"
    done = regab(*SWEEP, f"tracker={library}", f"tracker.{library}.store={store}")
    assert (done.code, done.err.count("\n")) == (0, 1)
    assert f"watcher {library} failed at " in done.err
    assert done.out.count("epoch 2") == 4
    exported = regab("export", str(done.folder), "--to", library, "--store", store)
    assert (exported.code, exported.err.count("\n")) == (1, 1)


@pytest.mark.slow
def test_several_trackers_listen_to_jobs_of_a_launcher(tmp_path):
    need(*LIBRARIES)
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="pip install -e '.[joblib]'")
    words = python("-W", "ignore", "-m", "regab", *SWEEP[:-1], "hydra/launcher=joblib", "hydra.sweep.dir=jobs")
    words += [f"tracker=[{','.join(LIBRARIES)}]"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    for library in LIBRARIES:
        assert_kept(library, tmp_path / "jobs")


def test_an_export_that_cannot_be_is_said_in_a_line(regab, tmp_path):
    (tmp_path / "empty").mkdir()
    for words, reason in {
        ("empty",): "export: the following arguments are required: --to",
        ("empty", "--to", "mlfow"): "--to mlfow: unknown export; did you mean --to mlflow?",
    }.items():
        done = regab("export", *words)
        assert (done.code, done.err) == (2, f"regab: {reason}\n")


@pytest.mark.slow
def test_a_folder_of_others_cannot_be_exported(regab, tmp_path):
    need("tensorboard")
    (tmp_path / "empty").mkdir()
    for folder in ("empty", "nowhere"):
        done = regab("export", folder, "--to", "tensorboard")
        assert (done.code, done.err) == (2, f"regab: {folder}: is no folder of regab's; see: regab ls\n")
        assert not list(tmp_path.glob("*/tensorboard"))
