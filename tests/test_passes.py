"""Methods that take a step's gradient elsewhere, and noise that is added: against torch, and absent at neutral."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn
from torch.nn import functional

from regab.regularizers.activation_noise import ActivationNoise
from regab.regularizers.base import Regularizer
from regab.training.assembly.setup import set_up
from regab.training.loop import train
from regab.training.noise import Noise
from tests.conftest import curves, same

ONE_BATCH = ("model=mlp", "model.widths=[32]", "data.n_train=100", "batch_size=100", "epochs=3")
PLAIN = (*ONE_BATCH, "optimizer=sgd", "optimizer.lr=0.1", "schedule=constant")


@dataclass
class GradientNorm(Regularizer):
    """A stranger's: penalize the gradient's norm by a second pass (Zhao, Zhang & Hu 2022, ICML)."""

    share: float = 0.0

    def passes(self, parameters, noise):
        first = parameters.gradients.clone()
        norm = torch.linalg.vector_norm(first, dim=1, keepdim=True)
        parameters.values.add_(0.1 * first / norm)
        yield
        parameters.gradients.sub_(first).mul_(self.share[:, None]).add_(first)


def end(configure, *words):
    """A run's data, its initial weights and those after its last step."""
    training = set_up([configure(*PLAIN, *words)])
    start = training.stack.state_dict(0)
    list(train(training))
    return training.data, start, training.stack.state_dict(0)


def by_torch(data, start, gradient, steps=3):
    """The same by torch alone; ``gradient(loss, weights)`` says by what the optimizer steps."""
    names, weights = [*start], [tensor.clone().requires_grad_() for tensor in start.values()]
    optimizer = torch.optim.SGD(weights, 0.1, momentum=0.9)

    def loss(at):
        value = dict(zip(names, at, strict=True))
        hidden = functional.relu(functional.linear(data.train.x.flatten(1), value["fc1.weight"], value["fc1.bias"]))
        return functional.cross_entropy(
            functional.linear(hidden, value["output.weight"], value["output.bias"]), data.train.y
        )

    for _ in range(steps):
        for weight, its in zip(weights, gradient(loss, weights), strict=True):
            weight.grad = its
        optimizer.step()
    return dict(zip(names, weights, strict=True))


def moved(loss, weights, rho, only=lambda weight: True):
    """The gradient at rho·g/‖g‖ from the weights, and the one at the weights."""
    first = torch.autograd.grad(loss(weights), weights)
    norm = torch.sqrt(sum(g.square().sum() for g, w in zip(first, weights, strict=True) if only(w)))
    there = [(w + rho * g / norm * only(w)).detach().requires_grad_() for w, g in zip(weights, first, strict=True)]
    return torch.autograd.grad(loss(there), there), first


@pytest.mark.parametrize("scope", ["all", "weights"])
def test_sam_takes_the_steps_of_sam_in_plain_torch(configure, scope):
    data, start, after = end(configure, "reg.sam=0.2", f"reg.sam.scope={scope}")
    only = (lambda w: w.ndim > 1) if scope == "weights" else lambda w: True
    expected = by_torch(data, start, lambda loss, weights: moved(loss, weights, 0.2, only)[0])
    for name, tensor in expected.items():
        torch.testing.assert_close(after[name], tensor.detach(), rtol=1e-4, atol=1e-6)
    plain = by_torch(data, start, lambda loss, weights: torch.autograd.grad(loss(weights), weights))
    assert max((after[name] - tensor).abs().max() for name, tensor in plain.items()) > 1e-3


def test_a_strangers_method_of_two_passes_mixes_both_gradients(configure):
    extra = ("reg.extra.flat._target_=tests.test_passes.GradientNorm", "reg.extra.flat.share=0.7")
    data, start, after = end(configure, *(f"++{word}" for word in extra))

    def mixed(loss, weights):
        second, first = moved(loss, weights, 0.1)
        return [0.7 * g + 0.3 * f for g, f in zip(second, first, strict=True)]

    for name, tensor in by_torch(data, start, mixed).items():
        torch.testing.assert_close(after[name], tensor.detach(), rtol=1e-4, atol=1e-6)


class Drawing(nn.Module):
    """Statistics, and random numbers of its own: a second pass must not move the first, and must repeat the second."""

    def __init__(self, in_features, num_classes):
        super().__init__()
        self.fc, self.norm, self.out = nn.Linear(in_features, 32), nn.BatchNorm1d(32), nn.Linear(32, num_classes)

    def forward(self, x):
        h = functional.dropout(torch.relu(self.norm(self.fc(x.flatten(1)))), 0.5, self.training)
        return self.out(h)


@pytest.mark.parametrize("target", [None, "tests.test_passes.Drawing"])
def test_a_run_without_sam_is_itself_beside_one_with_it(configure, target):
    model = ["reg.norm=batch", "reg.dropout=0.3"] if target is None else ["model=own", f"++model._target_={target}"]
    words = [*ONE_BATCH[2:3], "batch_size=32", "epochs=3", *(["model=mlp"] if target is None else []), *model]
    plain, active = configure(*words), configure(*words, "reg.sam=0.1")
    (alone,), (other,) = curves(plain), curves(active)
    beside, changed = curves(plain, active)
    assert same(alone, beside)
    assert same(other, changed)
    assert not same(alone, other)


def test_sam_and_weight_noise_together_step_from_where_the_weights_were(configure):
    both = configure(*PLAIN, "reg.sam=0.1", "reg.weight_noise=0.05", "optimizer.lr=1e-12", "optimizer.momentum=0")
    training = set_up([both])
    before = training.stack.values.clone()
    list(train(training))
    torch.testing.assert_close(training.stack.values, before, rtol=0, atol=1e-9)


def test_activation_noise_has_the_variance_that_it_says_in_training_only(configure):
    noise, place = Noise([0, 1], torch.device("cpu")), type("Place", (), {"shape": (200,)})
    alpha = torch.tensor([0.25, 0.0])
    drawn = ActivationNoise(alpha).perturb(500, place, noise.of("activation_noise/x"))
    assert drawn.shape == (2, 500, 200)
    assert abs(drawn[0].var() - 0.25) < 0.005
    assert abs(drawn[0].mean()) < 0.01
    assert not drawn[1].any()
    training = set_up([configure(*ONE_BATCH, "reg.activation_noise=0.25")])
    x = training.data.train.x[:4]
    training.stack.set_training(False)
    assert torch.equal(training.stack(x, shared=True), training.stack(x, shared=True))


def test_activation_noise_and_dropout_share_their_places_and_neither_disturbs_the_others_draws(configure):
    words = (*ONE_BATCH[:3], "batch_size=32", "epochs=2")
    dropped = configure(*words, "reg.dropout=0.5")
    noisy = configure(*words, "reg.activation_noise=0.3")
    both = configure(*words, "reg.dropout=0.5", "reg.activation_noise=0.3")
    alone = [curves(run)[0] for run in (dropped, noisy, both)]
    for one, stacked in zip(alone, curves(dropped, noisy, both), strict=True):
        assert same(one, stacked)
    assert len({run["train_loss"][-1] for run in alone}) == 3
