"""Results made elsewhere: which layouts are recognized, what is asked for, and that verdicts are compare's own."""

import itertools
import random
import sqlite3
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from regab.analysis.table import read
from regab.analysis.verdicts.compare import compare
from regab.errors import UsageError
from regab.records.imports.columns import Asked, canonical
from regab.records.imports.source import read_table
from regab.records.imports.table import find, imported, known_metrics
from regab.report.imported import bring_in
from regab.report.study import Options, Study

RANDOM = random.Random(0)
RUNS = [
    {"dropout": d, "wd": w, "seed": s, "accuracy": 0.9 + 0.02 * (d > 0) + RANDOM.gauss(0, 0.01)}
    for d, w, s in itertools.product((0.0, 0.5), (0.0, 1e-4), range(4))
]


def expected(metric="val_accuracy", folds=False):
    """What ``compare`` says of the same numbers in regab's own layout, the seeds perhaps being ``folds`` of one."""
    rows = [
        {"dropout": f"{r['dropout']:g}", "wd": f"{r['wd']:g}",
         "seed": 0 if folds else r["seed"], "fold": r["seed"] if folds else pd.NA, "status": "finished",
         f"selected_{metric}": r["accuracy"], "folder": ""}
        for r in RUNS
    ]  # fmt: skip
    return compare(pd.DataFrame(rows).astype({"fold": "Int64"}), metric=metric)


def judged(path, metric=None, **asked):
    """The verdicts about the results in a file or folder."""
    found = imported(find([path]), Asked(metric=metric, **asked), known_metrics())
    return compare(found.results, metric=found.metric)


def same(found, wanted):
    """Whether two tables of verdicts are equal, in the order of the variants' names."""
    order = [table.sort_values("variant").reset_index(drop=True) for table in (found, wanted)]
    pd.testing.assert_frame_equal(*[t.drop(columns="metric") for t in order], check_dtype=False)


def written(path, rows, **options):
    pd.DataFrame(rows).to_csv(path, index=False, **options)
    return path


def test_a_table_with_a_row_per_run(tmp_path):
    rows = [{"dropout": r["dropout"], "wd": r["wd"], "seed": r["seed"], "val/acc": r["accuracy"]} for r in RUNS]
    same(judged(written(tmp_path / "t.csv", rows)), expected())


def test_a_column_of_folds_says_that_training_data_are_shared(tmp_path):
    rows = [{"dropout": r["dropout"], "wd": r["wd"], "fold": r["seed"], "val/acc": r["accuracy"]} for r in RUNS]
    same(judged(written(tmp_path / "t.csv", rows)), expected(folds=True))
    assert not np.allclose(expected(folds=True)["ci_low"][1:], expected()["ci_low"][1:])


def test_rows_in_any_order_give_the_same_and_zero_is_the_baseline(tmp_path):
    rows = [{"dropout": r["dropout"], "wd": r["wd"], "random_state": r["seed"], "val_acc": r["accuracy"]} for r in RUNS]
    same(judged(written(tmp_path / "t.csv", rows[::-1])), expected())


def test_semicolons_and_decimal_commas(tmp_path):
    rows = [{"dropout": r["dropout"], "wd": r["wd"], "Seed": r["seed"], "val_accuracy": r["accuracy"]} for r in RUNS]
    same(judged(written(tmp_path / "t.csv", rows, sep=";", decimal=",", encoding="utf-8-sig")), expected())


def test_a_workbook_or_a_line_saying_what_it_needs(tmp_path):
    path = tmp_path / "t.xlsx"
    pytest.importorskip("openpyxl", reason="pip install openpyxl")
    pd.DataFrame(RUNS).rename(columns={"accuracy": "val_accuracy"}).to_excel(path, index=False)
    same(judged(path), expected())


