"""The report of a sweep: page, tables, terminal, and ``regab report`` from the files alone."""

import contextlib
import csv
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from regab.records.results import PAGE
from regab.report.report import report_sweep
from tests.conftest import SMALL, python
from tests.processes import run

SWEEP = ("-m", *SMALL, "reg.dropout=0,0.5", "reg.l2=0,0.1", "seed=0,1,2")


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A folder with a small sweep of four variants and three seeds, and what was printed."""
    with contextlib.chdir(tmp_path_factory.mktemp("swept")):
        code, out, err = run("train", *SWEEP, "hydra.sweep.dir=sweep", whole=True)
        assert code == 0, err
        return Path("sweep").resolve(), out


def data_of(page, name="data"):
    return json.loads(re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.DOTALL)[1])


def test_a_sweep_ends_with_a_verdict_per_variant_and_a_page(swept):
    folder, out = swept
    assert re.search(r"^Report: .*/report.html", out, re.MULTILINE)
    with (folder / "effects.csv").open() as file:
        effects = list(csv.DictReader(file))
    assert [row["verdict"] for row in effects].count("baseline") == 1
    for row in effects:
        (line,) = [line for line in out.splitlines() if line.startswith(f"{row['variant']} ")]
        assert line.endswith(row["verdict"])
    assert {path.name for path in folder.glob("*.*")} >= {"report.html", "table.md", "table.tex", "comparison.png"}


def test_the_page_holds_every_run_and_asks_nobody_for_anything(swept):
    page = (swept[0] / "report.html").read_text()
    assert [len(variant["runs"]) for variant in data_of(page)["variants"]] == [3, 3, 3, 3]
    assert not re.search(r'(?:src|href)="(?!data:)|url\((?!#)|@import|fetch\(|https?://(?!www\.w3\.org/2000/svg)', page)


@pytest.mark.slow
def test_the_page_names_a_command_that_trains_the_variant_again(swept, regab):
    commands = data_of((swept[0] / "report.html").read_text(), "commands").values()
    (command,) = [c for c in commands if "reg.dropout.rate=0.5 reg.l2.strength=0.1" in c]
    again = regab(*command.replace("'", "").split()[1:])
    digests = {path.name[-6:] for path in again.folder.glob("*/") if not path.name.startswith(".")}
    there = {path.name[-6:] for path in swept[0].glob("dropout.rate=0.5,l2.strength=0.1*")}
    assert digests == there


def test_the_tables_have_a_line_per_variant_and_the_best_in_bold(swept):
    lines = (swept[0] / "table.md").read_text().splitlines()
    assert len([line for line in lines if line.startswith("| ")]) == 6
    assert sum("**" in line for line in lines) >= 1
    tex = (swept[0] / "table.tex").read_text()
    assert tex.count(r"\\") == 6  # two of them of the head
    assert r"\toprule" in tex
    assert r"\mathbf{" in tex
    assert "n = 3" in tex
    assert not re.search(r"(?m)(?<!\\)[%_](?!.*usepackage|$)", tex.split("\n", 1)[1])


@pytest.mark.slow
def test_a_report_is_made_again_from_the_runs_without_torch(swept, tmp_path):
    folder, _ = swept
    before = {name: (folder / name).read_text() for name in ("results.csv", "effects.csv", "table.md")}
    for name in before:
        (folder / name).unlink()
    script = "import sys, regab.cli, atexit; atexit.register(lambda: print({'torch', 'hydra'} & {*sys.modules})); "
    done = subprocess.run(
        python("-c", f"{script}regab.cli.main()", "report", str(folder)), capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "set()"
    effects = (folder / "effects.csv").read_text()
    assert sorted(effects.splitlines()) == sorted(before["effects.csv"].splitlines())
    assert (folder / "results.csv").read_text().count("\n") == before["results.csv"].count("\n")


@pytest.mark.slow
def test_a_report_of_another_metric_against_another_baseline_goes_elsewhere(swept, regab, tmp_path):
    words = ("--metric", "val_loss", "--at", "last", "--baseline", "dropout.rate=0.5,l2.strength=0")
    done = regab("report", str(swept[0]), *words, "--to", "elsewhere")
    assert done.code == 0, done.err
    with (tmp_path / "elsewhere" / "effects.csv").open() as file:
        effects = {row["variant"]: row for row in csv.DictReader(file)}
    assert effects["dropout.rate=0.5, l2.strength=0"]["verdict"] == "baseline"
    assert {row["metric"] for row in effects.values()} == {"val_loss"}


def test_what_cannot_be_reported_is_said_in_a_line(regab, tmp_path):
    (tmp_path / "empty").mkdir()
    for words, reason in (
        (["nowhere"], "no such folder"),
        (["empty"], "no results of regab's"),
        ([], "required: DIR"),
        (["empty", "--practical", "much"], "invalid float value"),
    ):
        done = regab("report", *words)
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert reason in done.err


@pytest.mark.slow
def test_one_run_has_a_report_too(regab):
    folder = regab("train", *SMALL, "curves=false").folder
    done = regab("report", str(folder))
    assert done.code == 0, done.err
    assert (
        "There is nothing" in (folder / "report.html").read_text()
        or "nothing to compare" in done.out + (folder / "report.html").read_text()
    )
    assert (folder / "curves.png").is_file()


@pytest.mark.slow
def test_failed_runs_damaged_curves_and_a_cut_table_are_said_and_survived(regab, tmp_path):
    folder = regab("train", "-m", *SMALL, "optimizer=sgd", "optimizer.lr=0.1,1e20", "seed=0,1").folder
    page = (folder / "report.html").read_text()
    assert page.count("diverged in epoch") >= 2
    whole = sorted(folder.glob("optimizer.lr=0.1*"))
    (whole[0] / "metrics.csv").unlink()
    results = folder / "results.csv"
    results.write_text(results.read_text()[:-30])
    done = regab("report", str(folder))
    assert done.code == 0, done.err
    assert len(data_of((folder / "report.html").read_text())["variants"][0]["runs"]) == 1


@pytest.mark.slow
def test_two_sweeps_with_one_baseline_make_one_report(regab, tmp_path):
    folders = [regab("train", "-m", *SMALL, f"{key}=0,0.1", "seed=0,1,2").folder for key in ("reg.l2", "reg.dropout")]
    done = regab("report", *map(str, folders), "--pdf")
    assert done.code == 0, done.err
    with (done.folder / "effects.csv").open() as file:
        effects = list(csv.DictReader(file))
    assert sorted(row["n"] for row in effects) == ["3", "3", "3"]
    assert [row["verdict"] for row in effects].count("baseline") == 1
    assert len(data_of((done.folder / "report.html").read_text())["variants"]) == 3
    drawn = {
        kind: {path.stem for path in (done.folder / "figures").glob(f"*.{kind}")} for kind in ("png", "svg", "pdf")
    }
    assert drawn["png"] == drawn["svg"] == drawn["pdf"]
    assert len(drawn["png"]) > 3


def test_what_was_found_is_said_once_the_look_is_kept_and_before_anything_is_drawn(tmp_path, swept):
    sweep = tmp_path / "sweep"
    shutil.copytree(swept[0], sweep)
    for name in ("looks.json", PAGE, "factors.csv"):
        (sweep / name).unlink()
    said = []
    report_sweep(sweep, lambda text: said.append((text, *((sweep / n).exists() for n in ("looks.json", PAGE)))))
    (found, *first), (where, *second) = said
    assert "no evidence" in found or "too few seeds" in found or "helps" in found or "hurts" in found
    assert first == [True, False]
    assert second == [True, True]
    assert where.startswith("Report: ")


def test_axes_leave_out_idle_zeros_and_no_others():
    from regab.report.page.charts import shortened

    for given, written in (
        ("80.00% 85.00%", "80% 85%"), ("80.50% 81.00%", "80.5% 81.0%"), ("−10.00 0 +10.00", "−10 0 +10"),
        ("100 200", "100 200"), ("0.0100 0.0250", "0.010 0.025"), ("1.20e+10 2.00e+10", "1.2e+10 2.0e+10"),
    ):  # fmt: skip
        assert [text for _, text in shortened([(1.0, text) for text in given.split()])] == written.split()
