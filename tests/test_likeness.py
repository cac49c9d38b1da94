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


class DropPath(nn.Module):
    def __init__(self, drop_prob):
        super().__init__()
        self.drop_prob = drop_prob

    def forward(self, x):
        return functional.dropout(x, self.drop_prob, self.training)


class Branching(nn.Module):
    """Drops in a way that stands in the model only where its rate is not 0, and before layers that then are others'."""

    def __init__(
        self, in_features, num_classes, path: float = 0.0, layer: float = 0.0, lstm: float = 0.0, clip: int = 9
    ):
        super().__init__()
        self.lstm = nn.LSTM(in_features, 8, 2, dropout=lstm, batch_first=True)
        self.clip, self.path = clip, DropPath(path) if path else None
        self.out = nn.Sequential(*([nn.Dropout(layer)] if layer else []), nn.Linear(8, num_classes))

    def forward(self, x):
        h = self.lstm(x.flatten(1)[:, None])[0][:, 0].clamp(-self.clip, self.clip)
        return self.out(h + (self.path(h) if self.path else h))


def examined(configure, *words):
    base = ("model=own", "++model._target_=tests.test_likeness.Dropping", "data.n_train=100")
    return examine_all([configure(*base, f"++{word}") for word in words])


def test_a_rate_that_is_taken_over_is_no_variant(configure):
    with pytest.raises(UsageError) as error:
        examined(configure, "model.layer=0.0", "model.layer=0.5")
    words, index = error.value.args
    assert words.startswith("model.layer=0.5: makes the same model as model.layer=0.0, in training too; ")
    assert index == 1


@pytest.mark.parametrize("key", ["path", "layer", "lstm"])
def test_so_is_one_of_branches_or_within_a_layer_and_where_only_one_of_the_variants_drops(configure, key):
    base = ("model=own", "++model._target_=tests.test_likeness.Branching", "data.n_train=100")
    with pytest.raises(UsageError, match=rf"model.{key}=0.5: makes the same model as model.{key}=0.0, in training too"):
        examine_all([configure(*base, f"++model.{key}={rate}") for rate in (0.0, 0.5)])
    unlike = examine_all([configure(*base, "++model.lstm=0.5", f"++model.clip={clip}") for clip in (9, 8)])[2]
    assert len(unlike) == 2  # of which a few examples show nothing


def test_models_are_compared_with_the_outputs_that_the_task_asks_for(configure):
    base = ("data=iris", "task=regression", "model=own", "++model._target_=tests.test_likeness.Numbers")
    with pytest.raises(UsageError, match=r"model.layer=0.5: makes the same model as model.layer=0.0"):
        examine_all([configure(*base, f"++model.layer={rate}") for rate in (0.0, 0.5)])


@pytest.mark.parametrize("key", ["call", "momentum", "freeze"])
def test_what_makes_another_model_is_one(configure, key):
    levels = ("[fc]", "[out]") if key == "freeze" else (0.3, 0.6)
    *_, facts = examined(configure, *(f"model.{key}={level}" for level in levels))
    assert len(facts) == 2


def test_runs_that_differ_elsewhere_too_are_not_compared(configure):
    base = ("model=own", "++model._target_=tests.test_likeness.Dropping", "data.n_train=100")
    configs = [configure(*base, f"++model.layer={rate}", f"batch_size={size}") for rate, size in ((0.1, 50), (0.2, 25))]
    assert len(examine_all(configs)[2]) == 2
