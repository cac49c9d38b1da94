"""Use 3: somebody trains Hugging Face's models from configurations, on texts and on pictures."""

from importlib.util import find_spec

import pytest

from regab.targets import options
from tests.conftest import text_data

pytestmark = [
    pytest.mark.skipif(not find_spec("transformers"), reason="transformers is not installed: pip install -e '.[zoo]'"),
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
]

SIZES = ["hidden_size=32", "num_hidden_layers=1", "num_attention_heads=2", "intermediate_size=32"]


def words(model, config, *options):
    made = [f"model._target_=transformers.{model}", f"model.config._target_=transformers.{config}"]
    return [*made, *(f"model.config.{option}" for option in options), "epochs=1", "device=cpu", "batch_size=40"]


def texts():
    return ["data=text_csv", f"data.path={text_data()['data']['path']}", "data.test_fraction=0.2", "data.n_train=80"]


@pytest.mark.parametrize("name", ["Bert", "Roberta", "DistilBert"])
def test_dropout_is_swept_in_an_encoder_of_texts(regab, name):
    options = ["dim=32", "n_layers=1", "n_heads=2", "hidden_dim=32"] if name == "DistilBert" else SIZES
    made = words(f"{name}ForSequenceClassification", f"{name}Config", *options)
    sweep = regab("train", "-m", *made, *texts(), "reg.dropout=0,0.3", "seed=0,1")
    assert sweep.code == 0, sweep.err
    assert "its forward is given attention_mask, from the padding of the texts" in sweep.out
    assert "reg.dropout cannot reach there" in sweep.out


def test_an_auto_class_and_a_picture_classifier_go_the_same_way(regab):
    auto = words("AutoModelForSequenceClassification.from_config", "AutoConfig.for_model", "model_type=bert", *SIZES)
    run = regab("train", *auto, *texts())
    assert run.code == 0, run.err
    vit = words("ViTForImageClassification", "ViTConfig", *SIZES, "patch_size=2")
    run = regab("train", *vit, "data=digits", "data.n_train=80", "reg.dropout=0.1")
    assert run.code == 0, run.err


def test_a_key_that_a_configuration_does_not_know_is_refused(regab):
    wrong = regab("train", *words("BertForSequenceClassification", "BertConfig", "hiden_size=32"), *texts())
    assert wrong.code == 2
    assert wrong.err == "regab: model.config.hiden_size: unknown key; did you mean model.config.hidden_size?\n"


def test_tokens_that_a_decoder_begins_with_may_be_named_though_its_configuration_declares_none():
    config = {"_target_": "transformers.T5Config", "d_model": 16, "decoder_start_token_id": 0}
    assert options(config, "model.config") == {key: value for key, value in config.items() if key != "_target_"}
