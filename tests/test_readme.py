"""What the README shows works as it stands there."""

import re
import shlex
from pathlib import Path

import pytest

from regab.records.columns import columns

COLUMNS = columns(["accuracy"])
README = (Path(__file__).resolve().parents[1] / "README.md").read_text()
FILES = {f"data={name}" for name in ("mnist", "cifar10", "csv", "text_csv", "image_folder", "arrays", "text_lines")}
FILES |= {"data=timeseries_csv", "data=huggingface"}
COMMANDS = [
    line.split("   #")[0].strip()
    for line in README.splitlines()
    if line.strip().startswith("regab train ")
    and "script=" not in line
    and "<" not in line
    and not FILES & set(line.split())
]


@pytest.mark.slow
def test_the_readmes_own_model_data_and_regularizer_train_by_its_command(regab, tmp_path):
    (code,) = re.findall(r"```python\n# mine.py\n(.*?)```", README, re.DOTALL)
    (tmp_path / "mine_of_the_readme.py").write_text(code)
    (command,) = [c for c in COMMANDS if "mine." in c]
    sweep = regab(*shlex.split(command.replace("mine.", "mine_of_the_readme."))[1:], "epochs=2")
    assert sweep.code == 0, sweep.err
    assert "model: reg.dropout acts at hidden.1.dropout_place" in sweep.out
    assert len(list(sweep.folder.glob("dropout.rate=*,extra.squeeze.strength=*"))) == 12


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in COMMANDS if "mine." not in c])
def test_the_readmes_commands_run(regab, command):
    quick = ["epochs=1", "data.n_train=60"]
    seeds = ["seed=0"] if "-m" in command else []
    result = regab(*shlex.split(re.sub(r"--seeds \S+", "", command))[1:], *quick, *seeds)
    assert result.code == 0, result.err


def test_the_readme_explains_every_column():
    table = README[README.index("## The columns") : README.index("## Bring your own")]
    assert set(re.findall(r"`(\w+)`", table)) >= set(COLUMNS)


def test_the_readme_shows_only_files_that_are_there():
    root = Path(__file__).resolve().parents[1]
    for path in re.findall(r"\]\((outputs/[^)]+)\)", README):
        assert (root / path).is_file(), path
