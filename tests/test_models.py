"""Models and the places in them."""

import pytest
import torch
from torch import nn

from regab.data.split import Data, Split
from regab.errors import UsageError
from regab.metrics.accuracy import Accuracy
from regab.models.cnn import CNN, RegularizedCNN
from regab.models.lenet import LeNet
from regab.models.mlp import MLP
from regab.models.parts.initial import Initialization
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
from regab.models.vgg import VGG
from regab.regularizers.norm import Norm
from regab.regularizers.stochastic_depth import StochasticDepth
from regab.tasks.classification import Classification
from regab.training.assembly.forward import ForwardMode, obstacle
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


@pytest.mark.parametrize("depth", [11, 13, 16, 19])
def test_vggs_are_torchvisions(depth):
    import torchvision.models

    with torch.device("meta"):
        ours = VGG((3, 224, 224), 1000, depth, 64, [4096, 4096])
        theirs = getattr(torchvision.models, f"vgg{depth}")()
    assert [p.shape for p in ours.parameters()] == [p.shape for p in theirs.parameters()]
    kinds = (nn.Conv2d, nn.ReLU, nn.MaxPool2d, nn.Linear)
    layers = [[type(m) for m in net.modules() if isinstance(m, kinds)] for net in (ours, theirs)]
    assert layers[0] == layers[1]
    with pytest.raises(UsageError, match=r"^model.depth=12: must be one of 11, 13, 16, 19$"):
        VGG((3, 32, 32), 10, 12, 64, [])


def test_lenet_5_has_the_size_that_is_taught():
    assert sum(p.numel() for p in LeNet((1, 28, 28), 10).parameters()) == 61_706


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (2, 5, 9), (1, 1, 1), (3, 13, 40)])
@pytest.mark.parametrize(
    "model",
    [
        lambda shape: LeNet(shape, 7),
        lambda shape: VGG(shape, 7, 11, 2, [5]),
        lambda shape: VGG(shape, 7, 13, 2, []),
        lambda shape: ResNet(shape, 7, 8, 3),
        lambda shape: ResNet(shape, 7, 18, 2, block_dropout=True),
    ],
    ids=["lenet", "vgg11", "vgg13", "resnet8", "resnet18"],
)
def test_deeper_networks_fit_images_of_any_size(model, shape):
    assert model(shape)(torch.randn(3, *shape)).shape == (3, 7)


@pytest.mark.parametrize("name", ["lenet", "vgg", "resnet"])
def test_deeper_networks_train_with_all_that_is_built_into_models(configure, name):
    smaller = {"lenet": [], "vgg": ["model.width=4"], "resnet": ["model.width=4", "reg.stochastic_depth=0.2"]}[name]
    words = ["data.n_train=64", "epochs=4", "batch_size=32", "reg.norm=batch", "reg.dropout=0.2"]
    (run,) = curves(configure(f"model={name}", "reg.dropout.where=hidden", *words, *smaller))
    assert run["train_loss"][-1] < run["train_loss"][0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lenet", "vgg", "resnet"])
def test_a_run_of_a_deeper_network_has_the_same_numbers_alone_and_in_a_stack(configure, name):
    smaller = {"lenet": [], "vgg": ["model.width=4"], "resnet": ["model.width=4", "reg.stochastic_depth=0.2"]}[name]
    words = [f"model={name}", "data.n_train=64", "epochs=2", "batch_size=32", "reg.norm=batch", *smaller]
    runs = [configure(*words, f"seed={seed}", f"reg.dropout={0.2 * seed}") for seed in range(3)]
    for alone, stacked in zip([curves(run)[0] for run in runs], curves(*runs), strict=True):
        assert same(alone, stacked)


@pytest.mark.parametrize("kind", ["none", "batch", "layer", "group"])
def test_convolutional_networks_can_be_batched_as_they_are_on_a_gpu(kind):
    shape = (1, 8, 8)
    nets = [CNN(shape, 7, [3], [4]), LeNet(shape, 7), VGG(shape, 7, 11, 2, [5]), ResNet(shape, 7, 8, 3)]
    StochasticDepth(0.2).build(nets[-1])
    for net in nets:
        if kind != "none":
            Norm(kind=kind).build(net)
        assert obstacle(net, torch.randn(4, *shape), ForwardMode(vmapped=True)) == ""


def test_initial_weights_have_the_variance_of_their_rule_and_biases_begin_at_zero():
    torch.manual_seed(0)
    layers = [nn.Linear(300, 200), nn.Conv2d(16, 48, 5), nn.MultiheadAttention(120, 4)]
    fans = [(300, 200), (16 * 25, 48 * 25), (120, 120)]
    for how in ("xavier", "kaiming"):
        for layer, (fan_in, fan_out) in zip(layers, fans, strict=True):
            Initialization(how)(layer)
            weight = layer.in_proj_weight if isinstance(layer, nn.MultiheadAttention) else layer.weight
            variance = 2 / (fan_in + fan_out) if how == "xavier" else 2 / fan_in
            assert weight.var().item() == pytest.approx(variance, rel=0.03)
            if how == "xavier":
                assert weight.abs().max().item() <= (3 * variance) ** 0.5
    assert not layers[0].bias.any()
    assert not layers[1].bias.any()
    for layer in layers:
        Initialization("orthogonal")(layer)
    for weight in (layers[0].weight.t(), layers[1].weight.flatten(1).t(), *layers[2].in_proj_weight.chunk(3)):
        torch.testing.assert_close(weight.t() @ weight, torch.eye(weight.shape[1]), atol=1e-5, rtol=0)


def test_default_leaves_the_models_own_initial_weights_and_any_model_can_have_others(configure):
    words = ["model=resnet", "model.width=4", "data.n_train=64", "epochs=1"]
    default, same_again, kaiming = (configure(*words, f"model.init={how}") for how in ("default", "default", "kaiming"))
    (a,), (b,), (c,) = (curves(config) for config in (default, same_again, kaiming))
    assert same(a, b)
    assert c["l2_norm"][0] > 1.5 * a["l2_norm"][0]
    with_norm = configure(*words, "model.init=kaiming", "reg.norm=batch")
    assert curves(with_norm)[0]["l2_norm"][0] == c["l2_norm"][0]  # initial weights depend on the seed alone
    with pytest.raises(UsageError, match=r"model.init=glorot: must be one of default, xavier, kaiming, orthogonal"):
        configure(*words, "model.init=glorot")


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
    metrics = evaluate(stack, Data(*splits, 3), Classification(), {"accuracy": Accuracy()})
    model = _rebuilt(stack, 0, lambda: MLP((6,), 3, [5]))
    for name, part in zip(("train", "val", "test"), splits, strict=True):
        logits = model(part.x).double()
        loss = nn.functional.cross_entropy(logits, part.y)
        assert metrics[f"{name}_loss"][1].item() == pytest.approx(loss.item(), rel=1e-6)
        assert metrics[f"{name}_accuracy"][1].item() == (logits.argmax(1) == part.y).double().mean().item()
