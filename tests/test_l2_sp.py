"""Decay towards the starting weights, against its formula and a minimum in closed form."""

import pytest
import torch

from regab.training.assembly.setup import set_up
from regab.training.loop import train
from regab.training.snapshot import restore, take_snapshot
from tests.conftest import curves, same

WORDS = ("model=mlp", "model.widths=[16,32]", "data.n_train=100", "epochs=2", "batch_size=50")


@pytest.mark.parametrize("scope", ["weights", "all"])
def test_its_gradient_is_that_of_its_value(configure, scope):
    words = ("reg.l2_sp=0.3", "reg.l2_sp.head=0.05", f"reg.l2_sp.scope={scope}")
    training = set_up([configure(*WORDS, *words)])
    stack, (method,) = training.stack, training.chain.methods.values()
    begin = stack.state_dict(0)
    stack.values.add_(torch.randn_like(stack.values))
    now, penalty = stack.state_dict(0), 0.0
    for name, tensor in now.items():
        if scope == "all" or tensor.ndim > 1:
            head = name.startswith("output.")
            away = tensor if head else tensor - begin[name]
            penalty += (0.05 if head else 0.3) / 2 * away.square().sum()
    torch.testing.assert_close(method.value(stack.parameters)[0], penalty)
    values = stack.values.clone().requires_grad_()
    moved = stack.parameters.values
    stack.parameters.values = values
    (expected,) = torch.autograd.grad(method.value(stack.parameters).sum(), values)
    stack.parameters.values = moved
    stack.gradients.zero_()
    method.add_gradient(stack.parameters)
    torch.testing.assert_close(stack.gradients, expected)


def test_a_strong_pull_keeps_the_body_where_it_began_and_lets_the_head_go(configure):
    words = ("optimizer=sgd", "optimizer.lr=0.01", "optimizer.momentum=0", "reg.l2_sp.scope=all", "epochs=10")
    moved = {}
    for strength in (0.0, 50.0):
        training = set_up([configure(*WORDS, *words, f"reg.l2_sp={strength}", "reg.l2_sp.head=1e-9")])
        before = training.stack.state_dict(0)
        list(train(training))
        after = training.stack.state_dict(0)
        moved[strength] = {name: (after[name] - before[name]).norm().item() for name in before}
    assert moved[50.0]["fc1.weight"] < 0.3 * moved[0.0]["fc1.weight"]
    assert moved[50.0]["output.weight"] > 0.5 * moved[0.0]["output.weight"]


def test_a_resumed_training_is_drawn_to_where_it_began_and_not_to_where_it_was(configure):
    config = configure(*WORDS, "reg.l2_sp=0.5")
    whole, half = set_up([config]), set_up([config])
    rest = train(half)
    next(rest), next(rest)
    resumed = set_up([config])
    restore(resumed, take_snapshot(half))
    assert torch.equal(resumed.stack.parameters.start, whole.stack.parameters.start)
    list(train(whole)), list(train(resumed))
    assert torch.equal(whole.stack.values, resumed.stack.values)


def test_runs_with_and_without_it_do_not_disturb_each_other(configure):
    runs = [configure(*WORDS, f"reg.l2_sp={strength}", f"seed={seed}") for strength, seed in ((0, 0), (0.3, 0), (1, 1))]
    for alone, stacked in zip([curves(run)[0] for run in runs], curves(*runs), strict=True):
        assert same(alone, stacked)
