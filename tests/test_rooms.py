"""A metric or a task is one file, of regab's or of the user's own; all that compares or shows asks it."""

import csv
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import accuracy_score, r2_score, root_mean_squared_error

from regab import metrics, tasks
from regab.analysis.verdicts.compare import column_of, compare, with_direction
from regab.command.shorthands import expand_override
from regab.errors import UsageError
from regab.metrics.accuracy import Accuracy
from regab.metrics.base import Measure
from regab.metrics.r2 import R2
from regab.metrics.rmse import RMSE
from regab.records.columns import cell, column, metrics_in, score, words
from regab.regularizers.early_stopping import EarlyStopping
from regab.report.sentences import points, unit
from regab.tasks.base import Scale
from regab.training import schedule
from regab.training.assembly.setup import set_up
from regab.training.snapshot import restore, take_snapshot
from tests.conftest import SMALL, curves

UP = '''"""Recall of the first class."""
from regab.metrics.base import Metric

class FirstRecall(Metric):
    direction = "up"
    label = "recall"
    form = ".3f"
    range = "[0, 1]"

    def of(self, outputs, targets):
        return (outputs.argmax(-1) == 0)[:, targets == 0].double().mean(1)
'''
DOWN = '''"""The largest error."""
from regab.metrics.base import Metric

class Worst(Metric):
    direction = "down"
    unit = "units"

    def of(self, outputs, targets):
        return (outputs[..., 0] - targets).abs().amax(1)
'''
TASK = '''"""Least absolute deviations."""
from dataclasses import dataclass
from regab.tasks.regression import Regression

@dataclass(kw_only=True)
class Absolute(Regression):
    weight: float = 1.0
    metrics = ("worst", "r2")
    minimizes = "absolute error"

    def loss(self, outputs, targets):
        return self.weight * (outputs - targets).abs().mean((1, 2))

    def losses(self, outputs, y):
        return (outputs[..., 0] - y).abs()
'''
QUICK = (*SMALL, "curves=false", "stack.workers=0")
NUMBERS = ("data=diabetes", *QUICK[:2], "epochs=2", "curves=false", "stack.workers=0")


@pytest.fixture
def rooms(tmp_path, monkeypatch):
    """Files beside regab's own, outside of its package."""
    files = {"metrics/first_recall.py": UP, "metrics/worst.py": DOWN, "tasks/absolute.py": TASK}
    for name, text in files.items():
        (tmp_path / "rooms" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "rooms" / name).write_text(text)
    monkeypatch.setattr(metrics, "__path__", [*metrics.__path__, str(tmp_path / "rooms" / "metrics")])
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(tmp_path / "rooms" / "tasks")])
    caches = (metrics.metrics, metrics.measures, tasks.tasks)
    for cache in caches:
        cache.cache_clear()
    yield
    monkeypatch.undo()
    for cache in caches:
        cache.cache_clear()


@pytest.fixture
def mine(tmp_path):
    """A module of a name that no other test has imported."""
    name = f"rooms_{abs(hash(tmp_path.name))}"
    (tmp_path / f"{name}.py").write_text(UP + DOWN + TASK)
    return name


def table(folder, name="results.csv"):
    with (folder / name).open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_metric_and_a_task_are_one_file_each(regab, rooms):
    listed = re.sub("  +", "  ", regab("list", "metric").out)
    assert "first_recall  Recall of the first class [up]" in listed
    assert "worst  The largest error [down]" in listed
    assert re.search(r"^absolute +Least absolute deviations \[loss, worst, r2\]$", regab("list", "task").out, re.M)
    sweep = regab("train", "-m", *NUMBERS, "task=absolute", "task.weight=1,100", "--seeds", "3")
    assert sweep.code == 0, sweep.err
    rows = table(sweep.folder)
    assert {row["task.weight"] for row in rows} == {"1", "100"}
    header = list(table(sweep.folder / rows[0]["folder"], "metrics.csv")[0])
    assert header[4:13] == [f"{split}_{m}" for split in ("train", "val", "test") for m in ("loss", "worst", "r2")]
    assert float(rows[0]["selected_test_worst"]) > 50  # in units of the target, not in deviations
    assert "test worst" in sweep.out
    result = json.loads((sweep.folder / rows[0]["folder"] / "result.json").read_text())
    assert (result["task"], result["loss"]) == ("absolute", "absolute error")
    assert result["stack_size"] == 6  # runs that differ in a task's numbers are trained together