def test_percents_and_numbers_up_to_a_hundred_are_shares(tmp_path):
    base = [{"dropout": r["dropout"], "wd": r["wd"], "seed": r["seed"]} for r in RUNS]
    signs = [row | {"val acc": f"{100 * r['accuracy']!r} %"} for row, r in zip(base, RUNS, strict=True)]
    plain = [row | {"val acc": 100 * r["accuracy"]} for row, r in zip(base, RUNS, strict=True)]
    for i, rows in enumerate((signs, plain)):
        same(judged(written(tmp_path / f"{i}.csv", rows)), expected())


def test_a_column_per_seed(tmp_path):
    table = pd.DataFrame(RUNS).pivot(index=["dropout", "wd"], columns="seed", values="accuracy").reset_index()
    named = table.rename(columns={i: f"seed{i}" for i in range(4)})
    same(judged(written(tmp_path / "named.csv", named), metric="val_accuracy"), expected())
    prefixed = table.rename(columns={i: f"val_acc_seed{i}" for i in range(4)})
    same(judged(written(tmp_path / "prefixed.csv", prefixed)), expected())
    same(judged(written(tmp_path / "bare.csv", table), metric="val_accuracy"), expected())
    with pytest.raises(UsageError, match=r"what are the numbers in the columns of the seeds\? Say --metric"):
        judged(tmp_path / "bare.csv")


def test_a_column_per_variant(tmp_path):
    table = pd.DataFrame(RUNS).assign(v=[f"{r['dropout']}/{r['wd']}" for r in RUNS])
    wide = table.pivot(index="seed", columns="v", values="accuracy").reset_index()
    found = judged(written(tmp_path / "t.csv", wide), metric="val_accuracy")
    np.testing.assert_allclose(sorted(found["p_value"].dropna()), sorted(expected()["p_value"].dropna()))
    assert found["variant"][0] == "column=0.0/0.0"


def test_a_row_per_metric(tmp_path):
    table = pd.DataFrame(RUNS).rename(columns={"accuracy": "val_acc"}).assign(val_loss=1.0)
    long = table.melt(["dropout", "wd", "seed"], var_name="metric")
    same(judged(written(tmp_path / "t.csv", long)), expected())
    earlier = long.assign(value=0.5)  # as of logs, of which the last says what was reached
    same(judged(written(tmp_path / "t.csv", pd.concat([earlier, long]))), expected())


def test_a_row_per_epoch_gives_curves_and_the_last_values(tmp_path):
    rows = [
        {"dropout": r["dropout"], "wd": r["wd"], "seed": r["seed"], "epoch": e, "val_acc": r["accuracy"] - (2 - e) / 10}
        for r in RUNS
        for e in range(3)
    ]
    path = written(tmp_path / "t.csv", rows)
    same(judged(path), expected())
    curves = next(iter(imported(find([path]), Asked(), known_metrics()).curves.values()))
    np.testing.assert_allclose(curves["val_accuracy"], RUNS[0]["accuracy"] - np.array([0.2, 0.1, 0]))


def test_the_best_epoch_of_every_run_is_no_curve(tmp_path):
    rows = [r | {"val_acc": r["accuracy"], "epoch": 10 + i % 3} for i, r in enumerate(RUNS)]
    rows = [{k: v for k, v in r.items() if k != "accuracy"} for r in rows]
    same(judged(written(tmp_path / "t.csv", rows)), expected())


def test_a_parameter_may_be_called_as_a_column_of_verdicts_is(tmp_path):
    rows = [{"n": r["dropout"], "metric": r["wd"], "seed": r["seed"], "val_acc": r["accuracy"]} for r in RUNS]
    found = judged(written(tmp_path / "t.csv", rows))
    np.testing.assert_allclose(found["p_value"], expected()["p_value"])
    assert found["variant"][3] == "n_=0.5, metric_=0.0001"


