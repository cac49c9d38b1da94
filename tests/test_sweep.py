"""``regab train -m``: which runs, in which folders, with which numbers."""

import csv
import json
import math

import pytest

from regab.command.shorthands import expand, expand_override
from regab.config import Run, digest, structure
from regab.records.log import METRICS, PLACED, RunLog
from regab.records.results import MEASURES, RESULTS, load_measures, run_folders, write_results
from regab.sweep.design import grid
from regab.sweep.folders import fresh_folder, run_folder_name
from regab.sweep.sweep import tabulate
from regab.workers.events import Ended
from regab.workers.store import Store, describe
from tests.conftest import SMALL

MIXED = (
    "reg.dropout=0,0.3",
    "reg.l1=0,1e-3",
    "reg.weight_decay=0,0.1",
    "reg.label_smoothing=0.1",
    "optimizer.lr=1e-3,1e-2",
)


def results(folder):
    with (folder / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def metrics(folder):
    with (folder / "metrics.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def test_every_run_of_a_mixed_sweep_is_the_run_trained_alone_bit_for_bit(regab):
    design = ("--design", "leave_one_out", "seed=3,4")
    sweep = regab("train", "-m", *design, *SMALL, *MIXED, "data.n_train=151").folder
    table = results(sweep)
    assert len(table) == 10
    factors = list(table[0])[: list(table[0]).index("seed")]
    for row in table[::3]:
        words = [f"{key}={row[key]}" for key in factors]
        alone = regab(
            "train",
            *SMALL,
            *words,
            "reg.label_smoothing=0.1",
            f"seed={row['seed']}",
            "data.n_train=151",
            "curves=false",
        ).folder
        assert metrics(sweep / row["folder"]) == metrics(alone)


@pytest.mark.slow
def test_a_convolutional_run_of_a_sweep_is_the_run_trained_alone_to_a_thousandth(regab):
    words = ("model=cnn", "model.channels=[4]", "model.widths=[16]", "data.n_train=300", "epochs=2", "reg.norm=batch")
    sweep = regab("train", "-m", *words, "reg.dropout=0,0.5", "seed=0,1").folder
    for row in results(sweep)[1:3]:
        extra = (f"reg.dropout={row['reg.dropout.rate']}", f"seed={row['seed']}", "curves=false")
        alone = regab("train", *words, *extra).folder
        for a, b in zip(metrics(sweep / row["folder"]), metrics(alone), strict=True):
            assert {k: float(v or 0) for k, v in a.items()} == pytest.approx(
                {k: float(v or 0) for k, v in b.items()}, rel=1e-3, abs=1e-4
            )


def test_a_sweep_leaves_a_table_a_picture_and_a_folder_per_run(regab):
    words = ("reg.dropout=0,0.5", "reg.norm=none,batch", "--seeds", "3", "stack.size=5")
    sweep = regab("train", "-m", *SMALL, *words, whole=True)
    assert sweep.code == 0
    table = results(sweep.folder)
    assert len(table) == 12
    assert {row["fold"] for row in table} == {""}  # without cross-validation
    assert [row["seed"] for row in table[:4]] == ["0", "1", "2", "0"]
    assert [(row["reg.dropout.rate"], row["reg.norm.kind"]) for row in table[::3]] == [
        ("0", "none"), ("0", "batch"), ("0.5", "none"), ("0.5", "batch"),
    ]  # fmt: skip
    assert (sweep.folder / "comparison.png").stat().st_size > 10_000
    for row in table:
        run = sweep.folder / row["folder"]
        assert {f.name for f in run.iterdir()} == {".hydra", "metrics.csv", "result.json", "model.pt", "encoding.json"}
        result = json.loads((run / "result.json").read_text())
        assert result["stack_size"] == 3  # two structures of six runs
        assert float(row["selected_val_loss"]) == result["selected"]["val_loss"]
        assert float(row["last_test_accuracy"]) == result["last"]["test_accuracy"]
        assert run.name.endswith(result["digest"][:6])
    assert table[-1]["folder"].startswith("dropout.rate=0.5,norm.kind=batch,seed=2-")


@pytest.mark.slow
def test_runs_are_stacked_by_structure_and_cut_to_size(regab):
    sweep = regab("train", "-m", *SMALL, "reg.norm=none,batch", "seed=range(5)", "stack.size=4")
    sizes = [
        json.loads((sweep.folder / row["folder"] / "result.json").read_text())["stack_size"]
        for row in results(sweep.folder)
    ]
    assert sorted(sizes) == [2] * 4 + [3] * 6  # two structures of five runs


def test_a_failing_run_does_not_take_the_others_along(regab):
    sweep = regab("train", "-m", *SMALL, "optimizer.lr=1e-3,1e20,1e-2")
    assert sweep.code == 1
    again = f"regab train --resume outputs/run/{sweep.folder.name}"
    assert sweep.err == f"regab: 1 of 3 runs failed; go on with: {again}\n"
    table = results(sweep.folder)
    assert [row["status"] for row in table] == ["finished", "failed", "finished"]
    assert table[1]["reason"] == "diverged in epoch 1: train_objective is nan"
    assert not table[1]["selected_val_loss"]


def test_a_run_whose_model_raises_fails_alone(regab, tmp_path, monkeypatch):
    (tmp_path / "fragile.py").write_text(
        "import torch\n"
        "class Net(torch.nn.Linear):\n"
        "    def __init__(self, shape, classes, limit: int):\n"
        "        super().__init__(64, classes)\n"
        "        self.limit = limit\n"
        "    def forward(self, x):\n"
        "        if self.training and self.limit == 1:\n"
        "            raise RuntimeError('boom')\n"
        "        return super().forward(x.flatten(1)) * (1 + self.limit)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "mine" / "model").mkdir(parents=True)
    (tmp_path / "mine" / "model" / "fragile.yaml").write_text("_target_: fragile.Net\nlimit: 0\n")
    words = ("data.n_train=100", "epochs=1", "model=fragile", "model.limit=0,1,2")
    sweep = regab("train", "-m", "--config-dir", "mine", *words)
    assert sweep.code == 1
    assert [row["status"] for row in results(sweep.folder)] == ["finished", "failed", "finished"]
    error = (sweep.folder / results(sweep.folder)[1]["folder"] / "error.txt").read_text()
    assert error.startswith("fragile.py, line 8: RuntimeError: boom\nTraceback")


def test_the_same_folder_again_trains_only_what_is_missing(regab, tmp_path):
    words = ("train", "-m", *SMALL, "hydra.sweep.dir=here")
    assert regab(*words, "seed=0,1").code == 0
    before = {f: f.stat().st_mtime_ns for f in (tmp_path / "here").glob("*/metrics.csv")}
    again = regab(*words, "seed=0,1,2")
    assert "3 runs; 2 done already; 1 to train" in again.out
    assert {f: f.stat().st_mtime_ns for f in before} == before
    assert len(results(tmp_path / "here")) == 3


@pytest.mark.slow
def test_a_sweep_over_models_and_paired_values(regab):
    sweep = regab("train", "-m", *SMALL[2:], "model=linear,mlp", "reg.l2={strength:0},{strength:1e-3,scope:all}")
    assert sweep.code == 0
    assert {row["model"] for row in results(sweep.folder)} == {"linear", "mlp"}


def test_runs_that_differ_in_nothing_that_counts_are_trained_once(regab):
    words = ("reg.dropout.rate=0,0.5", "reg.dropout.kind=standard,gaussian")
    planned = regab("train", "-m", *SMALL, *words, "--dry-run").out
    assert "4 runs, of which 1 repeat others; 3 to train" in planned
    assert planned.count("dropout.kind=") == 3


@pytest.mark.slow
def test_curves_are_drawn_in_a_sweep_only_if_asked_for(regab):
    sweep = regab("train", "-m", *SMALL, "seed=0,1", "curves=true")
    assert len(list(sweep.folder.glob("*/curves.png"))) == 2


@pytest.mark.slow
def test_the_exercise_is_one_command(regab):
    sweep = regab("train", "-m", "experiment=dropout_after_fc2", "epochs=2", "seed=0,1", whole=True)
    assert sweep.code == 0
    assert [row["reg.dropout.rate"] for row in results(sweep.folder)] == ["0", "0", "0.5", "0.5"]
    assert (sweep.folder / "comparison.png").is_file()


def test_seeds_alone_make_a_sweep(regab):
    assert "2 times" in regab("train", *SMALL, "--seeds=2", "--dry-run").out


def test_grid_is_the_product_with_the_last_factor_fastest():
    assert grid({"a": ["1", "2"], "b": ["x"], "c": ["0", "1"]}) == [
        {"a": a, "b": "x", "c": c} for a in "12" for c in "01"
    ]


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("reg.dropout=0.5", "reg.dropout.rate=0.5"),
        ("reg.dropout=0,0.5", "reg.dropout.rate=0,0.5"),
        ("reg.norm=batch", "reg.norm.kind=batch"),
        ("+reg.l2=1", "+reg.l2.strength=1"),
        ("reg.dropout={rate:0.5}", "reg.dropout={rate:0.5}"),
        ("reg.dropout.kind=spatial", "reg.dropout.kind=spatial"),
        ("reg=strong", "reg=strong"),
        ("reg.dropuot=0.5", "reg.dropuot=0.5"),
        ("reg.extra.mine._target_=a.B", "++reg.extra.mine._target_=a.B"),
        ("seed=3", "seed=3"),
    ],
)
def test_shorthands_are_written_out(word, meaning):
    assert expand_override(word) == meaning


def test_options_of_our_own_are_written_out():
    assert expand(["--seeds", "3", "-m"])[:2] == (["-m", "seed=range(3)"], False)
    assert expand(["--seeds=3"])[:2] == (["-m", "seed=range(3)"], False)
    assert expand(["-m", "--design", "grid", "a=1"])[:2] == (["-m", "a=1", "hydra.sweeper.design=grid"], False)
    assert expand(["a=1,2", "--dry-run"])[:2] == (["-m", "a=1,2"], True)


def test_identity_ignores_what_cannot_change_the_numbers_and_nothing_else(small):
    base = digest(small())
    for same in ({"name": "x"}, {"stack.size": 3}, {"curves": True}, {"reg.dropout.kind": "spatial"}):
        assert digest(small(same)) == base
    different = [
        {"seed": 1}, {"epochs": 3}, {"reg.dropout.rate": 0.1}, {"optimizer.lr": 0.1}, {"data.n_train": 151},
        {"model.widths": [17]}, {"data.split_seed": 1}, {"batch_size": 31}, {"reg.early_stopping.patience": 3.0},
    ]  # fmt: skip
    digests = {digest(small(values)) for values in different}
    assert len(digests | {base}) == len(different) + 1


def test_structure_is_shared_by_runs_that_differ_in_numbers_alone(small):
    base = structure(small())
    for same in ({"seed": 1}, {"reg.dropout.rate": 0.1}, {"optimizer.lr": 0.1}, {"reg.max_norm.limit": 2.0}):
        assert structure(small(same)) == base
    for other in ({"reg.norm.kind": "batch"}, {"epochs": 3}, {"batch_size": 31}, {"reg.dropout.kind": "spatial"}):
        assert structure(small(other)) != base


def test_folder_names_are_readable_short_and_safe():
    name = run_folder_name({"reg.dropout.rate": "0.5", "data.path": "a b/../c", "x": "'[1,2]'"}, "0123456789")
    assert name == "dropout.rate=0.5,data.path=a_b_.._c,x=_1,2_-012345"
    assert len(run_folder_name({"key": "v" * 500}, "0123456789")) < 150
    assert run_folder_name({}, "0123456789") == "012345"


def test_a_taken_folder_gets_a_number(tmp_path):
    path = str(tmp_path / "x")
    assert [fresh_folder(path, claim=True) for _ in range(3)] == [path, f"{path}-2", f"{path}-3"]
    assert fresh_folder(str(tmp_path / "y"), claim=False) == str(tmp_path / "y")
    assert not (tmp_path / "y").exists()


OTHERS = {
    "seed": 1, "epochs": 3, "batch_size": 33, "device": "cpu", "precision": "bf16", "data.val_fraction": 0.3,
    "model.widths": [17], "optimizer.lr": 0.5, "schedule.floor": 0.5,
    "reg.dropout.rate": 0.5, "task._target_": "regab.tasks.classification.Classification",
}  # fmt: skip
PASSIVE = {"name": "another", "curves": True, "stack.size": 3, "watch.names": ["log"]}
PASSIVE |= {"metrics.names": [], "headline": "loss"}


def test_whatever_can_change_a_runs_numbers_belongs_to_its_identity_and_nothing_else(small):
    assert {key.split(".")[0] for key in OTHERS | PASSIVE} >= set(small())  # whoever adds a key says which it is
    for key, value in OTHERS.items():
        assert digest(small({key: value})) != digest(small()), key
    for key, value in PASSIVE.items():
        assert digest(small({key: value})) == digest(small()), key


def test_another_sweepers_batches_are_summed_up_once_by_one_baseline(regab):
    words = ("reg.dropout=0,0.1,0.2,0.3", "seed=0", "hydra/sweeper=basic", "hydra.sweeper.max_batch_size=2")
    done = regab("train", "-m", *SMALL, *words, "stack.workers=0")
    assert done.code == 0, done.err
    assert done.out.count("95 % interval") == done.out.count("Report: ") == 1
    rates = [row["reg.dropout.rate"] for row in results(done.folder)]
    assert rates == ["0", "0.1", "0.2", "0.3"]
    assert next(line for line in done.out.splitlines() if "baseline" in line).startswith("dropout.rate=0 ")


def test_models_and_paired_values_may_vary_too(regab):
    done = regab("train", "-m", "model=linear,mlp", "reg.l2={strength:0},{strength:1e-3,scope:all}", "--dry-run")
    lines = [line.strip() for line in done.out.splitlines() if line.startswith("  ")]
    pairs = ("l2={strength:0}", "l2={strength:0.001,scope:all}")
    assert lines == [f"model={model}, {pair}" for model in ("linear", "mlp") for pair in pairs]


@pytest.mark.parametrize("design", [(), ("--design", "one_at_a_time")])
def test_a_dry_run_lists_the_variants_and_how_often_each_is_repeated(regab, tmp_path, design):
    done = regab("train", "-m", *design, *SMALL, "reg.dropout=0,0.3", "reg.l2=0,1", "--seeds", "3", "--dry-run")
    lines = [line.strip() for line in done.out.splitlines() if line.startswith("  ")]
    variants = [(d, w) for d in ("0", "0.3") for w in ("0", "1") if not design or "0" in (d, w)]
    assert sorted(lines) == [f"dropout.rate={d}, l2.strength={w}, 3 times" for d, w in variants]
    assert done.err == ""
    assert not (tmp_path / "outputs").exists()


def test_the_table_of_runs_that_have_just_ended_is_that_of_their_files(tmp_path):
    runs, ended = [], {}
    for seed, (folder, loss) in enumerate(zip("abc", (math.inf, math.nan, -0.0), strict=True)):
        last = {"epoch": 1, "val_loss": loss, "val_accuracy": 1 / 3, "train_loss": None}
        result = {"digest": folder, "task": "t", "status": "finished", "selected": last | {"epoch": 0}, "last": last}
        config = {"seed": seed, "headline": None, "data": {}}
        run = Run(config, tmp_path / folder, {"reg.l2.strength": "0" * (seed + 1), "key": "a=b", "seed": str(seed)})
        vars(run)["digest"] = folder
        log = RunLog(run.folder, list(last), [result["selected"], last])
        ended[folder] = Ended(folder, log.finish(result | {"seed": seed, "seconds": loss}, {}, False))
        describe(run)
        runs.append(run)
    (tmp_path / "c" / METRICS).unlink()  # so that only what is known tells that it has finished
    tabulate(Store(tmp_path), runs, {name: ended[name] for name in "ab"})
    at_hand = [(tmp_path / name).read_text() for name in (RESULTS, MEASURES)]
    write_results(tmp_path, [*"abc"])
    assert at_hand == [(tmp_path / name).read_text() for name in (RESULTS, MEASURES)]
    assert "unfinished" in at_hand[0]
    tabulate(Store(tmp_path), runs, ended)
    assert "unfinished" not in (tmp_path / RESULTS).read_text()


def ask(root, config, *levels, headline=None):
    """As a command that asks for runs of these levels (folders ``l<level>``) and ends: the levels by row, and by what
    verdicts go."""
    runs = [Run(config | {"headline": headline, "epochs": int(x)}, root / f"l{x}", {"x": x}) for x in levels]
    store = Store(root)
    store.hidden.mkdir(exist_ok=True)
    store.place(runs)
    [*map(describe, runs)]
    tabulate(store, runs, {})
    return [row["x"] for row in results(root)], load_measures(root)["headline"]


def test_levels_keep_the_order_in_which_they_were_first_asked_for_unless_all_are_asked_for_again(small, tmp_path):
    config = small()
    assert ask(tmp_path, config, "2", "3") == (["2", "3"], None)
    assert ask(tmp_path, config, "1", headline="f1") == (["2", "3", "1"], "f1")  # of the command, not of the first row
    assert ask(tmp_path, config, "4", "2", headline="f1") == (["2", "3", "1", "4"], "f1")
    (tmp_path / RESULTS).unlink()
    assert run_folders(tmp_path) == ["l2", "l3", "l1", "l4"]
    write_results(tmp_path, run_folders(tmp_path))  # as regab report does
    assert [row["x"] for row in results(tmp_path)] == ["2", "3", "1", "4"]
    assert load_measures(tmp_path)["headline"] == "f1"
    (tmp_path / PLACED).unlink()
    assert [*Store(tmp_path).known().values()] == ["l2", "l3", "l1", "l4"]
    assert ask(tmp_path, config, "1", "4", "3", "2") == (["1", "4", "3", "2"], None)


@pytest.mark.slow
@pytest.mark.parametrize("mode", [[], ["-m"]])
def test_the_baseline_stays_when_a_level_is_added_to_a_factor_that_has_no_neutral_one(regab, tmp_path, mode):
    first = regab("train", "-m", *SMALL, "optimizer.lr=1e-2,1e-3", "--seeds", "3", "hydra.sweep.dir=here")
    assert "baseline" in first.out
    more = regab("train", *mode, "--resume", "here", "optimizer.lr=1e-4")
    assert more.code == 0, more.err
    with (tmp_path / "here" / "effects.csv").open(newline="") as file:
        assert [row["variant"] for row in csv.DictReader(file) if row["verdict"] == "baseline"] == ["optimizer.lr=0.01"]


def test_commands_that_are_told_can_be_pasted(regab):
    done = regab("train", "-m", *SMALL, "reg.dropout=0,0.5", "hydra.sweep.dir='my sweep'", "stack.workers=0")
    assert done.out.endswith("Report: my sweep/report.html (with all figures: regab report 'my sweep')\n")
