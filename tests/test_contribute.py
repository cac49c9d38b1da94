"""What the README says of adding to regab works from scratch, in a copy of it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.conftest import SMALL, python

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
SECTION = README[README.index("## Contribute") : README.index("## How the code is laid out")]
FIGURE = re.compile(r"with a line in `FIGURES` of `(.*?)`: `(.*?)`")


def files():
    """The files that the README shows, by their path."""
    for code in re.findall(r"```(?:python|yaml)\n(.*?)```", SECTION, re.DOTALL):
        first = code.partition("\n")[0]
        yield (re.search(r"\(file: (.*)\)", first) or re.search(r"# (.*)", first))[1], code


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A copy of regab to which all that was added."""
    root = tmp_path_factory.mktemp("house")
    for name in ("regab", "conf"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path, code in files():
        assert not (root / path).exists()
        (root / path).write_text(code)
    path, line = FIGURE.search(SECTION).groups()
    head, body = (root / path).read_text().split("FIGURES: dict[str, tuple[str, Draw]] = {\n")
    table = "FIGURES: dict[str, tuple[str, Draw]] = {\n"
    imports = "from regab.report.figures.seconds import seconds\n"
    (root / path).write_text(f"{head}{imports}{table}    {line}\n{body}")
    return root


def regab(house, folder, *words):
    """A command of that copy."""
    code = f"import sys; sys.path.insert(0, {str(house)!r}); from regab.cli import main; main()"
    done = subprocess.run(python("-c", code, *words), cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_was_added_is_listed(house, tmp_path):
    listed = regab(house, tmp_path, "list")
    for line in (
        "reg.squeeze.strength            Logit squeezing [Kannan, Kurakin & Goodfellow 2018, arXiv:1803.06373]",
        "one wide hidden layer (file: conf/model/wide.yaml)",
        "two rings, one in the other (file: conf/data/rings.yaml)",
        "A bell when all is done (watch=[bell])",
        "worst The largest error [down, regression]",
        "absolute Least absolute deviations: a number for every example [loss, worst, rmse, r2]",
    ):
        assert " ".join(line.split()) in " ".join(listed.split())
    card = regab(house, tmp_path, "list", "reg", "--long").split("\nreg.squeeze: ")[1].split("\nreg.")[0]
    assert "Helps against overconfidence" in card  # and there is no preset to tell of


@pytest.mark.slow
def test_what_was_added_is_trained_heard_and_drawn(house, tmp_path):
    added = ("data=rings", "model=wide", "reg.squeeze=0,0.1", "reg.dropout=0.2", "watch=[bell]", "seed=0,1")
    out = regab(house, tmp_path, "train", "-m", *added, *SMALL[2:], "hydra.sweep.dir=here")
    assert "\aAll 4 runs are done." in out
    assert len(list(tmp_path.glob("here/squeeze.strength=*/result.json"))) == 4
    out = regab(
        house, tmp_path, "train", "data=diabetes", "task=absolute", *SMALL, "reg.early_stopping.monitor=val_worst"
    )
    assert "test worst" in out
    regab(house, tmp_path, "report", "here")
    assert (tmp_path / "here" / "figures" / "seconds.svg").is_file()


def test_pre_commit_runs_what_ci_runs():
    (repo,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repo["repo"] == "local"  # and needs no network
    ours = {hook["entry"].replace(" -q", "") for hook in repo["hooks"]}
    ci = (ROOT / ".ci" / "run").read_text()
    assert ours == {"ruff check", "ruff format --check", "mypy", "pytest", "pytest -m slow"}
    assert all(entry in ci or entry in README for entry in ours)