def test_failed_and_running_runs_are_left_out(tmp_path):
    rows = [r | {"val_acc": r["accuracy"], "state": "finished"} for r in RUNS]
    rows = [{k: v for k, v in r.items() if k != "accuracy"} for r in rows]
    rows[-1] |= {"state": "crashed", "val_acc": 0.1}
    rows[-2] |= {"state": "running", "val_acc": 0.1}
    found = imported(find([written(tmp_path / "t.csv", rows)]), Asked(), known_metrics()).results
    assert found["status"].value_counts().to_dict() == {"finished": 14, "failed": 1, "unfinished": 1}
    assert compare(found)["n"].tolist()[-1] == 2


@pytest.mark.parametrize(
    ("columns", "asked", "message"),
    [
        ({"a": [0, 0, 1, 1], "auc": [0.1, 0.2, 0.3, 0.4]}, {"metric": "auc"}, "--seed NAME"),
        ({"a": [0, 1], "seed": [0, 0], "auc": [0.1, 0.2]}, {"metric": "ac"}, "--metric ac: unknown column"),
        ({"a": [0, 1], "seed": [0, 0], "auc": [0.1, 0.2]}, {"factors": ("b",)}, "--factors b: unknown column"),
        ({"a": [0, 1], "seed": [0, 0], "auc": [0.1, 0.2]}, {"seed": "s"}, "--seed s: unknown column"),
        ({"a": range(6), "seed": [0, 1, 2] * 2, "f1": [0.5, 0.25] * 3}, {}, "every run is a variant of its own"),
    ],
)  # fmt: skip
def test_what_is_missing_is_asked_for_in_one_line(tmp_path, columns, asked, message):
    path = written(tmp_path / "t.csv", columns)
    with pytest.raises(UsageError, match=message) as error:
        imported(find([path]), Asked(**asked), known_metrics())
    assert "\n" not in str(error.value)


def test_files_that_are_no_tables_are_refused_in_one_line(tmp_path):
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "head.csv").write_text("a,b\n")
    (tmp_path / "folder").mkdir()
    for name in ("empty.csv", "head.csv", "folder"):
        with pytest.raises(UsageError, match=name):
            find([tmp_path / name])


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("val/acc", "val_accuracy"), ("Validation Accuracy", "val_accuracy"), ("test-acc", "test_accuracy"),
     ("accuracy/val", "val_accuracy"), ("loss", "loss"), ("val.loss", "val_loss"), ("F1", "f1")],
)  # fmt: skip
def test_names_of_metrics_by_which_people_call_them(name, wanted):
    assert canonical(name) == wanted


def test_levels_keep_their_spelling(tmp_path):
    rows = [{"x": x, "seed": s, "val_acc": 0.5 + s / 10} for x in ("none", "True", "[1, 2]") for s in range(3)]
    found = imported(find([written(tmp_path / "t.csv", rows)]), Asked(), known_metrics())
    assert list(dict.fromkeys(found.results["x"])) == ["none", "true", "[1, 2]"]
    assert read_table(tmp_path / "t.csv")["x"].isna().sum() == 0


def wandb_rows():
    head = {"State": "finished", "Notes": "-", "User": "me", "Tags": "", "Created": "2026-01-01", "Runtime": 12}
    return [
        {"Name": f"run-{i}", **head, "Runtime": i, "dropout": r["dropout"], "seed": r["seed"], "wd": r["wd"],
         "_step": 99, "val/acc": r["accuracy"]}
        for i, r in enumerate(RUNS)
    ]  # fmt: skip


def test_the_table_of_a_wandb_page(tmp_path):
    same(judged(written(tmp_path / "t.csv", wandb_rows())), expected())


def test_the_table_that_wandbs_api_makes(tmp_path):
    rows = [
        {"summary": str({"val/acc": r["accuracy"], "_step": 2}), "name": f"r{i}",
         "config": str({"model": {"dropout": r["dropout"]}, "wd": r["wd"], "seed": r["seed"], "lr": 0.1})}
        for i, r in enumerate(RUNS)
    ]  # fmt: skip
    found = judged(written(tmp_path / "t.csv", rows))
    np.testing.assert_allclose(found["p_value"], expected()["p_value"])
    assert found["variant"][1] == "model.dropout=0, wd=0.0001"


