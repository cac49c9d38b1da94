"""regab from Python: the same numbers as the command line, objects, errors as exceptions, and a notebook."""

import gc
import os
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from torch import nn

import regab
from regab.api.progress import Bar
from regab.api.training import ONE_BY_ONE
from regab.api.words import OBJECTS, path_of, words_of
from regab.config import Run
from regab.watchers.base import Planned
from tests.conftest import SMALL, python
from tests.processes import PATIENCE

ROOT = Path(__file__).parents[1]
TINY = {"model": "mlp", "model.widths": [16], "data.n_train": 150, "batch_size": 32}


class Net(nn.Module):
    def __init__(self, in_features, num_classes, width: int = 8):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(in_features, width), nn.ReLU(), nn.Linear(width, num_classes))

    def forward(self, x):
        return self.layers(x.flatten(1))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A sweep of two variants and three seeds."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("sweep"))
    try:
        given = TINY | {"model.widths": [[16]], "reg.dropout": [0, 0.5], "stack.workers": 0}
        return regab.sweep(given, seeds=3, epochs=2, progress=False)
    finally:
        os.chdir(before)


def test_importing_it_imports_nothing_heavy():
    script = (
        "import sys, regab; regab.sweep, regab.report, dir(regab); print({'torch', 'pandas', 'numpy'} & {*sys.modules})"
    )
    done = subprocess.run(python("-c", script), capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_threads_train_what_each_has_asked_for(here):
    begin, asked = threading.Barrier(3), (1, 2, 3)

    def train(epochs):
        begin.wait()
        return len(regab.train(TINY | {"curves": False}, epochs=epochs, progress=False).metrics)

    with ThreadPoolExecutor(len(asked)) as pool:
        assert [*pool.map(train, asked)] == [epochs + 1 for epochs in asked]


def test_what_waits_is_trained_by_the_class_that_it_was_given(here, monkeypatch):
    name, given = "Named", type("Named", (Net,), {"__module__": __name__})
    monkeypatch.setattr(sys.modules[__name__], name, given, raising=False)
    with ThreadPoolExecutor(1) as pool:
        with ONE_BY_ONE:
            values = {"model": given, "data.n_train": 100, "curves": False}
            waits = pool.submit(regab.train, values, epochs=1, progress=False)
            with pytest.raises(TimeoutError):
                waits.result(0.5)
            other = type(name, (Net,), {"__init__": lambda self, in_features, num_classes: Net.__init__(self, 1, 1)})
            setattr(sys.modules[__name__], name, other)
        assert waits.result().result["parameters"] == 64 * 8 + 8 + 8 * 10 + 10


def test_classes_of_one_name_that_threads_give_at_once_are_told_apart():
    begin, things = threading.Barrier(8), [[type(f"Alike{n}", (Net,), {}) for n in range(1000)] for _ in range(8)]

    def named(mine):
        begin.wait()
        return [path_of(thing) for thing in mine]

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            names = [*pool.map(named, things)]
    finally:
        sys.setswitchinterval(interval)
    found = [[getattr(sys.modules[OBJECTS], name.rpartition(".")[2]) for name in mine] for mine in names]
    assert found == things


COPIED = """
import multiprocessing, pathlib, sys, threading, time
import regab

def train():
    words = "model=mlp data.n_train=150 reg.dropout=0,0.5 epochs=200 curves=false stack.workers=1 hydra.sweep.dir=here"
    regab.sweep(words, progress=False)

thread = threading.Thread(target=train)
thread.start()
while not any(pathlib.Path("here").glob("*/metrics.csv")):
    time.sleep(0.01)
copy = multiprocessing.get_context("fork").Process(target=time.sleep, args=(1000,), daemon=True)
copy.start()
print("heard")
while not pathlib.Path("here/report.html").is_file():
    time.sleep(0.01)
ended = time.monotonic()
thread.join()
print(time.monotonic() - ended < 4, state_of(pathlib.Path("here")).word)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only there is anything forked")
def test_a_copy_that_another_thread_makes_holds_neither_the_folder_nor_the_foreman_and_prints(here):
    script = f"from regab.records.state import state_of\n{COPIED}"
    done = subprocess.run(
        python("-W", "ignore", "-c", script), capture_output=True, text=True, cwd=here, timeout=PATIENCE
    )
    assert (done.stdout, done.stderr) == ("heard\nTrue finished\n", "")


def test_nothing_is_forked_without_workers(here, monkeypatch):
    monkeypatch.setattr("regab.sweep.session.Crew", lambda ahead: pytest.fail("a foreman was begun"))
    given = TINY | {"model.widths": [[16]], "stack.workers": 0, "reg.dropout": [0, 0.5], "curves": False}
    assert len(regab.sweep(given, epochs=1, progress=False).runs) == 2


def test_garbage_is_collected_as_it_was_before(here):
    before = gc.isenabled(), gc.get_threshold()
    gc.set_threshold(701, 11, 12)
    gc.disable()
    try:
        regab.sweep(
            TINY | {"model.widths": [[16]], "stack.workers": 0, "reg.dropout": [0, 0.5]}, epochs=1, progress=False
        )
        assert (gc.isenabled(), gc.get_threshold()) == (False, (701, 11, 12))
    finally:
        gc.set_threshold(*before[1])
        gc.enable()
    assert before[0]


@pytest.mark.slow
def test_a_run_is_that_of_the_command_line(regab_command, here):
    ours = regab.train(TINY, "reg.dropout=0.5", epochs=2, progress=False)
    folder = regab_command("train", *SMALL, "reg.dropout=0.5").folder
    theirs = regab.load(folder)
    assert ours.result["digest"] == theirs.result["digest"]
    pd.testing.assert_frame_equal(ours.metrics.drop(columns="seconds"), theirs.metrics.drop(columns="seconds"))
    assert ours.selected["val_loss"] == theirs.selected["val_loss"]
    assert ours.overrides["reg.dropout.rate"] == "0.5"
    assert ours.config["reg"]["dropout"]["rate"] == 0.5


@pytest.fixture
def regab_command(request):
    return request.getfixturevalue("regab")


def test_a_sweep_has_its_runs_results_and_verdicts(trained):
    assert [run.status for run in trained.runs] == ["finished"] * 6
    assert trained.results["reg.dropout.rate"].tolist() == ["0"] * 3 + ["0.5"] * 3
    table = trained.compare(metric="val_loss")
    values = trained.results["selected_val_loss"].to_numpy().reshape(2, 3)
    np.testing.assert_allclose(table["mean_difference"][1], (values[1] - values[0]).mean())
    np.testing.assert_allclose(trained.factors(metric="val_loss")["effect"], table["mean_difference"][1:])
    assert trained.failures == {}
    best = trained.best()
    means = trained.results.groupby("reg.dropout.rate")["selected_val_accuracy"].mean()
    assert best.overrides["reg.dropout.rate"] == means.idxmax()


def test_what_notebooks_show(trained):
    html = trained._repr_html_()
    assert "dropout.rate=0.5" in html
    assert "<table" in html
    assert "dropout.rate=0.5" in repr(trained)
    assert "val_loss" in trained.runs[0]._repr_html_()


def test_figures_are_drawn_on_axes_of_the_users(trained):
    import matplotlib.pyplot as plt

    with mpl.rc_context({"backend": "Agg"}):
        figure, axes = plt.subplots()
        assert trained.plot.forest(axes) is axes
        assert [label.get_text() for label in axes.get_yticklabels()] == ["dropout.rate=0.5"]
        for draw in (trained.plot.curves, trained.plot.scores, trained.plot.gaps):
            assert draw().get_figure() is not figure
        assert trained.plot.strength("dropout.rate").get_title() is not None
        with pytest.raises(regab.UsageError, match="vary two factors"):
            trained.plot.interactions()
        plt.close("all")


def test_a_results_table_as_pandas_reads_it_is_compared(trained):
    frame = pd.read_csv(trained.folder / "results.csv")
    pd.testing.assert_frame_equal(regab.compare(frame), trained.compare())
    pd.testing.assert_frame_equal(regab.compare(trained.folder), trained.compare())
    pd.testing.assert_frame_equal(regab.compare(trained), trained.compare())
    other = regab.compare(frame, baseline={"dropout.rate": 0.5})
    assert other["verdict"].tolist()[1] == "baseline"


def test_any_frame_is_compared():
    rows = [(d, s, 0.7 + 0.1 * (d > 0) + 0.01 * ((s * 7) % 3)) for d in (0.0, 0.5) for s in range(4)]
    frame = pd.DataFrame(rows, columns=["dropout", "seed", "auc"])
    up, down = (regab.compare(frame, metric="auc", direction=way) for way in ("up", "down"))
    assert (up["verdict"][1], down["verdict"][1]) == ("helps", "hurts")
    with pytest.raises(regab.UsageError, match="direction"):
        regab.compare(frame, metric="auc")
    indexed = frame.set_index(["dropout", "seed"])
    pd.testing.assert_frame_equal(regab.compare(indexed, metric="auc", direction="up"), up)


def test_mistakes_are_exceptions_and_the_process_goes_on(here):
    for ask, message in (
        (lambda: regab.train("modle=mlp"), "did you mean model"),
        (lambda: regab.train({"model": []}), "model"),
        (lambda: regab.sweep({"reg.dropout": []}), "has no values"),
        (lambda: regab.load("nowhere"), "there is no such folder"),
        (lambda: regab.sweep("--desing=grid"), "unknown option"),
    ):
        with pytest.raises(regab.UsageError, match=message):
            ask()
    assert not any(here.rglob("metrics.csv"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"at": "first"}, "at='first': must be selected or last"),
        ({"direction": "higher"}, "direction='higher': must be up or down"),
        ({"metric": ["auc"]}, r"metric=\['auc'\]: must be the name of a metric"),
        ({"baseline": 0}, "baseline=0: must be the name of a variant, or a dict"),
        ({"practical": "1"}, "practical='1': must be a number from 0"),
        ({"factors": "dropout"}, r"factors='dropout': must be a list of names of columns, as \['dropout'\]"),
        ({"seed": 0}, "seed=0: must be the name of a column"),
        ({"metrik": "auc"}, r"^metrik: unknown option; did you mean metric\?"),
        ({"colour": "red"}, "^colour: unknown option; there is: .*practical"),
    ],
)
def test_an_option_that_means_nothing_is_named_by_comparisons_and_reports(here, trained, options, message):
    frame = pd.DataFrame({"dropout": [0.0, 0.5], "seed": 0, "auc": [0.7, 0.8]})
    asks = [lambda: regab.compare(frame, **options), lambda: regab.report(frame, to=here / "page", **options)]
    if not options.keys() & {"factors", "seed"}:
        asks += [lambda: trained.compare(**options), lambda: trained.report(here / "page", **options)]
        asks += [lambda: trained.factors(**options), lambda: trained.interactions(**options)]
        asks += [lambda: trained.plot.forest(**options)]
    for ask in asks:
        with pytest.raises(regab.UsageError, match=message):
            ask()
    assert not (here / "page").exists()


@pytest.mark.parametrize("given", [None, [1, 2], {"wd": [0, 1]}, np.zeros((3, 3)), pd.Series([0.5, 0.6])])
def test_what_is_no_table_is_told_what_would_be(here, given):
    for ask in (lambda: regab.compare(given), lambda: regab.report(given, to=here / "page")):
        with pytest.raises(regab.UsageError, match=f"a {type(given).__name__} is no table of results; give"):
            ask()


@pytest.mark.slow
def test_a_sweep_of_which_some_runs_fail_is_returned_and_one_of_which_all_fail_raises(here):
    given = TINY | {"model.widths": [[16]], "optimizer": "sgd", "stack.workers": 0}
    some = regab.sweep(given, {"optimizer.lr": [0.1, 1e30]}, epochs=1, progress=False)
    assert len(some.failures) == 1
    assert "diverged" in next(iter(some.failures.values()))
    with pytest.raises(regab.RunsFailed, match="2 of 2 runs failed"):
        regab.sweep(given, {"optimizer.lr": [1e29, 1e30]}, epochs=1, progress=False)


def test_classes_stand_for_themselves(here):
    class Local(Net):
        pass

    made = regab.train({"model": Local, "model.width": 4, "data.n_train": 100}, epochs=1, progress=False)
    assert made.result["parameters"] == 64 * 4 + 4 + 4 * 10 + 10
    assert words_of([], {"model": Net}, False) == [f"model._target_={__name__}.Net"]
    first, second = (words_of([], {"model": thing}, False)[0] for thing in (Local, type("Local", (Net,), {})))
    assert first != second


@pytest.mark.parametrize(
    ("value", "written"),
    [(1e-4, "0.0001"), (True, "true"), (None, "null"), ("a b", "'a b'"), ([1, 2], "[1,2]"), (np.float64(0.5), "0.5"),
     ("range(3)", "range(3)"), (Path("x,y.csv"), "'x,y.csv'"), ({"a": 1}, "{a:1}")],
)  # fmt: skip
def test_values_as_a_command_line_has_them(value, written):
    assert words_of([], {"key": value}, False) == [f"key={written}"]


def test_an_array_has_the_values_of_a_list():
    assert words_of([], {"reg.dropout": np.linspace(0, 0.5, 2)}, True) == ["reg.dropout=0.0,0.5"]
    assert words_of([], {"model.widths": np.array([8, 4])}, False) == ["model.widths=[8,4]"]


@pytest.mark.parametrize(
    "value",
    [(np.ones((2, 2)), np.ones((2, 1))), pd.DataFrame({"a": [1]}), nn.Linear(2, 2), [{"a": nn.Linear(2, 2)}], object()],
)
def test_what_cannot_be_written_is_refused_with_what_can_be_handed_over(value):
    for sweep in (False, True):
        with pytest.raises(
            regab.UsageError, match=r"^data: \w+ objects are no values .*; hand over a class, or a func"
        ):
            words_of([], {"data": value}, sweep)


def test_the_bar_counts_epochs_and_runs(tmp_path):
    pytest.importorskip("IPython", reason="pip install ipykernel")
    runs = [Run({"seed": s, "epochs": 4}, tmp_path / str(s), {}) for s in (0, 1)]
    for run, digest in zip(runs, "ab", strict=True):
        run.__dict__["digest"] = digest
    bar = Bar()
    bar.planned(Planned(tmp_path, {"a": runs[0], "b": runs[1]}, {}, {}))
    bar.epoch(runs[0], {"epoch": 2})
    assert 'value="0.250"' in bar.html()
    bar.ended(runs[0], {}, "", "")
    bar.ended(runs[1], None, "diverged <in epoch 1>", "")
    assert "2 of 2 runs done, 1 failed" in bar.html()
    assert "diverged &lt;in epoch 1&gt;" in bar.html()


@pytest.mark.slow
def test_the_readmes_notebook_runs_in_a_kernel_from_top_to_bottom(here):
    pytest.importorskip("nbclient", reason="pip install nbclient")
    pytest.importorskip("ipykernel", reason="pip install ipykernel")
    section = (ROOT / "README.md").read_text().split("## From Python")[1]
    (source,) = re.findall(r"```python\n(.*?)```", section.split("\n## ")[0], re.DOTALL)
    checks = """
assert len(sweep.runs) == 12 and (sweep.results["status"] == "finished").all(), sweep.results
assert len(regab.compare(again.results)) == 4
assert len(list(sweep.folder.glob(".regab/runs.json"))) == 1
"""
    (here / "run.py").write_text(RUN_NOTEBOOK)
    (here / "cells.txt").write_text("\n# %%\n".join([source, checks]))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    words = [sys.executable, "-W", "ignore", "run.py"]
    done = subprocess.run(words, cwd=here, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "<progress" in done.stdout
    assert "dropout.rate=0.5" in done.stdout


RUN_NOTEBOOK = """
import nbclient, nbformat
cells = [nbformat.v4.new_code_cell(text) for text in open("cells.txt").read().split("# %%\\n")]
book = nbformat.v4.new_notebook(cells=cells)
nbclient.NotebookClient(book, timeout=300, kernel_name="python3").execute()
for cell in book.cells:
    for output in cell.outputs:
        print(output.get("data", {}).get("text/html", ""), output.get("text", ""))
"""
