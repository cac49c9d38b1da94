"""What a command line cannot mean is refused; what it can, is meant wherever the user stands."""

import os
import shutil
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import example, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from regab.command.plugins import factors_of
from regab.command.shorthands import expand
from regab.config import check
from regab.errors import UsageError
from regab.sweep.design import assign
from regab.sweep.folders import run_folder_name
from regab.workers.store import Store, quoted, save_command
from tests.conftest import SMALL
from tests.processes import numbers, run


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("seed=1,2 --seeds 3", "--seeds 3: and seed=1,2 contradict each other; leave out one"),
        ("--folds 3 data.folds=4", "--folds 3: and data.folds=4 contradict each other; leave out one"),
        ("data.fold=0 --folds=3", "--folds 3: and data.fold=0 contradict each other; leave out one"),
        ("--n 3 hydra.sweeper.n=4", "--n 3: and hydra.sweeper.n=4 contradict each other; leave out one"),
        ("epochs=3 +epochs=4", "epochs: is given twice, as epochs=3 and as +epochs=4; leave out one"),
        (
            "reg.dropout=0,0.5 reg.dropout.rate=0.3",
            "reg.dropout.rate: is given twice, as reg.dropout.rate=0,0.5 and as reg.dropout.rate=0.3; leave out one",
        ),
        ("--seeds 3 --seeds 4", "--seeds: is given twice"),
        ("--resume a --resume=b", "--resume: is given twice"),
        ("--resume", "--resume: needs a value, as in --resume outputs/run/<date_time>"),
        ("--resume=", "--resume: needs a value, as in --resume outputs/run/<date_time>"),
        ("--design --n 3", "--design: needs a value, as in --design ablation"),
        ("seed=1 --design", "--design: needs a value, as in --design ablation"),
        (
            "--resume here hydra.sweep.dir=there",
            "--resume here: and hydra.sweep.dir=there contradict each other; leave ",
        ),
    ],
)
def test_contradictions_are_refused(words, reason):
    with pytest.raises(UsageError) as refused:
        expand(words.split())
    assert str(refused.value).startswith(reason)


def test_an_empty_folder_to_resume_is_none():
    with pytest.raises(UsageError, match="--resume: needs a value"):
        expand(["--resume", ""])


def test_what_may_stand_together_does():
    words = ["reg=light", "reg.dropout=0.5", "reg.dropout.where=hidden", "data=mnist", "data.n_train=5", "~schedule"]
    assert expand(words).words == ["reg=light", "reg.dropout.rate=0.5", *words[2:]]


def test_what_is_said_again_replaces_what_was_said():
    save_command(Path("here"), ["-m", "seed=range(3)", "reg.dropout.rate=0,0.5", "reg.l2.strength=0", "epochs=3"])
    words = expand(["--resume", "here", "--seeds", "5", "reg.dropout=0.1,0.2", "batch_size=8"]).words
    assert words == [
        "-m", "reg.dropout.rate=0.1,0.2", "reg.l2.strength=0", "epochs=3", "batch_size=8", "hydra.sweep.dir='here'",
        "seed=range(5)",
    ]  # fmt: skip


@pytest.mark.parametrize("more", [["--seeds", "3"], ["--folds", "3"], ["-m", "seed=0,1"], ["--design", "grid"]])
def test_a_single_run_does_not_become_a_sweep(more):
    save_command(Path("here"), ["epochs=3"])
    with pytest.raises(UsageError, match="--resume here: is a single run, and -"):
        expand(["--resume", "here", *more])


def test_random_draws_need_a_number():
    with pytest.raises(UsageError, match="--design random: needs --n"):
        assign("random", {"a": ["0", "1"]})


