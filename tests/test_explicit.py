"""Layers that are written out, against torch's autograd on one run's model."""

import copy

import pytest
import torch
from torch import nn

from regab.models.cnn import CNN, RegularizedCNN
from regab.models.lenet import LeNet
from regab.models.mlp import MLP
from regab.models.places import DropoutPlace
from regab.regularizers.activation_noise import ActivationNoise
from regab.regularizers.dropout import Dropout
from regab.regularizers.norm import Norm
from regab.training import stack as stacks
from regab.training.explicit.model import is_explicit, layers

CPU = torch.device("cpu")
NETS = {
    "mlp": (lambda: MLP((12,), 10, [24, 32]), (12,)),
    "narrow mlp": (lambda: MLP((12,), 20, [24, 10]), (12,)),
    "mlp of images": (lambda: MLP((2, 4, 3), 5, [17]), (2, 4, 3)),
    "linear": (lambda: MLP((12,), 3, []), (12,)),
    "one output": (lambda: MLP((12,), 1, [24]), (12,)),
    "one layer of one output": (lambda: MLP((12,), 1, []), (12,)),
    "cnn": (lambda: CNN((3, 9, 8), 10, [6], [20]), (3, 9, 8)),
    "perturbed channels": (
        lambda: nn.Sequential(
            DropoutPlace("input"), nn.Conv2d(2, 5, 3), nn.ReLU(), DropoutPlace(), nn.Flatten(), nn.Linear(120, 4)
        ),
        (2, 6, 8),
    ),
    "strided": (
        lambda: nn.Sequential(
            nn.Conv2d(2, 5, (3, 2), stride=(2, 1), padding=(0, 1), bias=False),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
            nn.Flatten(),
            nn.Linear(45, 4, bias=False),
        ),
        (2, 11, 5),
    ),
    "windows that leave a margin": (
        lambda: nn.Sequential(
            nn.Conv2d(2, 5, 3), nn.ReLU(), nn.MaxPool2d((3, 2)), nn.MaxPool2d((1, 3)), nn.Flatten(), nn.Linear(30, 4)
        ),
        (2, 12, 15),
    ),
    "windows apart that begin in a margin": (
        lambda: nn.Sequential(nn.Conv2d(2, 5, 3), nn.MaxPool2d(2, 2, 1), nn.Flatten(), nn.Linear(60, 4)),
        (2, 6, 8),
    ),
    "batch norm": (
        lambda: nn.Sequential(
            nn.Linear(12, 24),
            nn.BatchNorm1d(24),
            nn.ReLU(),
            nn.Linear(24, 9, bias=False),
            nn.BatchNorm1d(9, eps=0.1, momentum=0.3),
            nn.Linear(9, 5),
        ),
        (12,),
    ),
    "batch norm behind what is kept": (
        lambda: nn.Sequential(
            nn.Linear(12, 24),
            nn.ReLU(),
            nn.BatchNorm1d(24, eps=1.0),
            nn.Linear(24, 20),
            nn.ReLU(),
            nn.Flatten(),
            nn.BatchNorm1d(20, eps=1.0),
            nn.Linear(20, 5),
        ),
        (12,),
    ),
    "batch norm of channels": (
        lambda: nn.Sequential(
            nn.Conv2d(2, 5, 3, padding=1),
            nn.BatchNorm2d(5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.BatchNorm2d(5),
            nn.Flatten(),
            nn.Linear(60, 17),
            nn.BatchNorm1d(17),
            nn.ReLU(),
            nn.Linear(17, 4),
        ),
        (2, 8, 6),
    ),
}
NORMED = [name for name in NETS if name.startswith("batch norm")]


def stack_of(models, shape, explicit=True, bf16=False):
    runs = torch.arange(len(models))
    vmapped = not any(isinstance(m, nn.Conv2d) for m in models[0].modules())
    with pytest.MonkeyPatch.context() as patch:
        if not explicit:
            patch.setattr(stacks, "written_out", lambda *_: False)
        made = stacks.Stack(copy.deepcopy(models), runs, torch.randn(2, *shape), vmapped=vmapped, device=CPU, bf16=bf16)
    assert (made.explicit is not None) == explicit
    made.set_training(True)
    return made


def gradients(stack, x, factors):
    stack.backward(weighted(stack(x, factors)))
    return stack.gradients.clone()


def weighted(outputs):
    """A loss ``[V]`` in which every output counts differently."""
    return (outputs.sin() * torch.linspace(0.5, 2, outputs.shape[-1])).sum(-1).square().mean(-1)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize("noise", [False, True])
def test_gradients_and_outputs_are_those_of_autograd(name, dropout, noise):
    make, shape = NETS[name]
    torch.manual_seed(1)
    models = [make().double().float() for _ in range(3)]
    hidden = dropout and name in ("mlp", "mlp of images", "one output", "cnn", "perturbed channels")
    for model in models if hidden else []:
        if noise:
            ActivationNoise(where="hidden").build(model)
        Dropout(where="hidden").build(model)
        Dropout(where="input").build(model)
    stack, x = stack_of(models, shape), torch.randn(3, 7, *shape)
    factors = {n: torch.randn(3, 7, *p.shape) for n, p in stack.places.items()}
    assert bool(factors) == hidden
    outputs = stack(x, factors)
    stack.backward(weighted(outputs))
    for v, model in enumerate(models):
        model.train().double()
        for place, factor in factors.items():
            model.get_submodule(place).factor = factor[v].double()
        expected = model(x[v].double())
        torch.testing.assert_close(outputs[v].double(), expected, rtol=1e-5, atol=1e-6)
        weighted(expected[None]).sum().backward()
        row = dict(zip([s.name for s in stack._slots], stack.layout.unflatten(stack.gradients[v : v + 1]), strict=True))
        for key, parameter in model.named_parameters():
            torch.testing.assert_close(row[key][0].double(), parameter.grad, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NETS)
def test_products_in_bfloat16_are_as_far_from_exact_ones_as_those_of_autocast(name):
    make, shape = NETS[name]
    torch.manual_seed(2)
    models, x = [make() for _ in range(4)], torch.randn(4, 50, *shape)
    exact = gradients(stack_of(models, shape), x, {})
    written = gradients(stack_of(models, shape, bf16=True), x, {})
    autocast = gradients(stack_of(models, shape, explicit=False, bf16=True), x, {})
    errors = [((found - exact).norm() / exact.norm()).item() for found in (written, autocast)]
    assert written.dtype == torch.float32
    assert 1e-4 < errors[0] < 1.3 * errors[1] + 2**-8  # that of data alone, which autocast leaves to one output


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("bf16", [False, True])
def test_a_run_alone_has_the_bits_that_it_has_in_a_stack(name, bf16):
    make, shape = NETS[name]
    models = [make() for _ in range(5)]
    stack, x = stack_of(models, shape, bf16=bf16), torch.randn(5, 33, *shape)
    together, shared = gradients(stack, x, {}), x[0]
    stack.set_training(False)
    evaluated = stack(shared, shared=True)
    for v in (0, 3):
        alone = stack_of([models[v]], shape, bf16=bf16)
        assert torch.equal(gradients(alone, x[v : v + 1], {})[0], together[v])
        alone.set_training(False)
        assert torch.equal(alone(shared, shared=True)[0], evaluated[v])


@pytest.mark.parametrize("name", NETS)
def test_what_is_evaluated_is_what_the_model_gives(name):
    make, shape = NETS[name]
    models = [make().eval() for _ in range(3)]
    stack, x = stack_of(models, shape), torch.randn(7, *shape)
    stack.set_training(False)
    for found, model in zip(stack(x, shared=True), models, strict=True):
        torch.testing.assert_close(found, model(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["mlp", "narrow mlp", "linear"])
def test_gradients_of_large_weights_have_the_bits_of_those_of_small_ones(name, monkeypatch):
    make, shape = NETS[name]
    stack, x = stack_of([make() for _ in range(3)], shape), torch.randn(3, 33, *shape)
    small = gradients(stack, x, {})
    stack.gradients.zero_()
    monkeypatch.setattr(layers, "LARGE", 1)
    assert torch.equal(gradients(stack, x, {}), small)


@pytest.mark.parametrize("width", [4, 8, 10, 24])
@pytest.mark.parametrize("method", [Dropout, ActivationNoise])
@pytest.mark.parametrize("bf16", [False, True])
def test_what_is_perturbed_by_nothing_has_the_bits_of_what_is_not(width, method, bf16):
    models, x = [MLP((12,), 3, [24, width, width]) for _ in range(3)], torch.randn(3, 33, 12)
    plain = gradients(stack_of(models, (12,), bf16=bf16), x, {})
    for model in models:
        method(where="hidden").build(model)
    stack = stack_of(models, (12,), bf16=bf16)
    factors = {n: torch.full((3, 33, *p.shape), p.neutral) for n, p in stack.places.items()}
    assert len(factors) == 3
    assert torch.equal(gradients(stack, x, factors), plain)


@pytest.mark.parametrize("name", ["mlp", "linear", "one output"])
def test_fully_connected_networks_have_the_bits_of_the_batched_pass(name):
    make, shape = NETS[name]
    models, x = [make() for _ in range(4)], torch.randn(4, 64, *shape)
    assert torch.equal(
        gradients(stack_of(models, shape), x, {}), gradients(stack_of(models, shape, explicit=False), x, {})
    )


@pytest.mark.parametrize("name", NORMED)
def test_running_statistics_and_what_is_evaluated_with_them_are_those_of_torch(name):
    make, shape = NETS[name]
    models, x = [make() for _ in range(2)], torch.randn(3, 2, 7, *shape)
    stack = stack_of(models, shape)
    for batch in x:
        stack(batch, {})
    stack.set_training(False)
    evaluated = stack(x[0])
    for v, model in enumerate(models):
        for batch in x[:, v]:
            model(batch)
        found = stack.state_dict(v)
        for key, kept in model.named_buffers():
            torch.testing.assert_close(found[key], kept, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(evaluated[v], model.eval()(x[0, v]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NORMED)
def test_gradients_at_running_statistics_are_those_of_autograd(name):
    make, shape = NETS[name]
    models, x = [make() for _ in range(2)], torch.randn(2, 7, *shape)
    found = []
    for explicit in (True, False):
        stack = stack_of(models, shape, explicit)
        for batch in (x, x + 1):
            gradients(stack, batch, {})
        for module in stack.skeleton.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        gradients(stack, x, {})
        found.append(stack.parameters.leaves(stack.gradients))
    for key, gradient in found[0].items():
        torch.testing.assert_close(gradient, found[1][key], rtol=1e-5, atol=1e-6)


def test_a_smaller_batch_after_a_larger_one_is_computed_in_the_same_memory_without_its_remains():
    models, shape = [NETS["cnn"][0]()], NETS["cnn"][1]
    used, fresh, x = stack_of(models, shape), stack_of(models, shape), torch.randn(1, 9, *shape)
    gradients(used, x, {})
    assert torch.equal(gradients(used, x[:, :4], {}), gradients(fresh, x[:, :4], {}))


def test_data_and_earlier_outputs_are_left_as_they_are():
    models, shape = [NETS["mlp"][0]()], NETS["mlp"][1]
    stack, x = stack_of(models, shape), torch.randn(1, 9, *shape)
    before, first = x.clone(), stack(x).detach()
    kept = first.clone()
    gradients(stack, x + 1, {})
    assert torch.equal(x, before)
    assert torch.equal(first, kept)


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


def hooked():
    model = MLP((6,), 3, [8])
    model.fc1.register_forward_hook(lambda module, inputs, output: 2 * output)
    return model


def shared():
    layer = nn.Linear(6, 6)
    return nn.Sequential(layer, nn.ReLU(), layer)


def frozen():
    model = MLP((6,), 3, [8])
    model.fc1.weight.requires_grad_(False)
    return model


def normed():
    model = MLP((6,), 3, [8])
    Norm(kind="layer").build(model)
    return model


def pooled(*window, **options):
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(*window, **options), nn.Flatten(), nn.Linear(8, 3))


def normed_without_statistics():
    return nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4, track_running_stats=False), nn.Linear(4, 3))


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: nn.Sequential(Doubled(6, 3)), (6,)),
        (lambda: nn.Sequential(nn.ReLU(), nn.Linear(6, 3)), (6,)),
        (lambda: nn.Sequential(nn.Linear(6, 3), nn.ReLU()), (6,)),
        (lambda: nn.Sequential(nn.Linear(6, 3), nn.Dropout(0.5), nn.Linear(3, 3)), (6,)),
        (lambda: nn.Sequential(nn.Linear(6, 3)), (4, 6)),
        (lambda: nn.Sequential(nn.Conv2d(1, 2, 3, padding="same"), nn.Flatten(), nn.Linear(72, 3)), (1, 6, 6)),
        (lambda: nn.Sequential(nn.Conv2d(1, 2, 3, dilation=2), nn.Flatten(), nn.Linear(8, 3)), (1, 6, 6)),
        (lambda: nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(1, 2, 1), nn.Flatten(), nn.Linear(18, 3)), (1, 6, 6)),
        (lambda: pooled(3, ceil_mode=True), (1, 6, 6)),
        (lambda: pooled(2, dilation=2, stride=2), (1, 6, 6)),
        (lambda: nn.Sequential(nn.Flatten(2), nn.Linear(36, 3)), (1, 6, 6)),
        (hooked, (6,)),
        (shared, (6,)),
        (frozen, (6,)),
        (normed, (6,)),
        (normed_without_statistics, (6,)),
        (lambda: nn.Sequential(nn.BatchNorm1d(6), nn.Linear(6, 3)), (6,)),
        (lambda: nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4, affine=False), nn.Linear(4, 3)), (6,)),
        (lambda: LeNet((1, 16, 16), 10), (1, 16, 16)),
        (lambda: RegularizedCNN((1, 8, 8), 10, [4, 4], [8]), (1, 8, 8)),
    ],
)
def test_what_is_not_written_out_is_left_to_autograd(make, shape):
    assert not is_explicit(make(), torch.Size(shape))


def test_networks_with_the_batch_norm_of_the_method_are_written_out():
    for model, shape in ((MLP((6,), 3, [8]), (6,)), (CNN((1, 8, 8), 10, [6], [20]), (1, 8, 8))):
        Norm(kind="batch").build(model)
        assert is_explicit(model, torch.Size(shape))