def test_the_tables_of_mlflow(tmp_path):
    exported = [
        {"run_id": f"{i:032x}", "experiment_id": 0, "status": "FINISHED", "start_time": f"2026-01-01 00:00:{i}",
         "metrics.val_acc": r["accuracy"], "params.dropout": str(r["dropout"]), "params.wd": r["wd"],
         "params.seed": r["seed"], "params.lr": 0.1, "params.folder": f"out/{i}", "tags.mlflow.runName": f"run{i}"}
        for i, r in enumerate(RUNS)
    ]  # fmt: skip
    same(judged(written(tmp_path / "export.csv", exported)), expected())
    page = [
        {"Start Time": f"2026-01-01 00:00:{i}", "Duration": f"{i}s", "Run ID": f"{i:x}", "Name": f"run{i}",
         "Source Type": "LOCAL", "Source Name": "a.py", "User": "me", "Status": "FINISHED",
         "dropout": r["dropout"], "wd": r["wd"], "seed": r["seed"], "val_acc": r["accuracy"]}
        for i, r in enumerate(RUNS)
    ]  # fmt: skip
    same(judged(written(tmp_path / "page.csv", page)), expected())


def test_the_folder_of_mlflow(tmp_path):
    for i, run in enumerate(RUNS):
        folder = tmp_path / "mlruns" / "0" / f"{i:04x}"
        for kind in ("params", "metrics"):
            (folder / kind / "val").mkdir(parents=True)
        (folder / "meta.yaml").write_text(f"run_name: run{i}\nstatus: 3\nlifecycle_stage: active\n")
        for key in ("dropout", "wd", "seed"):
            (folder / "params" / key).write_text(str(run[key]))
        (folder / "metrics" / "val" / "acc").write_text(f"1 0.5 0\n2 {run['accuracy']!r} 1\n")
    same(judged(tmp_path / "mlruns"), expected())


def test_the_table_of_optunas_trials(tmp_path):
    rows = [
        {"number": i, "value": r["accuracy"], "duration": "0 days", "params_dropout": r["dropout"],
         "params_wd": r["wd"], "user_attrs_seed": r["seed"], "system_attrs_x": i, "state": "COMPLETE"}
        for i, r in enumerate(RUNS)
    ]  # fmt: skip
    found = imported(find([written(tmp_path / "t.csv", rows)]), Asked(), known_metrics())
    assert (found.roles.factors, found.roles.seed, found.roles.metrics) == (["dropout", "wd"], "seed", ["value"])


def folder_of_curves(root, name, rows, parameters=""):
    (root / name).mkdir(parents=True)
    written(root / name / "metrics.csv", rows)
    if parameters:
        (root / name / "hparams.yaml").write_text(parameters)


def test_lightnings_folders(tmp_path):
    for i, r in enumerate(RUNS):
        rows = []
        for e in range(2):
            rows.append({"epoch": e, "step": 10 * e, "train_loss": 1 / (e + 1)})
            rows.append({"epoch": e, "step": 10 * e, "val_acc": r["accuracy"] + e - 1, "val_loss": 2 / (e + 1)})
        rows.append({"epoch": 2, "step": 20, "test_loss": 0.5})
        parameters = f"dropout: {r['dropout']}\nseed: {r['seed']}\nopt:\n  wd: {r['wd']}\n"
        parameters += "act: !!python/name:torch.nn.ReLU ''\n"
        folder_of_curves(tmp_path / "lightning_logs", f"version_{i}", rows, parameters)
    found = imported(find([tmp_path / "lightning_logs"]), Asked(), known_metrics())
    assert found.roles.factors == ["dropout", "opt.wd"]
    table = compare(found.results, metric="val_accuracy")
    np.testing.assert_allclose(table["p_value"], expected()["p_value"])
    curves = next(iter(found.curves.values()))
    assert curves["train_loss"].tolist() == [1.0, 0.5]
    assert curves["val_loss"].tolist() == [2.0, 1.0]
    assert found.results["selected_test_loss"].tolist() == [0.5] * len(RUNS)


