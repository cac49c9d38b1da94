"""The engine against torch's own modules, optimizers and schedulers."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap

from regab.data.split import Data, Split
from regab.models.mlp import MLP
from regab.models.parts.norms import BatchNorm, arrange_norms
from regab.models.places import Perturbed
from regab.regularizers.base import Chain
from regab.regularizers.dropout import Dropout
from regab.regularizers.elastic_net import ElasticNet
from regab.regularizers.gradient_clipping import GradientClipping
from regab.regularizers.l1 import L1
from regab.regularizers.l2 import L2
from regab.regularizers.label_smoothing import LabelSmoothing
from regab.regularizers.max_norm import MaxNorm
from regab.regularizers.weight_decay import WeightDecay
from regab.tasks.classification import Classification, cross_entropy
from regab.training import schedule
from regab.training.loop import Training, batches, train
from regab.training.noise import Noise
from regab.training.optimizer import SGD, Adam
from regab.training.stack import Stack
from regab.training.stopping import Stopping
from regab.training.watch import Watch

CPU = torch.device("cpu")
LRS = [0.01, 0.1]


def models(count=2, norm=None):
    made = []
    for seed in range(count):
        torch.manual_seed(seed)
        model = MLP((6,), 3, [5])
        if norm:
            model.fc1_norm = norm(5)
        made.append(model)
    return made


def stacked(made):
    return Stack(copy.deepcopy(made), torch.arange(len(made)), torch.randn(2, 6), vmapped=True, device=CPU)


def data(n=20):
    torch.manual_seed(7)
    split = Split(torch.randn(n, 6), torch.randint(3, (n,)))
    return Data(split, split, split, 3)


def trained(made, chain, optimizer, epochs=3):
    """Every run's parameters after full-batch training with its own learning rate, as state dicts."""
    stack = stacked(made)
    watch = Watch(stack, Stopping([]), np.arange(2), epochs)
    training = Training(
        ["a", "b"], stack, data(), Classification(), {}, Chain(chain), optimizer, schedule.Constant(),
        Noise([0, 1], CPU), watch, torch.tensor(LRS), epochs, 20,
    )  # fmt: skip
    list(train(training))
    return [stack.state_dict(run) for run in range(len(made))]


def reference(model, optimizer, epochs=3, penalty=lambda model: 0.0, before_step=lambda model: None):
    """The same by torch's optimizer."""
    model, examples = copy.deepcopy(model), data().train
    optimizer = optimizer(model)
    order = Noise([0, 1], CPU)
    for epoch in range(1, epochs + 1):
        order.begin(epoch)
        optimizer.zero_grad()
        (nn.functional.cross_entropy(model(examples.x), examples.y) + penalty(model)).backward()
        before_step(model)
        optimizer.step()
    return model.state_dict()


def close(ours, theirs, tolerance=2e-6):
    assert ours.keys() == theirs.keys()
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (SGD(momentum=0.0), lambda m, lr: torch.optim.SGD(m.parameters(), lr)),
        (SGD(momentum=0.9), lambda m, lr: torch.optim.SGD(m.parameters(), lr, momentum=0.9)),
        (SGD(momentum=0.9, nesterov=True), lambda m, lr: torch.optim.SGD(m.parameters(), lr, 0.9, nesterov=True)),
        (Adam(), lambda m, lr: torch.optim.Adam(m.parameters(), lr)),
        (Adam(beta1=0.8, beta2=0.9, eps=1e-3), lambda m, lr: torch.optim.Adam(m.parameters(), lr, (0.8, 0.9), 1e-3)),
    ],
)
def test_optimizers_follow_torch_step_by_step_with_a_learning_rate_per_run(ours, theirs):
    for epochs in (1, 2, 10):
        made = models()
        for model, lr, state in zip(made, LRS, trained(made, {}, ours, epochs), strict=True):
            close(state, reference(model, lambda m, lr=lr: theirs(m, lr), epochs))


