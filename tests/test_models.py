"""Models and the places in them."""

import pytest
import torch
from torch import nn

from regab.data.split import Data, Split
from regab.errors import UsageError
from regab.models.cnn import CNN, RegularizedCNN
from regab.models.mlp import MLP
from regab.models.places import (
    DropoutPlace,
    NormPlace,
    Perturbed,
    dropout_places,
    perturb_at,
    perturbed_places,
    residual_places,
)
from regab.models.resnet import ResNet
from regab.regularizers.norm import Norm
from regab.regularizers.stochastic_depth import StochasticDepth
from regab.training.evaluate import evaluate
from regab.training.noise import Noise
from regab.training.stack import Stack
from tests.conftest import curves, same


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (1, 28, 28), (2, 5, 9), (1, 2, 2)])
@pytest.mark.parametrize("model", [CNN, RegularizedCNN])
def test_convolutional_networks_fit_images_of_any_size(model, shape):
    net = model(shape, 7, [4, 6], [11])
    assert net(torch.randn(3, *shape)).shape == (3, 7)


def test_the_cnn_is_the_tutorials():
    net = CNN((1, 28, 28), 10, [32], [128])
    kinds = [type(m) for m in net if not isinstance(m, nn.Flatten)]
    assert kinds == [
        DropoutPlace, nn.Conv2d, NormPlace, nn.ReLU, nn.MaxPool2d,
        nn.Linear, nn.ReLU, DropoutPlace, nn.Linear, DropoutPlace,
    ]  # fmt: skip
    assert sum(p.numel() for p in net.parameters()) == 9 * 32 + 32 + 14 * 14 * 32 * 128 + 128 + 1290


def test_the_regularized_cnn_is_the_tutorials():
    net = RegularizedCNN((1, 28, 28), 10, [64, 128], [512])
    kinds = [type(m) for m in net if not isinstance(m, nn.Flatten)]
    convolution = [nn.Conv2d, NormPlace, nn.ReLU]
    assert kinds == [
        DropoutPlace, *convolution, DropoutPlace, *convolution, nn.MaxPool2d,
        nn.Linear, NormPlace, nn.ReLU, DropoutPlace, nn.Linear, DropoutPlace,
    ]  # fmt: skip


def test_without_hidden_layers_the_mlp_is_linear():
    net, x = MLP((5,), 3, []), torch.randn(4, 5)
    torch.testing.assert_close(net(2 * x) - net.output.bias, 2 * (net(x) - net.output.bias))


def test_dropout_finds_the_places_that_where_means():
    net = MLP((5,), 3, [4, 4, 4])
    assert dropout_places(net, "hidden") == ["fc1_dropout", "fc2_dropout", "fc3_dropout"]
    assert dropout_places(net, "last_hidden") == ["fc3_dropout"]
    assert dropout_places(net, "output") == ["output_dropout"]
    assert dropout_places(net, "input") == ["input_dropout"]
    with pytest.raises(UsageError, match="no such place for dropout; it has: input, output"):
        dropout_places(MLP((5,), 3, []), "hidden")


@pytest.mark.parametrize(
    ("kind", "layer"), [("batch", nn.BatchNorm2d), ("layer", nn.GroupNorm), ("group", nn.GroupNorm)]
)
def test_norms_are_put_at_all_norm_places(kind, layer):
    net = RegularizedCNN((1, 8, 8), 10, [4, 6], [10])
    Norm(kind=kind).build(net)
    assert not [m for m in net.modules() if isinstance(m, NormPlace)]
    assert type(net.conv1_norm) is layer
    if kind != "batch":
        assert [net.conv2_norm.num_groups, net.fc1_norm.num_groups] == ([1, 1] if kind == "layer" else [2, 2])
    assert net(torch.randn(3, 1, 8, 8)).shape == (3, 10)


def test_layer_norm_of_plain_features_is_torchs():
    net = MLP((5,), 3, [6])
    Norm(kind="layer").build(net)
    x = torch.randn(4, 6)
    torch.testing.assert_close(net.fc1_norm(x), nn.functional.layer_norm(x, [6]))


def test_a_perturbed_place_multiplies_in_training_only_and_knows_its_shape():
    net = CNN((1, 8, 8), 10, [4], [12])
    perturb_at(net, ["fc1_dropout"], "dropout")
    places = perturbed_places(net, torch.randn(2, 1, 8, 8))
    assert {name: place.shape for name, place in places.items()} == {"fc1_dropout": (12,)}
    place = Perturbed("dropout")
    place.factor = torch.tensor([0.0, 2.0])
    assert place(torch.ones(1, 2)).tolist() == [[0.0, 2.0]]
    assert place.eval()(torch.ones(1, 2)).tolist() == [[1.0, 1.0]]


@pytest.mark.parametrize(("depth", "width", "parameters"), [(20, None, 269_722), (56, None, 853_018)])
def test_resnets_for_cifar_have_the_papers_size(depth, width, parameters):
    net = ResNet((3, 32, 32), 10, depth, width)
    Norm(kind="batch").build(net)
    biases = sum(m.bias.numel() for m in net.modules() if isinstance(m, nn.Conv2d))  # He et al. have none
    assert sum(p.numel() for p in net.parameters()) - biases == parameters


def test_resnet_18_has_the_layers_of_torchvisions_but_for_the_first_and_the_shortcuts():
    from torchvision.models import resnet18

    ours, theirs = ResNet((3, 32, 32), 10, 18), resnet18(num_classes=10)
    theirs.conv1 = nn.Conv2d(3, 64, 3)
    kernels = [p.shape for n, p in theirs.named_parameters() if p.ndim == 4 and "downsample" not in n]
    assert [p.shape for p in ours.parameters() if p.ndim == 4] == kernels