def test_kerass_logs_with_the_parameters_in_names(tmp_path):
    files = []
    for r in RUNS:
        name = f"dropout={r['dropout']}_wd={r['wd']}_seed={r['seed']}.csv"
        rows = [
            {"epoch": e, "accuracy": 0.5, "loss": 1.0, "val_accuracy": r["accuracy"], "val_loss": 1} for e in (0, 1)
        ]
        files.append(written(tmp_path / name, rows))
    same(judged(tmp_path), expected())
    found = imported(find(files), Asked(), known_metrics())
    assert found.roles.metrics == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert found.results["selected_train_loss"].tolist() == [1.0] * len(RUNS)


def test_a_database_of_something_else_is_refused(tmp_path):
    base = sqlite3.connect(tmp_path / "other.db")
    base.execute("CREATE TABLE songs (name TEXT)")
    base.commit()
    base.close()
    with pytest.raises(UsageError, match="there are no results of regab's in it"):
        find([tmp_path / "other.db"])


@pytest.mark.slow
def test_the_whole_report_from_the_command_line(regab, tmp_path):
    rows = [{"dropout": r["dropout"], "wd": r["wd"], "seed": r["seed"], "val/acc": r["accuracy"]} for r in RUNS]
    path = written(tmp_path / "t.csv", rows)
    done = regab("report", str(path))
    assert done.code == 0
    assert "table, 16 runs; factors: dropout, wd; seed: seed; metric: val_accuracy (up)" in done.out
    page = (done.folder / "report.html").read_text()
    assert "results from" in page
    assert "regab train" not in page + done.out
    assert "missing or damaged" not in page
    effects = pd.read_csv(done.folder / "effects.csv")
    np.testing.assert_allclose(effects["p_value"], expected()["p_value"])
    again = regab("report", str(done.folder / "results.csv"))
    assert again.code == 0
    assert again.out.splitlines()[-1] == done.out.splitlines()[-1]


@pytest.mark.parametrize(("direction", "word"), [("up", "helps"), ("down", "hurts")])
def test_the_direction_of_an_unknown_metric_decides_and_is_kept(tmp_path, capsys, direction, word):
    rows = [{"dropout": r["dropout"], "seed": r["seed"] + 10 * (r["wd"] > 0), "auc": r["accuracy"]} for r in RUNS]
    path = written(tmp_path / "t.csv", rows)
    options = bring_in([path], Asked(), Options(direction=direction), tmp_path / "report")
    assert f"metric: auc ({direction})" in capsys.readouterr().out
    study = Study([tmp_path / "report"], read([tmp_path / "report"]), replace(options, metric=None, direction=None))
    assert (study.metric, study.variants[1].effect["verdict"]) == ("auc", word)


def test_nothing_is_written_where_something_is_missing(regab, tmp_path):
    rows = [
        {"dropout": r["dropout"], "wd": r["wd"], "seed": r["seed"], "a": r["accuracy"], "b": r["accuracy"] ** 2}
        for r in RUNS
    ]
    path = written(tmp_path / "t.csv", rows)
    direction = "whether more or less of it is better is not known; say so by --direction up or down"
    for words, message in (
        ((), "Say --metric NAME; there is: a, b"),
        (("--baseline", "dropout=3"), "--metric"),
        (("--metric", "a"), direction),
        (("--metric", "a", "--direction", "up", "--baseline", "dropout=3"), "unknown variant"),
    ):
        done = regab("report", str(path), *words)
        assert done.code == 2
        assert message in done.err
        assert done.folder is None
    done = regab("report", str(tmp_path / "no.csv"))
    assert (done.code, done.err) == (2, f"regab: report {tmp_path / 'no.csv'}: there is no such folder or file\n")
