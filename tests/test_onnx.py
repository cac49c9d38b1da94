"""A run's model as ONNX gives another program what it gives torch."""

import json

import numpy as np
import pytest

import regab as package
from regab.errors import UsageError
from regab.exports import onnx as module
from tests.conftest import text_data
from tests.predicting import MLP, train, write_tables

TEXT = [f"data.{key}={value}" for key, value in text_data()["data"].items() if key != "_target_"]
RUNS = {
    "table": (*MLP, "reg.norm=batch", "reg.dropout=0.3"),
    "images": ("data=digits", "data.n_train=100", "model=cnn", "model.channels=[4]", "epochs=1"),
    "texts": (
        "data=text_csv",
        *TEXT,
        "model=transformer",
        "model.width=8",
        "model.heads=2",
        "model.depth=1",
        "epochs=1",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", RUNS)
def test_a_runtime_gives_the_outputs_of_the_model_for_any_number_of_examples(tmp_path, regab, kind):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    words = (*write_tables(tmp_path), "data.label=price", "data.ignore=[id,label]") if kind == "table" else ()
    folder, _ = train(tmp_path, *words, *RUNS[kind])
    result = regab("export", str(folder), "--to", "onnx")
    assert result.code == 0, result.err
    session = runtime.InferenceSession(folder / "model.onnx")
    trained = package.load(folder)._trained
    example = trained.example[[0, 1, 1, 0, 0]]
    for x in (example, example[:1]):
        (found,) = session.run(None, {"input": x.numpy()})
        np.testing.assert_allclose(found, trained.model(x).detach().numpy(), atol=1e-5)
    kept = json.loads(session.get_modelmeta().custom_metadata_map["regab.encoding"])
    assert kept == json.loads((folder / "encoding.json").read_text())


def test_without_the_library_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"^export --to onnx: needs onnx; pip install 'regab\[onnx\]'$"):
        module.Onnx().export(tmp_path)