def test_adam_takes_the_same_step_on_whole_matrices_as_row_by_row():
    torch.manual_seed(0)
    adam, lr, values = Adam(), torch.tensor([0.01, 0.1, 0.01]), torch.randn(3, 50)
    states, rows, whole = [adam.beginning(values), adam.beginning(values)], values.clone(), values.clone()
    for gradients in torch.randn(10, 3, 50):
        adam.update(states[0], rows, gradients, lr[:, None])
        states[1]["step"] += 1
        adam._at_once(states[1], whole, gradients, lr[:, None])
    torch.testing.assert_close(rows, whole)
    torch.testing.assert_close(states[0], states[1])


def weights_and_biases(model, decay):
    weights = [p for p in model.parameters() if p.ndim > 1]
    return [{"params": weights, "weight_decay": decay}, {"params": [p for p in model.parameters() if p.ndim == 1]}]


@pytest.mark.parametrize("scope", ["weights", "all"])
def test_decoupled_weight_decay_is_adamw(scope):
    made, strengths = models(), [0.1, 2.0]
    states = trained(made, {"weight_decay": WeightDecay(torch.tensor(strengths), scope=scope)}, Adam(), epochs=5)
    for model, lr, decay, state in zip(made, LRS, strengths, states, strict=True):

        def optimizer(m, lr=lr, decay=decay):
            if scope == "all":
                return torch.optim.AdamW(m.parameters(), lr, weight_decay=decay)
            groups = weights_and_biases(m, decay)
            groups[1]["weight_decay"] = 0.0
            return torch.optim.AdamW(groups, lr)

        close(state, reference(model, optimizer, epochs=5))


def test_plain_weight_decay_shrinks_by_its_strength_whatever_the_learning_rate():
    made = models()
    states = trained(made, {"weight_decay": WeightDecay(torch.tensor([0.5, 0.25]), kind="plain")}, SGD(momentum=0.0), 1)
    for model, lr, kept, state in zip(made, LRS, (0.5, 0.75), states, strict=True):
        plain, first = reference(model, lambda m, lr=lr: torch.optim.SGD(m.parameters(), lr), 1), model.state_dict()
        close(state, {n: p - (1 - kept) * first[n] if p.ndim > 1 else p for n, p in plain.items()})


@pytest.mark.parametrize("scope", ["weights", "all"])
def test_l2_is_the_weight_decay_of_torch_sgd(scope):
    made, strengths = models(), [0.1, 1.0]
    states = trained(made, {"l2": L2(torch.tensor(strengths), scope=scope)}, SGD(momentum=0.9), epochs=5)
    for model, lr, decay, state in zip(made, LRS, strengths, states, strict=True):

        def optimizer(m, lr=lr, decay=decay):
            groups = m.parameters() if scope == "all" else weights_and_biases(m, decay)
            return torch.optim.SGD(groups, lr, 0.9, weight_decay=decay if scope == "all" else 0.0)

        close(state, reference(model, optimizer, epochs=5))


def test_l1_and_elastic_net_have_the_gradient_that_autograd_gives_their_formulas():
    made, alpha = models(), 0.05
    chain = {
        "l1": L1(torch.tensor([alpha, alpha])),
        "elastic_net": ElasticNet(torch.tensor([alpha, alpha]), torch.tensor([0.3, 0.3])),
    }

    def penalty(model):
        weights = [p for p in model.parameters() if p.ndim > 1]
        absolute, squares = sum(p.abs().sum() for p in weights), sum(p.square().sum() for p in weights)
        return alpha * absolute + alpha * 0.3 * absolute + 0.5 * alpha * 0.7 * squares

    for model, lr, state in zip(made, LRS, trained(made, chain, SGD(momentum=0.0)), strict=True):
        close(state, reference(model, lambda m, lr=lr: torch.optim.SGD(m.parameters(), lr), penalty=penalty))


def test_clipping_is_clip_grad_norm_of_each_run():
    made, limits = models(), [0.05, 1e9]
    states = trained(made, {"c": GradientClipping(torch.tensor(limits))}, SGD(momentum=0.0))
    for model, lr, limit, state in zip(made, LRS, limits, states, strict=True):

        def clip(m, limit=limit):
            nn.utils.clip_grad_norm_(m.parameters(), limit)

        close(state, reference(model, lambda m, lr=lr: torch.optim.SGD(m.parameters(), lr), before_step=clip))


