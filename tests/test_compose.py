"""Composing by parts gives what Hydra gives."""

import dataclasses

import pytest
from hydra import initialize_config_dir
from omegaconf import OmegaConf

from regab import config
from regab.command.plugins import register
from regab.config import CONF, schema
from regab.errors import UsageError
from tests.benchmarks.compose import composers


@pytest.fixture(scope="module")
def both():
    register(claim=False)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield composers()


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["seed=3", "reg.dropout.rate=0.5", "optimizer.lr=1e-2"],
        ["model=mlp", "model.widths=[32,16]", "seed=1"],
        pytest.param(["model.channels=[4]", "model=cnn"], marks=pytest.mark.slow),
        ["reg=strong", "reg.dropout.rate=0.25"],
        pytest.param(["reg.dropout.rate=0.25", "reg=strong"], marks=pytest.mark.slow),
        ["reg.dropout={rate:0.1,kind:gaussian}"],
        ["name=${seed}", "seed=7"],
        pytest.param(["epochs=${batch_size}", "batch_size=8"], marks=pytest.mark.slow),
        pytest.param(["data=mnist", "data.root=here", "data.n_train=null"], marks=pytest.mark.slow),
        ["experiment=dropout_after_fc2", "seed=2"],
        ["+data.new=1", "seed=2"],
        ["++reg.extra.mine._target_=a.B", "++reg.extra.mine.x=0.5"],
        ["~schedule.floor"],
        ["name='a, b'", "data=mnist", 'data.root="x y"'],
        pytest.param(["epochs=5", "epochs=6"], marks=pytest.mark.slow),
        ["reg.early_stopping.patience=inf", "reg.l1.strength=1e-3"],
    ],
    ids=" ".join,
)
def test_a_run_is_composed_as_by_hydra(both, words):
    ours, hydras = both
    assert ours(words) == hydras(words) == ours(words)


def test_runs_share_the_nodes_in_which_they_set_nothing_and_no_others(both):
    ours, hydras = both
    first, second, third = runs = [ours(["reg.dropout.rate=0.5", f"reg.l1.strength={x}"]) for x in (0, 1, 2)]
    assert all(run["data"] is first["data"] and run["reg"]["l2"] is first["reg"]["l2"] for run in runs)
    assert third == hydras(["reg.dropout.rate=0.5", "reg.l1.strength=2"])
    assert [run["reg"]["l1"]["strength"] for run in runs] == [0, 1, 2]
    assert first == ours(["reg.dropout.rate=0.5"]) != second


def test_a_value_that_is_missing_is_named(both):
    ours, _ = both
    with pytest.raises(UsageError, match=r"data\.label: needs a value"):
        ours(["data=csv"])


@pytest.mark.parametrize("key", ["reg.dropout.rate", "optimizer.lr", "seed", "curves"])
def test_what_one_run_sets_the_next_does_not_have(both, key):
    ours, hydras = both
    assert ours([f"{key}=1"]) != ours([])
    assert ours([]) == hydras([])
    assert ours([f"{key}=0"]) == hydras([f"{key}=0"])


def test_a_key_that_one_run_adds_is_new_to_the_next(both):
    ours, _ = both
    assert ours(["++data.mine=1"])["data"]["mine"] == 1
    with pytest.raises(Exception, match="mine"):
        ours(["data.mine=2"])


def test_what_a_job_of_joblibs_returns_changes_no_class_of_the_schema():
    cloudpickle = pytest.importorskip("cloudpickle", reason="pip install -e '.[joblib]'")
    before = [field.default for field in dataclasses.fields(schema())]
    assert cloudpickle.loads(cloudpickle.dumps(schema())) is schema()
    assert all(a is field.default for a, field in zip(before, dataclasses.fields(schema()), strict=True))
    assert OmegaConf.structured(schema()).reg.dropout.rate == 0
    with pytest.raises(AttributeError, match="no attribute 'Other'"):
        config.Other  # noqa: B018
