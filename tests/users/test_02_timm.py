"""Use 2: somebody compares dropout and stochastic depth in models of timm."""

from importlib.util import find_spec

import pytest

from tests.users.test_01_fine_tuning import LOADER

pytestmark = [
    pytest.mark.skipif(not find_spec("timm"), reason="timm is not installed: pip install -e '.[zoo]'"),
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
]

MODELS = {
    "vit_tiny_patch16_224": ["model.img_size=32", "model.depth=2"],
    "convnext_atto": [],
    "mobilenetv3_small_050": [],
    "regnetx_002": [],
}


@pytest.fixture
def words(tmp_path):
    (tmp_path / "pictures_2.py").write_text(LOADER)
    words = ["model._target_=timm.create_model", "data._target_=pictures_2.load", "epochs=1", "device=cpu"]
    return [*words, "data.n_train=60", "data.test_fraction=0.2", "batch_size=30"]


@pytest.mark.parametrize("name", MODELS)
def test_dropout_is_swept_in_a_model_of_timm(regab, words, name):
    sweep = regab("train", "-m", *words, f"model.model_name={name}", *MODELS[name], "reg.dropout=0,0.5", "seed=0,1")
    assert sweep.code == 0, sweep.err
    assert "model: reg.dropout acts at" in sweep.out
    assert len(list(sweep.folder.glob("*/result.json"))) == 4


def test_branches_of_a_vit_are_left_out_though_its_own_rate_is_0(regab, words):
    vit = ["model.model_name=vit_tiny_patch16_224", *MODELS["vit_tiny_patch16_224"]]
    run = regab("train", *words, *vit, "reg.stochastic_depth=0.2")
    assert run.code == 0, run.err
    assert "reg.stochastic_depth acts at blocks.0.drop_path1, blocks.0.drop_path2, blocks.1.drop_path1" in run.out


def test_a_rate_of_timms_own_that_is_taken_over_is_refused_as_a_factor(regab, words):
    vit = ["model.model_name=vit_tiny_patch16_224", *MODELS["vit_tiny_patch16_224"]]
    sweep = regab("train", "-m", *words, *vit, "model.drop_rate=0,0.5,0.9")
    assert sweep.code == 2
    assert "model.drop_rate=0.5: makes the same model as model.drop_rate=0" in sweep.err
    honoured = regab("train", "-m", *words, "model.model_name=resnet10t", "model.drop_rate=0,0.5")
    assert honoured.code == 0, honoured.err  # it calls F.dropout, which stays its own


def test_a_model_that_does_not_fit_is_refused_in_one_line(regab, words):
    wrong = regab("train", *words, "model.model_name=vit_tiny_patch16_224")
    assert wrong.code == 2
    assert wrong.err.startswith(
        "regab: model: the forward of VisionTransformer fails on an example of shape [3, 32, 32]"
    )
    assert wrong.err.count("\n") == 1