@pytest.mark.slow
def test_metrics_and_a_task_of_the_users_own_are_known_from_files_alone(regab, mine, tmp_path):
    own = f"metrics.extra.first._target_={mine}.FirstRecall"
    sweep = regab("train", "-m", *QUICK, own, "headline=first", "reg.dropout=0,0.3", "--seeds", "3")
    assert sweep.code == 0, sweep.err
    rows = table(sweep.folder)
    assert float(rows[0]["selected_test_first"]) <= 1
    assert rows[0]["selected_test_accuracy"]
    assert "test recall" in sweep.out
    (tmp_path / f"{mine}.py").unlink()
    again = regab("report", str(sweep.folder))
    assert again.code == 0, again.err
    assert "test recall" in again.out
    assert "test recall" in (sweep.folder / "report.html").read_text()
    assert "test accuracy" in regab("report", str(sweep.folder), "--metric", "test_accuracy").out
    one = sweep.folder / rows[0]["folder"]
    assert "test recall" in regab("report", str(one), "--to", "there").out


def test_a_single_run_shows_a_metric_of_the_users_own(regab, mine):
    words = (f"task._target_={mine}.Absolute", "metrics=r2", f"metrics.extra.far._target_={mine}.Worst")
    run = regab("train", *NUMBERS, *words)
    assert run.code == 0, run.err
    assert list(table(run.folder, "metrics.csv")[0])[4:7] == ["train_loss", "train_r2", "train_far"]
    assert "test far" in run.out


def given(first, second, direction):
    """F1 of two variants with three seeds each."""
    noise = [0.0, 0.004, -0.003]
    found = pd.DataFrame(
        [
            {"reg.l2.strength": level, "seed": seed, "fold": None, "status": "finished", "reason": ""}
            | {"selected_test_zing": value + noise[seed] * (1 + bool(level != "0")), "folder": ""}
            for level, value in (("0", first), ("1", second))
            for seed in range(3)
        ]
    ).astype({"fold": "Int64"})
    if direction:
        found.attrs["metrics"] = {"zing": {"direction": direction}}
    return found


def test_the_verdict_goes_by_the_metrics_own_direction():
    for direction, verdict in (("up", "helps"), ("down", "hurts")):
        rows = compare(given(0.71, 0.81, direction), metric="test_zing").set_index("variant")
        assert rows["verdict"].iloc[1] == verdict
    assert compare(given(0.81, 0.71, "up")).set_index("variant")["verdict"].iloc[1] == "hurts"


def test_a_metric_without_a_direction_is_an_error_and_never_a_guess():
    with pytest.raises(UsageError, match="test_zing: whether more or less of it is better is not known; say so by"):
        compare(given(0.71, 0.81, ""), metric="test_zing")
    told = with_direction(given(0.71, 0.81, ""), "test_zing", "up")
    assert compare(told, metric="test_zing").set_index("variant")["verdict"].iloc[1] == "helps"
    assert words(column_of(with_direction(given(0.71, 0.81, "up"), None, "down"))) == "test zing"
    with pytest.raises(UsageError, match="test_zinc: unknown metric; did you mean test_zing"):
        compare(given(0.71, 0.81, "up"), metric="test_zinc")
    with pytest.raises(UsageError, match="unknown metric"):
        words("val_sharpness")
    with pytest.raises(UsageError, match="not known"):
        column("l2_norm").measure.upwards  # noqa: B018


