"""ONNX: a run's model for other programs, without regab or torch."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regab.errors import UsageError
from regab.exports.base import Export
from regab.records.files import write_atomically
from regab.records.log import ENCODING

if TYPE_CHECKING:
    from regab.prediction.trained import Trained

FILE = "model.onnx"
NEEDED = ("onnx", "onnxscript")


@dataclass
class Onnx(Export):
    """The model of a run, or of the ``best`` variant of a sweep, in a ``file`` (by itself model.onnx beside model.pt).

    ``input [batch, …]`` is encoded as the run's encoding.json says, which is in the file's metadata as
    ``regab.encoding``; ``output [batch, …]`` are logits, or the target of a regression less its mean and over its
    deviation there.
    """

    file: str | None = None
    best: bool = False

    def export(self, folder: Path) -> str:
        if missing := [name for name in NEEDED if find_spec(name) is None]:
            raise UsageError(f"export --to onnx: needs {missing[0]}; pip install 'regab[onnx]'")
        from regab.prediction.choice import the_best, the_run
        from regab.prediction.trained import Trained

        run = the_best("export", folder)[0] if self.best else the_run("export", folder)
        path = Path(self.file) if self.file else run / FILE
        write_atomically(path, _content(Trained(run, "cpu")))
        return f"The model of {run}: {path}"


def _of_one_input(model: Any) -> Any:
    """A module that calls it, as shapes are told by the arguments of a forward, and other people's is (*args, …)."""
    from torch import nn

    class OfOneInput(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, x: Any) -> Any:
            return self.model(x)

    return OfOneInput().eval()


def _content(trained: Trained) -> bytes:
    import torch

    batch = torch.export.Dim("batch")
    try:
        with warnings.catch_warnings(action="ignore"):
            program: Any = torch.onnx.export(
                _of_one_input(trained.model),
                (trained.example,),
                dynamo=True,
                input_names=["input"],
                output_names=["output"],
                dynamic_shapes=({0: batch},),
                verbose=False,
            )
    except Exception as error:  # whatever stands in the way of a model's export
        reason = " ".join(str(error.__cause__ or error).split())[:160]
        raise UsageError(f"export --to onnx: torch cannot write this model ({reason})") from error
    if isinstance(program.model.graph.inputs[0].shape[0], int):
        words = f"its forward keeps something of {len(trained.example)} examples, and would take no other number"
        raise UsageError(f"export --to onnx: torch cannot write this model ({words})")
    text = (trained.kept.folder / ENCODING).read_text("utf-8")
    program.model.metadata_props["regab.encoding"] = text
    return program.model_proto.SerializeToString()