def test_max_norm_limits_rows_and_leaves_smaller_ones_alone():
    made = models()
    stack = stacked(made)
    before = [leaf.clone() for leaf in stack.parameters.weight_leaves]
    MaxNorm(torch.tensor([0.5, math.inf])).weights(stack.parameters, None)
    for old, new in zip(before, stack.parameters.weight_leaves, strict=True):
        norms = old[0].norm(dim=1)
        assert (norms > 0.5).any()
        torch.testing.assert_close(new[0].norm(dim=1), norms.clamp(max=0.5))
        assert torch.equal(new[0][norms <= 0.5], old[0][norms <= 0.5])
        assert torch.equal(new[1], old[1])
    torch.testing.assert_close(before[0][0].renorm(2, 0, 0.5), stack.parameters.weight_leaves[0][0])


def test_label_smoothing_is_cross_entropys():
    logits, labels = torch.randn(2, 9, 4), torch.randint(4, (9,))
    y = nn.functional.one_hot(labels, 4).float().expand(2, -1, -1)
    _, smooth = LabelSmoothing(torch.tensor([0.0, 0.3])).mix(None, y, None)
    ours = cross_entropy(logits, smooth)
    for run, smoothing in enumerate((0.0, 0.3)):
        theirs = nn.functional.cross_entropy(logits[run], labels, label_smoothing=smoothing)
        torch.testing.assert_close(ours[run], theirs)


