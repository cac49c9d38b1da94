"""Variants that differ in a key and come out as the same model are refused before anything is trained."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from regab.errors import UsageError
from regab.workers.examine import examine_all


class Dropping(nn.Module):
    """A rate of its own in a layer, which regab takes over; another in a call, which it honours."""

    def __init__(self, in_features, num_classes, layer: float = 0.0, call: float = 0.0, momentum: float = 0.1):
        super().__init__()
        self.fc, self.norm = nn.Linear(in_features, 32), nn.BatchNorm1d(32, momentum=momentum)
        self.drop, self.call, self.out = nn.Dropout(layer), call, nn.Linear(32, num_classes)

    def forward(self, x):
        h = self.drop(torch.relu(self.norm(self.fc(x.flatten(1)))))
        return self.out(functional.dropout(h, self.call, self.training))


class Numbers(Dropping):
    """For one output only."""

    def __init__(self, in_features, num_classes, layer: float = 0.0):
        assert num_classes == 1
        super().__init__(in_features, num_classes, layer)


def examined(configure, *words):
    base = ("model=own", "++model._target_=tests.test_likeness.Dropping", "data.n_train=100")
    return examine_all([configure(*base, f"++{word}") for word in words])


def test_a_rate_that_is_taken_over_is_no_variant(configure):
    with pytest.raises(UsageError) as error:
        examined(configure, "model.layer=0.0", "model.layer=0.5")
    words, index = error.value.args
    assert words.startswith("model.layer=0.5: makes the same model as model.layer=0.0, in training too; ")
    assert index == 1


def test_models_are_compared_with_the_outputs_that_the_task_asks_for(configure):
    base = ("data=iris", "task=regression", "model=own", "++model._target_=tests.test_likeness.Numbers")
    with pytest.raises(UsageError, match=r"model.layer=0.5: makes the same model as model.layer=0.0"):
        examine_all([configure(*base, f"++model.layer={rate}") for rate in (0.0, 0.5)])


@pytest.mark.parametrize("key", ["call", "momentum", "freeze"])
def test_what_makes_another_model_is_one(configure, key):
    levels = ("[fc]", "[out]") if key == "freeze" else (0.3, 0.6)
    _, facts = examined(configure, *(f"model.{key}={level}" for level in levels))
    assert len(facts) == 2


def test_runs_that_differ_elsewhere_too_are_not_compared(configure):
    base = ("model=own", "++model._target_=tests.test_likeness.Dropping", "data.n_train=100")
    configs = [configure(*base, f"++model.layer={rate}", f"batch_size={size}") for rate, size in ((0.1, 50), (0.2, 25))]
    assert len(examine_all(configs)[1]) == 2
