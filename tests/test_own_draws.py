"""What a user's own code draws from global generators: by the run's seed, whoever trains beside it, and put back."""

import random
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from regab.data.split import Source, Split
from regab.errors import UsageError
from regab.regularizers.base import Regularizer
from regab.seeding import drawn_since, global_states, seed_globals, seeded
from regab.tasks.classification import Classification
from regab.training.assembly.data import load_data
from tests.conftest import curves, objectives_taken_up, same

HOOKS = ("augment", "mix", "penalty", "gradients", "weights", "disturb", "decay", "add_gradient")


def drawn(like):
    return torch.rand_like(like) * np.random.rand() * random.random()


@dataclass
class Noisy(Regularizer):
    """Draws at one of its hooks."""

    strength: float = 0.0
    at_hook: str = "augment"

    def _on(self, hook):
        return self.strength * (self.at_hook == hook)

    def _added(self, hook, x):
        return x + self._on(hook).view(-1, *[1] * (x.ndim - 1)) * drawn(x) if self.at_hook == hook else x

    def augment(self, x, noise):
        return self._added("augment", x)

    def mix(self, x, y, noise):
        return self._added("mix", x), y

    def penalty(self, logits):
        scale = drawn(logits[:, 0, 0]) if self.at_hook == "penalty" else 0
        return self._on("penalty") * scale * logits.square().mean((1, 2))

    def gradients(self, parameters, noise):
        parameters.gradients.copy_(self._added("gradients", parameters.gradients))

    def add_gradient(self, parameters):
        parameters.gradients.copy_(self._added("add_gradient", parameters.gradients))

    def decay(self, parameters, lr):
        parameters.values.copy_(self._added("decay", parameters.values))

    def disturb(self, parameters, noise):
        parameters.values.copy_(self._added("disturb", parameters.values))

    def weights(self, parameters, step_size):
        step = step_size()
        assert len(step) == len(parameters.values) == len(parameters.weight_leaves[0])
        parameters.values.copy_(self._added("weights", parameters.values))


@dataclass
class Both(Noisy):
    """Draws from its stream too, and keeps how often it was called."""

    def augment(self, x, noise):
        self.calls = getattr(self, "calls", 0) + 1
        return super().augment(x, noise) + self.calls * noise.uniform(*x.shape[1:])


@dataclass
class Late(Noisy):
    def gradients(self, parameters, noise):
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls > 2:
            super().gradients(parameters, noise)


def config_of(small, cls=Noisy, seed=0, strength=0.1, hook="augment", **values):
    extra = {
        "_target_": f"tests.test_own_draws.{cls.__name__}",
        "strength": strength,
        "at_hook": hook,
        "during": "constant",
    }
    return small({"reg.extra": {"noisy": extra}, "seed": seed, **values})


@pytest.mark.parametrize("hook", HOOKS)
def test_what_a_method_draws_is_the_run_s_alone_and_in_a_stack(small, hook):
    configs = [config_of(small, seed=s, strength=a, hook=hook) for s, a in [(1, 0.1), (0, 0.1), (1, 0.0), (1, 0.2)]]
    torch.manual_seed(5)
    together = curves(*configs)
    torch.manual_seed(6)
    alone = [curves(config)[0] for config in configs]
    assert all(same(a, b) for a, b in zip(together, alone, strict=True))
    assert not same(alone[0], alone[2])


def test_a_neutral_method_that_draws_changes_nothing(small):
    assert same(*curves(config_of(small, strength=0.0)), *curves(small({"seed": 0})))


def test_draws_of_both_kinds_and_what_a_method_keeps_are_each_run_s_own(small):
    configs = [config_of(small, Both, seed, 0.1) for seed in (0, 1)]
    assert all(same(a, *curves(config)) for a, config in zip(curves(*configs), configs, strict=True))


SEEN = []


@dataclass
class Seen(Noisy):
    def augment(self, x, noise):
        SEEN.append(torch.rand(()).item())
        return x