def test_a_headline_that_is_not_in_the_table_is_no_other_metric():
    results = given(0.71, 0.81, "up")
    results.attrs["headline"] = "auroc"
    with pytest.raises(UsageError, match="test_auroc: unknown metric"):
        compare(results)


@pytest.mark.slow
def test_the_report_asks_for_a_direction(regab):
    sweep = regab("train", "-m", *QUICK, "reg.dropout=0,0.3")
    wrong = regab("report", str(sweep.folder), "--metric", "l2_norm")
    assert (wrong.code, wrong.err.count("\n")) == (2, 1)
    assert "l2_norm: whether more or less of it is better is not known" in wrong.err
    assert regab("report", str(sweep.folder), "--metric", "l2_norm", "--direction", "down").code == 0


def test_values_are_shown_as_the_metric_says():
    share = column("test_f1", {"f1": Measure("f1", "up", "F1", ".1%")})
    assert (words(share), cell(share, 0.714), points(share, 0.1), unit(share)) == (
        "test F1",
        "71.4%",
        "+10.00",
        "points",
    )
    plain = column("val_off", {"off": Measure("off", "down", form=".1f", unit="mm")})
    assert (words(plain), cell(plain, 2.34), points(plain, -0.5), unit(plain)) == ("val off", "2.3", "−0.5", "mm")
    assert unit("test_rmse") == "test RMSE"


def test_the_score_is_the_first_metric_of_which_one_is_best():
    assert score(["train_loss", "train_rmse", "train_r2"]) == "r2"
    assert score(["train_loss", "train_accuracy"]) == "accuracy"
    assert score(["train_loss", "train_rmse"]) == "rmse"
    assert score(["train_objective", "train_loss"]) == "loss"
    assert metrics_in(["step", "train_objective", "train_loss", "val_r2", "l2_norm"]) == ["r2"]


WRONG = {
    "metrics=acuracy": "metrics=acuracy: unknown metric; did you mean metrics=accuracy?",
    "metrics=rmse": "metrics=rmse: is for regression, but the task is classification",
    "headline=f5": "headline=f5: the task is classification; choose one of loss, accuracy",
    "metrics=[] headline=accuracy": "headline=accuracy: is not measured; say metrics=[accuracy]",
    "metrics.extra.x._target_=json.JSONDecoder": "must be a subclass of regab's Metric",
    "metrics.extra.x._target_=regab.metrics.base.Metric": 'must say direction = "up" or direction = "down"',
    "metrics.extra.accuracy._target_=regab.metrics.r2.R2": "regab has a metric or a column of that name",
    "metrics.extra.val_x._target_=regab.metrics.r2.R2": "regab has a metric or a column of that name",
    "schedule=plateau schedule.monitor=val_r2": "schedule.monitor=val_r2: the task is classification",
    "reg.early_stopping=2 reg.early_stopping.monitor=test_loss": "choose one of val_loss, val_accuracy",
    "task.weight=2": "task.weight: say first which task, as task=classification",
    "task._target_=json.JSONDecoder": "must be a subclass of regab's Task",
    "-m metrics=[accuracy],[]": "metrics: is for the whole sweep",
}


ALIKE = {
    key for key in WRONG if key.startswith(("metrics=rmse", "metrics.extra.x._target_=json", "metrics.extra.accuracy"))
}
ALIKE |= {"schedule=plateau schedule.monitor=val_r2", "headline=f5", "task._target_=json.JSONDecoder"}


@pytest.mark.parametrize("wrong", [pytest.param(w, marks=[pytest.mark.slow] * (w in ALIKE)) for w in WRONG])
def test_a_mistake_about_metrics_and_tasks_is_one_line(regab, tmp_path, wrong):
    result = regab("train", *QUICK, *wrong.split())
    assert WRONG[wrong] in result.err
    assert (result.code, result.err.count("\n"), list(tmp_path.iterdir())) == (2, 1, [])


def test_an_unknown_task_is_told_which_there_are():
    with pytest.raises(UsageError, match="task=ranking: unknown task; there is: auto, classification, "):
        expand_override("task=ranking")
    assert expand_override("task=auto") == "task._target_=null"


