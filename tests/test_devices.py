"""What a device that is not the CPU is asked for, and when: waiting for it costs more than what is waited for.

On PyTorch's ``meta`` device tensors have shapes and no numbers: whatever reads one, or mixes devices, fails there.
"""

from collections import Counter

import pytest
import torch
from torch.overrides import TorchFunctionMode

from regab.data.split import Data, Split
from regab.measured import metrics_of
from regab.models.mlp import MLP
from regab.tasks.classification import Classification
from regab.tasks.regression import Regression
from regab.training.evaluate import evaluate, weight_metrics
from regab.training.loop import train
from regab.training.schedule import Plateau
from regab.training.setup import set_up
from regab.training.stack import Stack

READS = ("cpu", "item", "tolist", "numpy", "__bool__", "__float__", "__int__", "__index__", "nonzero")
META = torch.device("meta")


class Reads(TorchFunctionMode):
    """Counts by name what would wait for a GPU."""

    def __init__(self):
        super().__init__()
        self.found = Counter()

    def __torch_function__(self, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        self.found[name] += name in READS
        return function(*args, **(kwargs or {}))


def test_an_epochs_values_are_read_by_one_copy(small):
    trained = set_up([small({"metrics": {"names": ["accuracy", "log_loss", "top5"], "extra": {}}})])
    next(train(trained))
    with Reads() as reads:
        measured = evaluate(trained.stack, trained.data, trained.task, trained.metrics)
        trained.watch.note(0, measured, trained.stack.state)
    assert len(measured) >= 8
    assert +reads.found == {"cpu": 1, "numpy": 1}


@pytest.mark.parametrize(
    ("task", "names"),
    [(Classification(), ["accuracy", "log_loss", "top5"]), (Regression(), ["rmse", "mae", "r2", "pinball"])],
)
def test_a_device_is_asked_for_nothing_while_it_evaluates(task, names, configure):
    classes = 7 if isinstance(task, Classification) else 1
    y = torch.arange(700) % 7 if classes > 1 else torch.linspace(-1, 1, 700)
    cpu = Data(*[Split(torch.randn(700, 5), y)] * 3, classes, task=task)
    metrics = metrics_of(configure(f"metrics=[{','.join(names)}]"), cpu)
    stack = Stack(
        [MLP((5,), classes, [8])], torch.zeros(3, dtype=torch.long), torch.randn(2, 5), vmapped=True, device=META
    )
    found = evaluate(stack, cpu.to(META), task, metrics) | weight_metrics(stack.values)
    assert {tuple(value.shape) for value in found.values()} == {(3,)}
    assert {value.device for value in found.values()} == {META}
    assert {f"test_{name}" for name in ("loss", *names)} <= found.keys()


def test_a_schedule_goes_on_from_a_state_where_it_has_begun():
    schedule = Plateau()
    schedule.start(torch.ones(2, device=META), 5, 5)
    schedule.load({name: torch.zeros(2) for name in schedule.state()})
    assert {name: str(value.device) for name, value in schedule.state().items()} == {
        "base": "meta", "best": "cpu", "bad": "cpu", "cooling": "cpu",
    }  # fmt: skip