def test_cross_entropy_and_its_gradient_as_they_are_written_out_are_torchs():
    logits, labels, task = torch.randn(3, 9, 4) * 5, torch.randint(4, (9,)), Classification()
    y = nn.functional.one_hot(labels, 4).float().expand(3, -1, -1)
    y = torch.stack([y[0], 0.7 * y[1] + 0.1, 2 * y[2]])  # one that is smoothed, and one that adds up to 2
    loss, slope = task.loss_and_slope(logits, y)
    taken = logits.clone().requires_grad_()
    by_autograd = task.loss(taken, y)
    by_autograd.sum().backward()
    assert torch.equal(loss, by_autograd)
    assert torch.equal(slope, taken.grad)
    exact = logits.double().requires_grad_()
    theirs = torch.stack([nn.functional.cross_entropy(x, target) for x, target in zip(exact, y.double(), strict=True)])
    theirs.sum().backward()
    torch.testing.assert_close(loss.double(), theirs, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(slope.double(), exact.grad, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("where", ["running_mean", "running_var", "num_batches_tracked"])
def test_batch_norm_tracks_the_statistics_that_torch_tracks(where):
    ours, theirs = (stacked_norm_state(norm) for norm in (BatchNorm, nn.BatchNorm1d))
    torch.testing.assert_close(ours[f"fc1_norm.{where}"], theirs[f"fc1_norm.{where}"])
    alone = copy.deepcopy(models(norm=nn.BatchNorm1d)[1])
    for x in batch_of_inputs():
        alone(x)
    torch.testing.assert_close(ours[f"fc1_norm.{where}"], alone.state_dict()[f"fc1_norm.{where}"])


def batch_of_inputs():
    torch.manual_seed(3)
    return [3 * torch.randn(8, 6) + 1 for _ in range(4)]


def stacked_norm_state(norm):
    stack = stacked(models(norm=norm))
    for x in batch_of_inputs():
        stack(x.expand(2, -1, -1))
    return stack.state_dict(1)


@pytest.mark.parametrize("options", [{}, {"momentum": None}, {"affine": False}, {"track_running_stats": False}])
@pytest.mark.parametrize("kind", [nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d])
def test_arranged_batch_norms_are_torchs(kind, options):
    theirs = kind(4, **options)
    if theirs.affine:
        nn.init.uniform_(theirs.weight)
        nn.init.uniform_(theirs.bias)
    ours = copy.deepcopy(theirs)
    arrange_norms(ours)
    sizes = {nn.BatchNorm1d: [(7, 4), (7, 4, 3)], nn.BatchNorm2d: [(5, 4, 3, 2)], nn.BatchNorm3d: [(5, 4, 3, 2, 2)]}
    for mode in (True, True, False):
        for size in sizes[kind]:
            x = 3 * torch.randn(size) + 1
            torch.testing.assert_close(ours.train(mode)(x), theirs.train(mode)(x))
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict())


def test_batch_norm_computes_what_torch_computes_in_both_modes():
    ours, theirs, x = BatchNorm(5), nn.BatchNorm1d(5), torch.randn(7, 5, requires_grad=True)
    for mode in (True, False):
        a, b = ours.train(mode)(x), theirs.train(mode)(x)
        torch.testing.assert_close(a, b)
        ga, gb = (torch.autograd.grad(out.pow(3).sum(), x)[0] for out in (a, b))
        torch.testing.assert_close(ga, gb, rtol=1e-4, atol=1e-5)


def test_the_batched_forward_pass_is_vmap_of_functional_call():
    made = models(3)
    stack, x = stacked(made), torch.randn(3, 4, 6)
    parameters, buffers = stack_module_state(made)
    expected = vmap(lambda p, b, x: functional_call(made[0], (p, b), (x,)))(parameters, buffers, x)
    torch.testing.assert_close(stack(x), expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(stack(x[0], shared=True)[0], made[0](x[0]), rtol=0, atol=1e-6)


def test_a_state_dict_loads_into_the_model_and_gives_its_logits():
    made = models(2, norm=nn.BatchNorm1d)
    stack, x = stacked(made), torch.randn(4, 6)
    stack.set_training(False)
    made[0].load_state_dict(stack.state_dict(1))
    torch.testing.assert_close(made[0].eval()(x), stack(x, shared=True)[1])


@pytest.mark.parametrize("kind", ["standard", "spatial", "gaussian"])
def test_dropout_preserves_the_mean_and_has_the_variance_of_its_kind(kind):
    noise, rates, place = Noise([0, 1, 0], CPU), torch.tensor([0.2, 0.5, 0.7]), Perturbed("dropout")
    place.shape = (20, 3, 3)
    factor = Dropout(rates, kind=kind).perturb(4000, place, noise.of("dropout")).expand(3, 4000, 20, 3, 3)
    for run, rate in enumerate(rates):
        assert factor[run].mean().item() == pytest.approx(1, abs=0.02)
        assert factor[run].var().item() == pytest.approx((rate / (1 - rate)).item(), rel=0.05)
        if kind != "gaussian":
            assert (factor[run] == 0).float().mean().item() == pytest.approx(rate.item(), abs=0.01)
        else:
            assert factor[run].sub(1).pow(4).mean() / factor[run].var() ** 2 == pytest.approx(3, rel=0.05)
        if kind == "spatial":
            assert (factor[run].flatten(2).std(-1) == 0).all()


SCHEDULES = [
    (schedule.Constant(), lambda o, steps, per: torch.optim.lr_scheduler.ConstantLR(o, 1.0)),
    (schedule.Cosine(), lambda o, steps, per: torch.optim.lr_scheduler.CosineAnnealingLR(o, steps)),
    (schedule.Cosine(0.1), lambda o, steps, per: torch.optim.lr_scheduler.CosineAnnealingLR(o, steps, 0.05)),
    (schedule.Step(0.5, 2), lambda o, steps, per: torch.optim.lr_scheduler.StepLR(o, 2 * per, 0.5)),
    (
        schedule.OneCycle(),
        lambda o, steps, per: torch.optim.lr_scheduler.OneCycleLR(o, 0.5, total_steps=steps, cycle_momentum=False),
    ),
]


@pytest.mark.parametrize(("steps", "warmup"), [(10, 0.1), (4, 0.2), (2, 0.5), (1, 0.3)])
def test_one_cycle_without_a_step_to_rise_in_begins_at_its_peak(steps, warmup):
    ours = schedule.OneCycle(warmup=warmup)
    ours.start(torch.tensor([1.0]), 1, steps)
    rates = [ours.factor(step) for step in range(steps)]
    assert all(0 < rate <= 1 for rate in rates)
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(1 / 25 / 1e4)
    assert steps == 1 or rates[0] == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(("ours", "theirs"), SCHEDULES)
@pytest.mark.filterwarnings("ignore:Detected call of")
def test_schedules_are_torchs(ours, theirs):
    per_epoch, epochs = 5, 6
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.5)
    scheduler = theirs(optimizer, per_epoch * epochs, per_epoch)
    ours.start(torch.tensor([0.5, 1.0]), per_epoch, epochs)
    for step in range(per_epoch * epochs):
        lr = ours.lr(step)
        torch.testing.assert_close(lr, torch.tensor([1.0, 2.0]) * scheduler.get_last_lr()[0], rtol=1e-5, atol=1e-9)
        if step + 1 < per_epoch * epochs:
            scheduler.step()


def afterwards(schedule, steps, per):
    """torch's SequentialLR: rising for so many steps, then a schedule over those that are left."""

    def make(optimizer, total, _):
        scheduler = torch.optim.lr_scheduler
        rising = scheduler.LinearLR(optimizer, 1 / (steps + 1), total_iters=steps)
        return scheduler.SequentialLR(optimizer, [rising, schedule(optimizer, total - steps, per)], [steps])

    return make


@pytest.mark.parametrize(("warmup", "steps"), [(0.2, 6), (0.5, 15), (2.0, 10), (1.0, 5)])
@pytest.mark.parametrize("name", ["Constant", "Cosine", "Step"])
@pytest.mark.filterwarnings("ignore:Detected call of", "ignore:The epoch parameter in")
def test_a_warm_up_is_torchs_linear_lr_followed_by_the_schedule(name, warmup, steps):
    theirs = {type(ours).__name__: make for ours, make in SCHEDULES[:2]} | {"Step": SCHEDULES[3][1]}
    options = {"gamma": 0.5, "every": 2} if name == "Step" else {}
    ours = getattr(schedule, name)(**options, warmup=warmup)
    test_schedules_are_torchs(ours, afterwards(theirs[name], steps, 5))


def test_without_a_warm_up_a_rate_is_that_of_the_schedule_to_the_bit():
    ours, base = schedule.Cosine(), torch.tensor([0.3, 0.7])
    ours.start(base, 7, 3)
    for step in range(21):
        assert torch.equal(ours.lr(step), base * ((1 + math.cos(math.pi * step / 21)) / 2))


def test_the_epochs_of_a_warm_up_do_not_count_for_plateau():
    ours = schedule.Plateau(patience=0, shrink=0.5, warmup=3.0)
    ours.start(torch.tensor([1.0]), 4, 10)
    for epoch, loss in enumerate([1.0, 2.0, 3.0, 5.0, 5.0], 1):
        ours.epoch_ended(4 * epoch, torch.tensor([loss], dtype=torch.float64))
        assert ours.base.item() == (0.5 if epoch == 5 else 1.0)


@pytest.mark.parametrize(
    "options", [{}, {"patience": 1}, {"patience": 0, "cooldown": 2, "min_lr": 0.02, "shrink": 0.4}]
)
def test_plateau_is_reduce_lr_on_plateau_for_each_run_on_its_own(options):
    torch.manual_seed(5)
    losses = torch.rand(40, 3, dtype=torch.float64) * torch.tensor([1.0, 2.0, 3.0])
    losses[:, 1] = torch.linspace(2, 1, 40)
    ours = schedule.Plateau(**options)
    ours.start(torch.full((3,), 0.5), 1, 40)
    torch_options = {"factor" if k == "shrink" else k: v for k, v in options.items()}
    optimizers = [torch.optim.SGD([torch.zeros(1)], lr=0.5) for _ in range(3)]
    theirs = [torch.optim.lr_scheduler.ReduceLROnPlateau(o, **torch_options) for o in optimizers]
    for epoch, loss in enumerate(losses):
        ours.epoch_ended(epoch + 1, loss)
        for scheduler, value in zip(theirs, loss, strict=True):
            scheduler.step(value.item())
        expected = torch.tensor([o.param_groups[0]["lr"] for o in optimizers])
        torch.testing.assert_close(ours.lr(epoch + 1), expected, rtol=1e-5, atol=1e-9)
    assert len(set(expected.tolist())) > 1


def test_batches_cover_every_example_once_and_leave_no_single_one_over():
    for n, size in [(10, 3), (9, 3), (10, 64), (1, 64), (64, 64), (65, 64), (7, 1), (129, 64)]:
        parts = batches(n, size)
        assert [i for part in parts for i in range(n)[part]] == list(range(n))
        lengths = [part.stop - part.start for part in parts]
        assert max(lengths) <= size + 1
        assert min(lengths) > 1 or size == 1 or n == 1