def test_a_residual_block_is_the_papers():
    torch.manual_seed(0)
    net = ResNet((3, 9, 9), 10, 14, 4)
    first, wider = net.block1_1, net.block2_1
    x = torch.randn(2, 4, 9, 9)
    b = first.branch
    expected = torch.relu(x + b.conv2(torch.relu(b.conv1(x))))
    torch.testing.assert_close(first(x), expected)
    nn.init.zeros_(wider.branch.conv2.weight)
    nn.init.zeros_(wider.branch.conv2.bias)
    out = wider(x)
    torch.testing.assert_close(out[:, :4], torch.relu(x[:, :, ::2, ::2]))
    assert out.shape == (2, 8, 5, 5)
    assert not out[:, 4:].any()


@pytest.mark.parametrize("depth", [2, 7, 9, 19, 34])
def test_a_resnet_of_another_depth_is_refused(depth):
    with pytest.raises(UsageError, match=f"^model.depth={depth}: must be 18 or 6n"):
        ResNet((3, 32, 32), 10, depth)


def test_a_residual_network_needs_images_and_stochastic_depth_residual_branches():
    with pytest.raises(UsageError, match="a ResNet needs images, but an input has 30 plain features; use model=mlp"):
        ResNet((30,), 2)
    with pytest.raises(UsageError, match="no residual branches; leave reg"):
        StochasticDepth(0.5).build(MLP((5,), 3, [4]))


def test_stochastic_depth_leaves_out_branches_with_a_probability_that_grows_linearly_with_depth():
    net, examples = ResNet((1, 8, 8), 10, 14, 2), 20_000
    names = residual_places(net)
    StochasticDepth(0.5).build(net)
    places = perturbed_places(net, torch.randn(2, 1, 8, 8))
    assert list(places) == names == [f"block{s}_{b}.branch.residual" for s in (1, 2, 3) for b in (1, 2)]
    rates, noise = torch.tensor([0.5, 0.8]), Noise([0, 1], torch.device("cpu"))
    for i, (name, place) in enumerate(places.items(), 1):
        factor = StochasticDepth(rates).perturb(examples, place, noise.of(name))
        assert factor.shape == (2, examples, 1, 1, 1)
        for run, rate in enumerate(rates.tolist()):
            dropped, error = rate * i / 6, 4 * (0.25 / examples) ** 0.5
            assert (factor[run] == 0).float().mean().item() == pytest.approx(dropped, abs=error)
            kept = factor[run][factor[run] > 0]
            torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - dropped)), rtol=2e-5, atol=0)


def test_an_example_whose_branches_are_all_left_out_passes_by_the_shortcuts_alone():
    torch.manual_seed(0)
    net = ResNet((1, 8, 8), 10, 8, 4)
    StochasticDepth(0.5).build(net)
    x, blocks = torch.randn(3, 1, 8, 8), (net.block1_1, net.block2_1, net.block3_1)
    for block in blocks:
        block.branch.residual.factor = torch.tensor([0.0, 1.0, 1.0]).view(3, 1, 1, 1)
    narrow = torch.relu(net.conv(x))[:, :, ::4, ::4].mean((2, 3))
    shortcuts = net.output(nn.functional.pad(narrow, (0, 12)))
    out = net(x)
    torch.testing.assert_close(out[0], shortcuts[0])
    assert not torch.allclose(out[1:], shortcuts[1:])
    torch.testing.assert_close(net.eval()(x)[1:], out[1:])  # in evaluation all branches take part


def test_a_convolutional_run_in_a_stack_is_the_same_run_alone_to_a_tolerance(small):
    cnn = {"model": {"_target_": "regab.models.cnn.CNN", "channels": [4], "widths": [8]}}
    runs = [small(cnn | {"seed": s, "reg.dropout.rate": 0.1 * s, "reg.norm.kind": "batch"}) for s in range(3)]
    for alone, stacked in zip([curves(run)[0] for run in runs], curves(*runs), strict=True):
        assert same(alone, stacked)  # on a CPU they go one by one through the same kernels


def test_tied_weights_stay_tied():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)
            self.b.weight = self.a.weight

        def forward(self, x):
            return self.b(self.a(x))

    models = [Tied(), Tied()]
    stack = Stack(models, torch.tensor([0, 1, 1]), torch.randn(2, 4), vmapped=True, device=torch.device("cpu"))
    assert stack.values.shape == (3, 16 + 4 + 4)
    x = torch.randn(5, 4)
    expected = [Tied.forward(m, x) for m in (_rebuilt(stack, i, Tied) for i in range(3))]
    torch.testing.assert_close(stack(x, shared=True), torch.stack(expected))


def _rebuilt(stack, run, cls):
    model = cls()
    model.load_state_dict(stack.state_dict(run), strict=False)
    return model


def test_evaluation_is_the_plain_mean_over_all_examples_whatever_the_chunks():
    torch.manual_seed(0)
    model = MLP((6,), 3, [5])
    splits = [Split(torch.randn(n, 6), torch.randint(3, (n,))) for n in (1300, 512, 7)]
    stack = Stack([model], torch.tensor([0, 0]), splits[0].x[:2], vmapped=True, device=torch.device("cpu"))
    metrics = evaluate(stack, Data(*splits, 3))
    model = _rebuilt(stack, 0, lambda: MLP((6,), 3, [5]))
    for name, part in zip(("train", "val", "test"), splits, strict=True):
        logits = model(part.x).double()
        loss = nn.functional.cross_entropy(logits, part.y)
        assert metrics[f"{name}_loss"][1].item() == pytest.approx(loss.item(), rel=1e-6)
        assert metrics[f"{name}_accuracy"][1].item() == (logits.argmax(1) == part.y).double().mean().item()