@pytest.mark.parametrize(
    ("design", "factors", "n"),
    [
        ("grid", {"seed": range(1_000_000_000)}, None),
        ("grid", {f"a{i}": "0123456789" for i in range(60)}, None),
        ("ablation", {"a": range(100), "seed": range(10_000)}, None),
        ("random", {"a": "01"}, 1_000_000_000),
    ],
)
def test_more_runs_than_there_is_room_for_are_refused(design, factors, n):
    with pytest.raises(UsageError, match="runs are asked for, but a sweep may have 100,000"):
        assign(design, factors, n)


def test_a_billion_seeds_are_refused_before_they_are_listed(regab):
    done = regab("train", *SMALL, "--seeds", "1000000000")
    assert done.code == 2
    assert "runs are asked for, but a sweep may have 100,000" in done.err
    override = OverridesParser.create().parse_override("seed=range(0,1000000000000)")
    assert len(factors_of([override])["seed"]) == 100_001


@pytest.mark.parametrize("name", ["../../x", "/x", "a/b", "..", ".", "", "a\nb", "\x1b[31m"])
def test_a_name_does_not_lead_out_of_the_folder_of_results(small, regab, name, tmp_path):
    with pytest.raises(UsageError, match="name="):
        check(small() | {"name": name})
    if name == "../../x":
        for words in (("train",), ("train", "-m", "seed=0,1")):
            assert regab(*words, *SMALL, "name=../../x").code == 2
        assert not (tmp_path.parent.parent / "x").exists()
        assert list(tmp_path.iterdir()) == []


PARSER = OverridesParser.create()


@given(st.text(st.characters(exclude_characters="\0\r", codec="utf-8"), min_size=1))
@example("\\${b}")
@example("it's \\' {x}\\")
@settings(max_examples=40)
def test_any_folder_is_read_by_hydra_as_it_is(folder):
    override = PARSER.parse_override(f"hydra.sweep.dir={quoted(folder)}")
    config = OmegaConf.create({"place": None})
    OmegaConf.update(config, "place", override.value())
    assert config.place == folder


@given(st.dictionaries(st.text(min_size=1), st.text(), min_size=1))
def test_folders_of_runs_have_names_that_file_systems_take(levels):
    name = run_folder_name(levels, "0123456789abcdef")
    assert len(name.encode()) <= 255
    assert name not in (".", "..")
    assert not set("/\0\n\\$'\"") & set(name)


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["back\\slash", "${b}", "it's", "a b,c=[d]", "{x}\\", "ünï"])
def test_a_sweep_in_a_folder_of_any_name_is_resumed(folder):
    words = ("train", *SMALL, "-m", "seed=0,1", f"hydra.sweep.dir={quoted(folder)}")
    assert run(*words)[::2] == (0, "")
    before = numbers(Path(folder))
    shutil.rmtree(next(Path(folder).glob("seed=1*")))
    assert run("train", "--resume", folder)[::2] == (0, "")
    assert numbers(Path(folder)) == before
    assert [path.name for path in Path.cwd().iterdir() if path.is_dir()] == [folder]


@pytest.mark.slow
def test_a_sweep_is_resumed_from_another_folder_with_the_data_that_it_named():
    Path("there").mkdir()
    Path("there/table.csv").write_text("\n".join(["x,y,label", *(f"{i % 7},{i % 5},{'ab'[i % 2]}" for i in range(60))]))
    words = ("data=csv", "data.path=table.csv", "data.label=label", "epochs=1", "batch_size=32", "model=linear")
    os.chdir("there")
    assert run("train", "-m", *words, "seed=0,1", "hydra.sweep.dir=out", "stack.workers=0")[0] == 0
    before = numbers(Path("out"))
    shutil.rmtree(next(Path("out").glob("seed=1*")))
    os.chdir("..")
    code, out, err = run("train", "--resume", "there/out")
    assert (code, err) == (0, "")
    assert out.startswith(f"Going on in {Path('there').absolute()}, where this was begun.\n")
    assert numbers(Path("there/out")) == before
    assert [path.name for path in Path.cwd().iterdir() if path.is_dir()] == ["there"]
    assert len(Store(Path("there/out")).known()) == 2