def test_a_task_that_is_named_decides_how_labels_are_read(regab, tmp_path):
    (tmp_path / "t.csv").write_text("a,y\n" + "".join(f"{i % 7},{20 * (i % 3)}\n" for i in range(60)))
    words = ("data=csv", "data.path=t.csv", "data.label=y", *NUMBERS[1:])
    assert json.loads((regab("train", *words).folder / "result.json").read_text())["task"] == "classification"
    run = regab("train", *words, "task=regression")
    result = json.loads((run.folder / "result.json").read_text())
    assert (result["task"], round(result["target"]["mean"], -1)) == ("regression", 20)  # the numbers, not the classes'
    for named, task in ((), "classification"), (("task=regression",), "regression"):
        assert f"; {task}; fingerprint " in regab("data", *words[:3], *named).out


def test_data_are_shown_for_the_task_that_is_named(regab, rooms, mine):
    for task in ("task=absolute", f"task._target_={mine}.Absolute"):
        shown = regab("data", "data=diabetes", task, "task.weight=2")
        assert (shown.code, shown.err, shown.out.count("\n")) == (0, "", 1)
        assert "an input is 10 features; absolute; fingerprint " in shown.out
    wrong = ("data=diabetes", "task=classification")
    refused, train = regab("data", *wrong), regab("train", *wrong, "model=mlp")
    assert (refused.code, refused.err) == (2, train.err)


def test_metrics_are_what_scikit_learn_says():
    torch.manual_seed(0)
    outputs, labels = torch.randn(2, 50, 3), torch.randint(3, (50,))
    for run, found in zip(outputs, Accuracy().of(outputs, labels), strict=True):
        assert found.item() == accuracy_score(labels, run.argmax(1))
    numbers, targets = torch.randn(2, 50, 1), torch.randn(50)
    for run, rmse, r2 in zip(numbers, RMSE().of(numbers, targets), R2().of(numbers, targets), strict=True):
        assert rmse.item() == pytest.approx(root_mean_squared_error(targets, run[:, 0]), rel=1e-6)
        assert r2.item() == pytest.approx(r2_score(targets, run[:, 0]), rel=1e-6)


def test_a_scale_goes_there_and_back():
    y = torch.tensor([1e6, 1e6 + 3.0, 1e6 - 5.0], dtype=torch.float64)
    scale = Scale(1e6, 4.0)
    assert scale.back(scale(y)).tolist() == pytest.approx(y.tolist(), abs=1e-6)
    assert Scale().back(y) is y


def test_what_is_measured_does_not_change_what_is_trained(regab, mine):
    plain, more, less = (
        regab("train", *QUICK, *words)
        for words in ([], [f"metrics.extra.caught._target_={mine}.FirstRecall"], ["metrics=[]"])
    )
    first = table(plain.folder, "metrics.csv")
    for other in (more, less):
        rows = table(other.folder, "metrics.csv")
        shared = [name for name in first[0] if name in rows[0] and name != "seconds"]
        assert [[row[n] for n in shared] for row in rows] == [[row[n] for n in shared] for row in first]
    assert "train_accuracy" not in table(less.folder, "metrics.csv")[0]


@pytest.mark.slow
def test_runs_that_lack_a_column_are_trained_again_and_others_not(regab, mine):
    own = f"metrics.extra.caught._target_={mine}.FirstRecall"
    sweep = regab("train", "-m", *QUICK, "reg.dropout=0,0.3")
    before = table(sweep.folder)
    regab("train", "--resume", str(sweep.folder), own)
    after = table(sweep.folder)
    assert [row["folder"] for row in after] == [row["folder"] for row in before]
    assert all(row["selected_test_caught"] for row in after)
    for old, new in zip(before, after, strict=True):
        assert all(new[name] == value for name, value in old.items() if name != "seconds")
    assert "2 done already" in regab("train", "--resume", str(sweep.folder), "metrics.names=[]").out
    assert "test recall" in regab("train", "--resume", str(sweep.folder), "headline=caught").out


