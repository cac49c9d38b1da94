"""A run's model as it was evaluated, and what it says of further examples."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from regab.data.inputs.examples import gather
from regab.data.own.tensors import made_up
from regab.data.split import Data, Split
from regab.data.unseen.examples import Examples, unwrapped
from regab.errors import UsageError
from regab.measured import metrics_of, task_and_values
from regab.models.options import fine_tuning
from regab.prediction.files import Config, Kept
from regab.tasks import task_named
from regab.tasks.base import Scale, Task
from regab.training.assembly.build import build_model
from regab.training.assembly.forward import choose_forward_mode
from regab.training.assembly.setup import join_regularizers
from regab.training.device import pick_device
from regab.training.evaluate import chunk_size, evaluate
from regab.training.noise import Noise
from regab.training.stack import Stack


class Predicted(NamedTuple):
    """A row for each example: where it stands, what is predicted. ``metrics`` of those that have labels, by name;
    ``said`` is what the user should know; ``given`` are the columns of a table; ``maps`` are arrays ``[N, …]``."""

    frame: pd.DataFrame
    metrics: dict[str, float]
    said: list[str]
    given: pd.DataFrame | None
    maps: dict[str, np.ndarray]


class Trained:
    """The model of a finished run, made from its files. Raises UsageError where that cannot be."""

    def __init__(self, folder: Path, device: str | None = None) -> None:
        self.kept = Kept.of(folder)
        self.config, self.encoding = self.kept.config, self.kept.encoding
        self.device = pick_device(device) if device else _device(self.config["device"])
        named = task_and_values(self.config["task"])
        self.task: Task = named[0](**named[1]) if named else task_named(self.encoding["task"])()

    @cached_property
    def model(self) -> nn.Module:
        """It alone, in evaluation mode on the CPU, with the weights of the selected epoch."""
        return self._model().eval()

    def check(self, probabilities: bool, arrays: Any) -> None:
        """Raises UsageError where the task has no maps that could be written into ``arrays``, or have probabilities."""
        if arrays and not self.task.mapped:
            raise UsageError(
                f"predict: --out: of task={self.task.name}, predictions are a table: .csv, .tsv or .parquet"
            )
        if probabilities and not (self.task.mapped and self.task.dense and not self.task.of_inputs):
            raise UsageError("predict: --probabilities: is for segmentation; others have them in any case, if any")

    def predict(self, given: Any, probabilities: bool = False) -> Predicted:
        """What is read by the run's reader, encoded by what its training data were like, and put into the model.

        In a classification: ``prediction``, the class by name, and ``p_<class>``; in a regression ``prediction`` in the
        units of the target. What is said of places of an example is in ``maps``, with ``probabilities`` if asked for.
        Outputs are those of evaluation in training, metrics the same functions.
        """
        encode = self.kept.part("encoder")
        examples = self.reader.read(unwrapped(given), encode)
        none = torch.zeros(len(examples))
        x, made = self.task.pairs(encode(examples.x), none)
        if made is not none:  # the task makes targets of inputs
            gap = getattr(self.task, "gap", None)
            examples.y, examples.labelled = made, np.arange(len(x)) if gap is None or (made != gap).any() else None
        if list(x.shape[1:]) != self.encoding["shape"]:
            words = f"examples have the shape {list(x.shape[1:])}, but those of training {self.encoding['shape']}"
            raise UsageError(f"predict: {words}")
        columns, maps = self._told(x, made if self.task.of_inputs else None, encode, probabilities)
        index = None if examples.frame is None else examples.frame.index
        frame = pd.DataFrame(examples.places | columns, index=index)
        metrics = self._measured(examples, x)
        frame.attrs["metrics"] = metrics
        return Predicted(frame, metrics, examples.said, examples.frame, maps)

    def _told(self, x: Any, y: Tensor | None, encode: Any, probabilities: bool) -> tuple[Config, dict[str, np.ndarray]]:
        """What the task says of every example, as columns, and of their places, as arrays; some examples at a time."""
        columns: list[Config] = []
        maps: list[dict[str, Tensor]] = []
        names, start = getattr(encode, "names", []), 0
        for outputs in self._chunks(x, y):
            outputs = self.kept.scale.back(outputs)
            some, start = slice(start, start + len(outputs)), start + len(outputs)
            if y is None:
                columns.append(self.task.told(outputs, self.encoding["names"]))
            else:
                columns.append(self.task.compared(outputs, y[some], names))
            maps.append(self.task.maps(outputs, probabilities) if self.task.mapped else {})
        arrays = {name: torch.cat([each[name] for each in maps]) for name in maps[0]}
        if y is not None and "prediction" in arrays:  # inputs, in their units if the encoder knows the way back
            arrays["prediction"] = getattr(encode, "back", lambda z: z)(arrays["prediction"].reshape(x.shape))
        return (
            {name: np.concatenate([each[name] for each in columns]) for name in columns[0]},
            {name: array.numpy() for name, array in arrays.items()},
        )

    @cached_property
    def reader(self) -> Any:
        return self.kept.part("reader")

    def outputs(self, x: Any) -> Tensor:
        """Of encoded examples ``[N, …]``, as the model gives them: targets scaled, classes as logits; on the CPU."""
        return torch.cat([*self._chunks(x)])

    @torch.no_grad()
    def _chunks(self, x: Any, y: Tensor | None = None) -> Iterator[Tensor]:
        stack = self._stack
        stack.set_training(False)
        answers = self.encoding["answers"][0]
        size = chunk_size(Split(x, torch.empty(0, *answers)))
        chunks = [slice(start, start + size) for start in range(0, len(x), size)]
        for part in gather(x, chunks):
            yield stack(part.to(self.device), shared=True)[0].cpu()

    def _measured(self, examples: Examples, x: Any) -> dict[str, float]:
        if examples.y is None or examples.labelled is None:
            return {}
        try:
            labelled = Split(x, torch.zeros(len(x))).take(torch.from_numpy(examples.labelled))
            data = self._as_test_data(labelled.x, examples.y)
            metrics = metrics_of(self.config, data)
        except UsageError as error:
            examples.said.append(f"nothing is measured: {error}")
            return {}
        found = evaluate(self._stack, data.to(self.device), self.task, metrics)
        return {name.removeprefix("test_"): value.item() for name, value in found.items()}

    def _as_test_data(self, x: Any, y: Tensor) -> Data:
        """Raises UsageError for targets that are none of the task."""
        names, scale = self.encoding["names"], self.kept.scale
        own = self.reader.classes
        if own != names and sorted(own) == sorted(names):  # the task has them in another order
            y = torch.tensor([names.index(name) for name in own])[y]
        y = self.task.typed(y)
        self.task.check(y, self.encoding["outputs"])
        self._check_places(y)
        test = Split(x, y if scale == Scale() else scale(y))
        nothing = test.take(torch.arange(0))
        imbalance: Any = {} if self.encoding["imbalance"] else None
        return Data(nothing, nothing, test, self.encoding["outputs"], task=self.task, scale=scale, imbalance=imbalance)

    def _check_places(self, y: Tensor) -> None:
        answers = [list(answer) for answer in self.task.answers(y, self.encoding["outputs"])]
        if self.task.dense and answers != self.encoding["answers"]:
            wanted = ["N", *self.encoding["answers"][0][1:]]
            raise UsageError(f"labels have the shape {[*y.shape]}, but must have [{', '.join(map(str, wanted))}]")

    @cached_property
    @torch.enable_grad()
    def _stack(self) -> Stack:
        model, example = self._model(), self.example
        mode = choose_forward_mode(model, example, [tuple(answer) for answer in self.encoding["answers"]], self.device)
        return Stack(
            [model],
            torch.tensor([0]),
            example,
            vmapped=mode.vmapped,
            device=self.device,
            bf16=self.config["precision"] == "bf16",
            channels_last=mode.channels_last,
            draws=Noise([0], self.device).of("forward", torch.device("cpu")) if mode.draws else None,
        )

    def _model(self) -> nn.Module:
        built = {
            "reg": _only(self.config["reg"], self.encoding["built"]),
            "model": _without_weights(self.config["model"]),
        }
        config, example = self.config | built, self.example
        split = Split(example, torch.zeros(len(example)))
        data = Data(split, split, split, self.encoding["outputs"], self.kept.part("given"), self.task)
        model = build_model(config, data, join_regularizers([config], torch.device("cpu")), config["seed"]).model
        try:
            model.load_state_dict(self.kept.state)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:200]
            raise UsageError(
                f"{self.kept.folder}: its weights are of another model than is made now ({reason})"
            ) from error
        return model

    @cached_property
    def example(self) -> Tensor:
        """Two inputs of the shape and kind that the model takes; a padded text would have no words."""
        random = np.random.default_rng(0)
        shape, dtype = (2, *self.encoding["shape"]), getattr(torch, self.encoding["dtype"])
        if parts := self.kept.part("given").get("parts"):
            return made_up(parts, 2)
        if dtype.is_floating_point:
            return torch.from_numpy(random.normal(size=shape)).to(dtype)
        words = self.kept.part("given").get("vocabulary", 2)
        return torch.from_numpy(random.integers(1, max(2, words), size=shape)).to(dtype)


def _device(name: str) -> torch.device:
    """That of training, if this machine has one."""
    try:
        return pick_device(name)
    except UsageError:
        return torch.device("cpu")


def _only(reg: Config, built: list[str]) -> Config:
    """The regularizers without those of the user's own that change nothing in a model, which may be gone."""
    return reg | {"extra": {name: node for name, node in reg["extra"].items() if name in built}}


def _without_weights(node: Config) -> Config:
    """The model's node without what it began with, which training has replaced, and which may be gone."""
    node = {
        key: value
        for key, value in copy.deepcopy(node).items()
        if key != "weights" or "weights" not in fine_tuning(node)
    }
    return node | ({"pretrained": False} if node.get("pretrained") is True else {})