def test_every_call_of_every_epoch_draws_anew(small):
    SEEN.clear()
    curves(config_of(small, Seen))
    assert len(SEEN) == 1 + 2 * 5  # the first call is found to draw, and taken back; 150 examples in batches of 32
    assert len({*SEEN[1:]}) == 2 * 5


def test_a_fading_method_draws_by_its_seed_too(small):
    configs = [config_of(small, Noisy, seed, 0.1) for seed in (0, 1)]
    for config in configs:
        config["reg"]["extra"]["noisy"]["during"] = "linear"
    assert all(same(a, *curves(config)) for a, config in zip(curves(*configs), configs, strict=True))


def test_a_method_that_begins_to_draw_late_is_refused(small):
    with pytest.raises(UsageError, match="noisy: gradients draws, but not at first; let it draw whenever it is called"):
        curves(config_of(small, Late, hook="gradients"))


@pytest.mark.parametrize("hook", ["augment", "gradients"])
def test_a_training_with_own_draws_goes_on_as_if_undisturbed(small, hook):
    config = config_of(small, hook=hook, epochs=3)
    assert objectives_taken_up(config) == curves(config)[0]["train_objective"][2:].tolist()


@dataclass
class Contrast(Classification):
    """A loss with negatives that are drawn."""

    weight: float = 0.1

    def loss(self, outputs, targets):
        negative = outputs[:, torch.randperm(outputs.shape[1])]
        return super().loss(outputs, targets) + self.weight * (outputs * negative).mean((1, 2))


def test_what_a_task_draws_is_the_run_s_alone_and_in_a_stack(small):
    task = {"_target_": "tests.test_own_draws.Contrast"}
    configs = [small({"task": task, "seed": seed}) for seed in (0, 1)]
    together = curves(*configs)
    assert all(same(a, *curves(config)) for a, config in zip(together, configs, strict=True))


class Net(nn.Module):
    """Its weights and its forward draw from all three."""

    def __init__(self, in_features, num_classes):
        super().__init__()
        self.layer = nn.Linear(in_features, num_classes)
        with torch.no_grad():
            self.layer.weight.mul_(np.random.rand() + random.random())

    def forward(self, x):
        x = x.flatten(1)
        return self.layer(x * (np.random.rand() + random.random()) if self.training else x)


def test_what_a_model_draws_is_the_run_s_alone_and_in_a_stack(small):
    configs = [small({"model": {"_target_": "tests.test_own_draws.Net"}, "seed": seed}) for seed in (0, 1)]
    np.random.seed(1)
    together = curves(*configs)
    np.random.seed(2)
    assert all(same(a, *curves(config)) for a, config in zip(together, configs, strict=True))


def load():
    x = torch.randn(80, 4) + torch.from_numpy(np.random.randn(4)) + random.random()
    return Source(Split(x, (x[:, 0] > 0).long()), 2)


def test_what_a_loader_draws_depends_on_the_seed_of_the_division(configure):
    found = []
    for seed in (0, 0, 1):
        np.random.seed()
        node = configure("data=own", "data._target_=tests.test_own_draws.load", f"data.split_seed={seed}")["data"]
        load_data.__globals__["_load_data"].cache_clear()
        found.append(load_data(node, torch.device("cpu")).fingerprint)
    assert found[0] == found[1] != found[2]


def test_generators_are_put_back_after_training(small):
    before = global_states()
    curves(config_of(small))
    assert not drawn_since(before)


def test_each_global_generator_is_seeded_noticed_and_put_back():
    draws = [lambda: torch.rand(1).item(), np.random.rand, random.random, np.random.normal, lambda: random.gauss(0, 1)]
    for draw in draws:
        seed_globals(3)
        first = draw()
        with seeded(1, "anything"):
            draw()
        states = global_states()
        second = draw()
        assert drawn_since(states)
        seed_globals(3)
        assert [draw(), draw()] == [first, second]