@pytest.mark.slow
def test_sweeps_from_before_and_after_a_new_metric_go_together(regab, mine):
    own = f"metrics.extra.caught._target_={mine}.FirstRecall"
    old = regab("train", "-m", *QUICK, "reg.dropout=0,0.3", "--seeds", "3").folder
    shutil.move(old, old.with_name("old"))
    new = regab("train", "-m", *QUICK, "reg.dropout=0,0.3", "--seeds", "4", own).folder
    for folders in ([old.with_name("old"), new], [new, old.with_name("old")]):
        both = regab("report", *map(str, folders), "--to", "both", "--metric", "test_caught")
        assert both.code == 0, both.err
        rows = table(new.parents[2] / "both")
        assert len(rows) == 8
        assert all(row["selected_test_caught"] for row in rows)


def test_a_checkpoint_that_lacks_a_metric_is_not_taken_up(small):
    with_it, without = set_up([small()]), set_up([small({"metrics.names": []})])
    with_it.watch.history = {f"{split}_{m}": [np.zeros(1)] for split in ("train", "val") for m in ("loss", "accuracy")}
    without.watch.history = {f"{split}_loss": [np.zeros(1)] for split in ("train", "val")}
    with pytest.raises(ValueError, match="accuracy was not measured then"):
        restore(with_it, take_snapshot(without))
    restore(without, take_snapshot(with_it))
    assert list(without.watch.history) == ["train_loss", "val_loss"]


def test_plateau_follows_torch_upwards_too():
    values = [0.5, 0.6, 0.60001, 0.59, 0.7, 0.7, 0.69, 0.7, 0.2]
    options = {"patience": 1, "threshold": 1e-3}
    ours = schedule.Plateau(shrink=0.5, monitor="val_accuracy", **options)
    ours.upwards = True
    ours.start(torch.tensor([1.0]), 1, len(values))
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, "max", 0.5, **options)
    for epoch, value in enumerate(values, 1):
        ours.epoch_ended(epoch, torch.tensor([value], dtype=torch.float64))
        theirs.step(value)
        assert ours.lr(0).item() == optimizer.param_groups[0]["lr"]
    assert ours.lr(0).item() == 0.125


def test_plateau_goes_by_the_metric_that_it_monitors(small):
    plateau = {"_target_": "regab.training.schedule.Plateau", "patience": 0, "threshold": 0.0}
    plateau |= {"shrink": 0.5, "cooldown": 0, "min_lr": 0.0}
    (run,) = curves(small({"schedule": plateau | {"monitor": "val_accuracy"}, "epochs": 8, "optimizer.lr": 0.05}))
    best, rate = -np.inf, run["lr"][1]
    for epoch in range(1, 9):
        assert run["lr"][epoch] == pytest.approx(rate)
        rate, best = (rate, run["val_accuracy"][epoch]) if run["val_accuracy"][epoch] > best else (rate / 2, best)
    assert rate < run["lr"][1]


def test_a_rule_stops_by_the_users_own_metric_in_its_direction(small, mine, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(tmp_path)
    stopping = {"reg.early_stopping.patience": 2.0, "reg.early_stopping.monitor": "val_caught"}
    own = {"metrics.extra": {"caught": {"_target_": f"{mine}.FirstRecall"}}, "epochs": 12, "optimizer.lr": 0.02}
    (run,) = curves(small(own | stopping))
    first = int(np.argmax(run["val_caught"][1:] == run["val_caught"][1:].max())) + 1
    assert run["epoch"][-1] == min(first + 2, 12)
    rule = EarlyStopping(patience=2.0, monitor="val_x")
    rule.measures = {"x": Measure("x", "up")}
    assert rule.stopped({"val_x": np.array([[0.0], [0.1], [0.3], [0.2], [0.2]])})[0].tolist() == [2]
