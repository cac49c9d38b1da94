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


@pytest.mark.slow
def test_a_model_wrapped_in_anothers_forward_is_written_and_one_that_keeps_a_number_of_examples_refused(
    tmp_path, regab, monkeypatch
):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    (tmp_path / "wrapped_models.py").write_text(WRAPPED)
    monkeypatch.syspath_prepend(tmp_path)

    def exported(name):
        folder, _ = train(tmp_path, *RUNS["images"][:2], f"model._target_=wrapped_models.{name}", "epochs=1")
        return regab("export", str(folder), "--to", "onnx"), folder

    result, folder = exported("Wrapped")
    assert result.code == 0, result.err
    x = package.load(folder)._trained.example[[0, 1, 1]]
    (found,) = runtime.InferenceSession(folder / "model.onnx").run(None, {"input": x.numpy()})
    np.testing.assert_allclose(found, package.load(folder).model(x).detach().numpy(), atol=1e-5)
    result, folder = exported("Keeping")
    assert result.code == 2
    assert "its forward keeps something of 2 examples, and would take no other number" in result.err
    assert not (folder / "model.onnx").exists()


WRAPPED = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, in_features, num_classes):
        super().__init__()
        self.output = nn.Linear(in_features, num_classes)

    def forward(self, x):
        return self.output(x.flatten(1))


class Wrapped(nn.Module):  # as peft's and torch.compile's are
    def __init__(self, in_features, num_classes):
        super().__init__()
        self.inner = Net(in_features, num_classes)

    def forward(self, *args, **kwargs):
        return self.inner(*args, **kwargs)


class Keeping(Net):
    places = None

    def forward(self, x):
        x = x.flatten(1)
        if self.places is None or self.places.shape != x.shape:
            self.places = torch.linspace(0, 1, x.shape[1]).expand_as(x)
        return self.output(x * self.places)
"""


def test_without_the_library_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"^export --to onnx: needs onnx; pip install 'regab\[onnx\]'$"):
        module.Onnx().export(tmp_path)
