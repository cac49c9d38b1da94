"""Files of a sweep that are damaged are made again or named; no number ever comes from one."""

import contextlib
import os
import random
import shutil
import signal
import sys
import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from regab.config import Run
from regab.records.files import from_json, to_json, with_checksum, without_checksum
from regab.records.load import load_result
from regab.training.watch import Record
from regab.workers.journal import Journal
from regab.workers.store import Store
from tests.conftest import SMALL
from tests.processes import Command, kill, numbers, run, table
from tests.test_faults import (
    GO_ON,
    HERE,
    IN_HERE,
    SWEEP,
    another_digit,
    emptied,
    foreman_of,
    main_of,
    undisturbed,  # noqa: F401  (a fixture)
    worker_of,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
ROUNDS = int(os.environ.get("REGAB_DAMAGE_ROUNDS", "15"))


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def damaged(path, chance):
    """Truncate a file, empty it, or turn a bit of it over."""
    content, how = bytearray(path.read_bytes()), chance.choice(("truncated", "emptied", "flipped", "flipped"))
    if how == "flipped" and content:
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    elif how != "flipped":
        content = content[: chance.randrange(len(content) + 1) if how == "truncated" else 0]
    path.write_bytes(content)
    return str(path)


def some_damage(chance):
    there = sorted(file for file in HERE.rglob("*") if file.is_file())
    return [damaged(file, chance) for file in chance.sample(there, min(len(there), chance.randint(1, 3)))]


SMALL_SWEEP = ("train", "-m", *SMALL, "reg.dropout=0,0.5", IN_HERE)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A folder with a small finished sweep, and its table."""
    folder = tmp_path_factory.mktemp("small")
    with contextlib.chdir(folder):
        assert run(*SMALL_SWEEP)[0] == 0
        return folder / HERE, table(HERE), numbers(HERE)


FILES = [
    "*/metrics.csv",
    "*/result.json",
    "*/model.pt",
    "*/encoding.json",
    "*/.hydra/config.yaml",
    "*/.hydra/overrides.yaml",
]
FILES += [".regab/runs.json", "results.csv"]


ALL = [pytest.param(damage, FILES, marks=pytest.mark.slow) for damage in (another_digit, emptied)]


@pytest.mark.parametrize(("damage", "patterns"), [(another_digit, FILES[:1]), *ALL])
def test_files_of_a_finished_sweep_are_made_again(small, regab, damage, patterns):
    for pattern in patterns:
        shutil.copytree(small[0], HERE, dirs_exist_ok=True)
        hurt = [*HERE.glob(pattern)]
        for file in hurt:
            damage(file)
        done = regab(*GO_ON)
        assert (done.code, done.err) == (0, ""), pattern
        assert (table(HERE), numbers(HERE)) == small[1:], pattern
        assert "to train" not in done.out or pattern in FILES[:4]
        assert all(load_result(folder.parent) for folder in HERE.glob("*/result.json"))


@pytest.mark.slow
@pytest.mark.parametrize("damage", [another_digit, emptied])
def test_a_report_uses_no_damaged_file(small, regab, damage):
    for pattern in FILES:
        shutil.copytree(small[0], HERE, dirs_exist_ok=True)
        for file in HERE.glob(pattern):
            damage(file)
        done = regab("report", str(HERE))
        assert "Traceback" not in done.err
        assert done.code == 0 or (done.err.count("\n"), done.code) == (1, 2)
        if pattern in FILES[:2]:
            assert f"{pattern[2:]} is damaged" in done.err
        elif pattern.endswith("config.yaml"):
            assert "config.yaml: is missing or damaged; regab train --resume here makes it again" in done.err
        else:
            assert table(HERE) == small[1]


@pytest.mark.slow
def test_a_command_that_is_lost_is_asked_for(small, regab):
    shutil.copytree(small[0], HERE)
    for content in ("{}", '{"words": 3}', '{"words": [3]}', "[]", ""):
        (HERE / ".regab" / "command.json").write_text(content)
        words = "is damaged; give the whole command and hydra.sweep.dir=here"
        assert regab(*GO_ON).err == f"regab: --resume here: here/.regab/command.json {words}\n"
    assert regab(*SMALL_SWEEP).code == 0
    assert regab(*GO_ON).code == 0
    assert table(HERE) == small[1]


def test_a_record_of_runs_that_leads_out_of_the_folder_is_not_followed(small):
    shutil.copytree(small[0], HERE)
    record, digests = HERE / ".regab" / "runs.json", from_json((HERE / ".regab" / "runs.json").read_bytes())
    assert Store(HERE).known() == digests
    for name in ("../victim", "..", ".", "", "/victim", "a/../../victim", 3, None):
        record.write_text(to_json(dict.fromkeys(digests, name)))
        assert Store(HERE).known() == digests


@pytest.mark.slow
def test_what_another_command_trained_and_is_lost_is_named(small, regab):
    shutil.copytree(small[0], HERE)
    (lost,) = HERE.glob("dropout.rate=0.5*")
    for name in ("result.json", ".hydra/overrides.yaml"):
        (lost / name).write_text("")
    done = regab("train", *SMALL, "reg.dropout=0", "seed=0,1", "-m", IN_HERE)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert str(lost / ".hydra/overrides.yaml") in done.err
    assert regab(*SMALL_SWEEP).code == 0
    assert table(HERE) == small[1]


@given(st.dictionaries(st.text(), st.text() | st.floats(allow_subnormal=False) | st.integers(), min_size=1), st.data())
@settings(max_examples=100)
def test_json_with_a_bit_turned_over_is_refused(content, data):
    content.pop("checksum", None)
    text = to_json(content).encode()
    assert from_json(text).keys() == content.keys()
    place = data.draw(st.integers(text.index(b"\n", 2) + 1, len(text) - 2))
    turned = bytearray(text)
    turned[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(ValueError):  # noqa: PT011
        from_json(bytes(turned))


@given(st.text(), st.data())
@settings(max_examples=100)
def test_text_with_a_bit_turned_over_is_refused(text, data):
    text = with_checksum(text + "-").encode()
    turned = bytearray(text)
    turned[data.draw(st.integers(text.index(b"\n") + 1, len(text) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(ValueError):  # noqa: PT011
        without_checksum(bytes(turned))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_killed_and_damaged_again_and_again_it_ends_as_if_left_in_peace(undisturbed, seed):  # noqa: F811
    chance, hurt, refused, mended = random.Random(seed), [], 0, 0
    for _ in range(-(-ROUNDS // 3)):
        command = Command(*again())
        time.sleep(chance.uniform(0, 2))
        for pid in chance.choice((main_of, foreman_of, worker_of))(command)[:1]:
            kill(pid)
        assert_in_a_line(*command.end(), hurt)
        hurt += some_damage(chance) if HERE.is_dir() else []  # what is refused stays damaged
        if chance.random() < 0.5:
            code, _, err = run(*again())
            refused += assert_in_a_line(code, "", err, hurt)
            if code:  # as it says
                code, _, err = run(*SWEEP, IN_HERE)
            assert (code, err) == (0, ""), hurt
            assert (table(HERE), numbers(HERE)) == undisturbed, hurt
            mended += 1
            hurt = some_damage(chance)
            if chance.random() < 0.3:
                shutil.rmtree(HERE)
                hurt = []
    assert mended
    print(f"{mended} times finished, {refused} of them refused first")


def again():
    """What a user would type."""
    return GO_ON if (HERE / ".regab" / "command.json").is_file() else (*SWEEP, IN_HERE)


def assert_in_a_line(code, out, err, hurt):
    """A command was killed, ended well, or has named a damaged file in one line; whether it has."""
    assert "Traceback" not in err, err
    if code == 2:
        assert err.count("\n") == 1
        assert any(name in err for name in hurt), (err, hurt)
    else:
        assert code in (0, 1, -signal.SIGKILL), err
    return code == 2


@pytest.mark.parametrize(("seconds", "size", "synced"), [(0.5, 1, 0), (2.0, 1, 4), (20.0, 32, 0), (64.0, 32, 4)])
def test_files_are_synced_where_a_power_cut_would_cost_more_than_the_sync(tmp_path, monkeypatch, seconds, size, synced):
    calls = []
    monkeypatch.setattr(os, "fsync", calls.append)
    config = {"seed": 0, "data": {"folds": None}}
    run = Run(config, tmp_path, {})
    run.__dict__["digest"] = "0" * 16
    journal = Journal(run, {"metrics": {}, "stack_size": size}, "{}", ["weight"])
    record = Record(0, {"epoch": 1, "train_loss": 0.5, "seconds": seconds}, 0, "all epochs done")
    journal.note(record)
    journal.end(record, {"weight": torch.ones(3)})
    assert len(calls) == synced
    assert load_result(tmp_path)["last"]["train_loss"] == 0.5
