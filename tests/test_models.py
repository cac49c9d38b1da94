"""Models and the places in them."""

import pytest
import torch
from torch import nn

from regab.data.split import Data, Split
from regab.errors import UsageError
from regab.models.cnn import CNN, RegularizedCNN
from regab.models.mlp import MLP
from regab.models.places import DropoutPlace, NormPlace, Perturbed, dropout_places, perturb_at, perturbed_places
from regab.regularizers.norm import Norm
from regab.training.evaluate import evaluate
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
    perturb_at(net, "fc1_dropout", "dropout")
    places = perturbed_places(net, torch.randn(2, 1, 8, 8))
    assert {name: place.shape for name, place in places.items()} == {"fc1_dropout": (12,)}
    place = Perturbed("dropout")
    place.factor = torch.tensor([0.0, 2.0])
    assert place(torch.ones(1, 2)).tolist() == [[0.0, 2.0]]
    assert place.eval()(torch.ones(1, 2)).tolist() == [[1.0, 1.0]]


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
