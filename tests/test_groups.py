"""Learning rates and decays of parts of a model, against torch.optim with groups of parameters."""

import copy

import pytest
import torch
from torch import nn

from regab.errors import UsageError
from regab.models.foreign.depth import layers_of
from regab.models.transformer import Transformer
from regab.training.assembly.setup import examine, set_up
from regab.training.loop import train
from regab.training.optimizer import Adam
from regab.training.optimizer.parts import Parts
from tests import foreign
from tests.conftest import curves, same
from tests.test_finetuning import Net
from tests.test_foreign import own
from tests.test_optimizers import close, node

# With seed 0, a gradient of RMSprop's first step is so near zero that a rounded bit moves a weight by more than 1e-6.
CONSTANT = {"schedule": {"_target_": "regab.training.schedule.Constant"}, "batch_size": 50, "epochs": 3, "seed": 1}
GROUPS = {"*": 0.5, "fc1": {"lr": 0.1}, "output.*": {"lr": 2, "decay": 0}}
RATES = {"fc1": 0.1, "fc2": 0.5, "output": 2.0}
DEPTHS = {"fc1": 0.25, "fc2": 0.5, "output": 1.0}


def by_torch(config, make):
    """Training by torch's optimizer, which ``make`` makes of the model."""
    training = set_up([config])
    model, examples, noise = copy.deepcopy(training.stack.skeleton), training.data.train, training.noise
    optimizer = make(model)
    for epoch in range(1, config["epochs"] + 1):
        noise.begin(epoch)
        order = noise.order(len(examples))[0]
        for part in training.steps:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(examples.x[order[part]]), examples.y[order[part]]).backward()
            optimizer.step()
    return model.state_dict()


def by_regab(config):
    training = set_up([config])
    list(train(training))
    return training.stack.state_dict(0)


def grouped(model, lr, factors, decay=0.0):
    """A group for each kind of parameters: weights decay but for the output's, biases do not."""
    return [
        {"params": [p], "lr": lr * factors[name.split(".")[0]]}
        | ({"weight_decay": decay * (p.ndim > 1) * ("output" not in name)} if decay else {})
        for name, p in model.named_parameters()
    ]


@pytest.mark.parametrize(("parts", "factors"), [({"groups": GROUPS}, RATES), ({"layer_decay": 0.5}, DEPTHS)])
@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "NAdam", "torch"])
def test_parts_have_the_rates_of_torchs_groups(small, name, parts, factors):
    theirs = getattr(torch.optim, "Adam" if name == "torch" else name)
    options = {"_target_": "torch.optim.Adam"} if name == "torch" else {"_target_": f"regab.training.optimizer.{name}"}
    options |= {"momentum": 0.0} if name == "SGD" else {}
    config = small(CONSTANT | {"model.widths": [16, 8], "optimizer": options | {"lr": 0.01} | parts})
    close(by_regab(config), by_torch(config, lambda model: theirs(grouped(model, 0.01, factors), lr=0.01)))


def adamw(model):
    return torch.optim.AdamW(grouped(model, 0.01, RATES, 0.5), lr=0.01, weight_decay=0)


def adam_with_l2(model):
    return torch.optim.Adam(grouped(model, 0.01, RATES, 0.5), lr=0.01)


@pytest.mark.parametrize(("method", "make"), [("weight_decay", adamw), ("l2", adam_with_l2)])
def test_parts_have_the_decay_of_torchs_groups(small, method, make):
    values = CONSTANT | {"model.widths": [16, 8], f"reg.{method}.strength": 0.5}
    config = small(values | {"optimizer": {"_target_": "regab.training.optimizer.Adam", "lr": 0.01, "groups": GROUPS}})
    close(by_regab(config), by_torch(config, make))


def test_parts_have_a_share_of_the_decay_of_torchs_own_optimizer(small):
    values = {"_target_": "torch.optim.SGD", "lr": 0.01, "weight_decay": 0.5}
    config = small(CONSTANT | {"optimizer": values | {"groups": {"fc1": {"lr": 1, "decay": 0}}}})

    def make(model):
        first, rest = list(model.fc1.parameters()), list(model.output.parameters())
        return torch.optim.SGD([{"params": first, "weight_decay": 0}, {"params": rest}], lr=0.01, weight_decay=0.5)

    close(by_regab(config), by_torch(config, make))


def test_the_value_of_l2_is_that_of_which_the_gradient_is_taken(small):
    parts = {"groups": {"fc1": {"decay": 0.25}, "output": {"decay": 0}}}
    training = set_up([small({"reg.l2.strength": 0.1, "optimizer": node(Adam, **parts)})])
    stack, l2 = training.stack, training.chain.methods["l2"]
    weights = stack.parameters.leaves(stack.values)["fc1.weight"]
    torch.testing.assert_close(l2.value(stack.parameters), 0.1 / 2 * 0.25 * weights.square().sum()[None])


def test_at_neutral_parts_are_absent(small):
    plain, neutral = node(Adam, lr=0.01), node(Adam, lr=0.01, groups={}, layer_decay=1.0)
    whole = node(Adam, lr=0.01, beta1=0.9, beta2=0.999, eps=1e-8)
    assert small({"optimizer": neutral})["optimizer"] == small({"optimizer": plain})["optimizer"] == whole
    assert set_up([small({"optimizer": neutral})]).stack.parameters.rate_factors is None


@pytest.mark.parametrize(
    "optimizer", ["regab.training.optimizer.Adam", "regab.training.optimizer.Muon", "torch.optim.AdamW"]
)
def test_with_parts_a_run_has_the_same_numbers_alone_and_in_a_stack(small, optimizer):
    options = {"_target_": optimizer, "layer_decay": 0.5, "groups": {"fc1.weight": {"lr": 3, "decay": 0.5}}}
    values = {"model.widths": [13, 7], "reg.weight_decay.strength": 0.1}
    each = zip((0, 1, 0), (0.01, 0.02, 0.05), strict=True)
    runs = [small(values | {"seed": seed, "optimizer": options | {"lr": lr}}) for seed, lr in each]
    for alone, stacked in zip([curves(run)[0] for run in runs], curves(*runs), strict=True):
        assert same(alone, stacked)


MISTAKES = [
    (
        {"groups": {"fc3": 1}},
        r"groups: no parameter fits fc3; there is fc1.weight, fc1.bias, output.weight, output.bias$",
    ),
    ({"groups": {"fc1": 1, "*": 2}}, r"groups: all that fits fc1 fits a later pattern too; put it after that$"),
    ({"groups": {"fc1": {"rate": 1}}}, r"groups.fc1.rate: unknown key; there is: lr, decay$"),
    ({"groups": {"fc1": -1}}, r"groups.fc1=-1: must be a number in \[0, inf\), a factor of lr$"),
    ({"groups": {"fc1": {"decay": "no"}}}, r"groups.fc1=no: must be a number in \[0, inf\), a factor of decay$"),
    ({"layer_decay": 0.0}, r"layer_decay=0.0: must be in \(0, 1\]$"),
    ({"layer_decay": 1.5}, r"layer_decay=1.5: must be in \(0, 1\]$"),
    (
        {"_target_": "torch.optim.LBFGS", "layer_decay": 0.5},
        r"_target_=torch.optim.LBFGS: ValueError: LBFGS doesn't supp",
    ),
]


@pytest.mark.parametrize(("parts", "words"), MISTAKES)
def test_what_fits_nothing_or_means_nothing_is_refused_in_a_line(small, parts, words):
    with pytest.raises(UsageError, match=rf"^optimizer\.{words}"):
        examine([small({"optimizer": node(Adam) | parts})])


def test_frozen_parameters_need_no_rate(configure):
    training = set_up([own(configure, "Frozen", "optimizer.layer_decay=0.5", "optimizer.groups={fc2: 3}")])
    factors = training.stack.parameters.leaves(training.stack.parameters.rate_factors[None])
    assert {n: f.unique().tolist() for n, f in factors.items() if "bias" in n} == {
        "fc2.bias": [1.5],
        "output.bias": [1],
    }
    with pytest.raises(UsageError, match=r"^optimizer.groups: no parameter fits fc1; there is output.weight"):
        examine([own(configure, "Frozen", "optimizer.groups={fc1: 3}")])


class Blocks(nn.Module):
    """Declared in no order: a stem with a parameter of its own, blocks with a layer between two, a norm and a head."""

    def __init__(self):
        super().__init__()
        self.head, self.norm = nn.Linear(4, 2), nn.LayerNorm(4)
        self.blocks = nn.ModuleList(nn.Sequential(nn.Sequential(Inner()), Inner()) for _ in range(2))
        self.between, self.stem, self.token = nn.Linear(4, 4), nn.Linear(6, 4), nn.Parameter(torch.zeros(4))

    def forward(self, x):
        x = self.between(self.blocks[0](self.stem(x) + self.token))
        return self.head(self.norm(self.blocks[1](x)))


class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.linear = nn.LayerNorm(4), nn.Linear(4, 4)

    def forward(self, x):
        return x + self.linear(self.norm(x))


def heads(layers):
    return [sorted({name.rpartition(".")[0] for name in names}) for names in layers]


def test_layers_are_blocks_with_what_is_before_and_behind_or_else_matrices_in_the_order_of_use():
    assert heads(layers_of(Blocks(), torch.randn(2, 6))) == [
        ["", "stem"],
        ["blocks.0.0.0.linear", "blocks.0.0.0.norm"],
        ["between", "blocks.0.1.linear", "blocks.0.1.norm"],
        ["blocks.1.0.0.linear", "blocks.1.0.0.norm"],
        ["blocks.1.1.linear", "blocks.1.1.norm"],
        ["head", "norm"],
    ]
    assert heads(layers_of(foreign.Normed(6, 2), torch.randn(2, 6))) == [["fc1", "norm1"], ["fc2", "norm2"], ["output"]]
    assert heads(layers_of(foreign.Plain(6, 2), torch.randn(2, 6))) == [["fc1"], ["fc2"], ["output"]]
    layers = layers_of(Transformer((5,), 2, 20, 8, 2, 3), torch.ones(2, 5, dtype=torch.long))
    assert [{name.split(".")[0] for name in names} for names in layers] == [
        {"embedding"},
        *[{"blocks"}] * 3,
        {"norm", "output"},
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "swin_tiny_patch4_window7_224", "convnext_atto", "resnet18"])
def test_layers_of_timm_are_those_of_its_own_rule_but_for_norms_and_stems(name):
    timm = pytest.importorskip("timm")
    sized = {"img_size": 64} if name.startswith(("vit", "swin")) else {}
    model = timm.create_model(name, **sized, **({"window_size": 4} if "swin" in name else {}))
    from timm.optim import param_groups_layer_decay

    shares = {}
    for group in param_groups_layer_decay(model, layer_decay=0.5):
        for parameter in group["params"]:
            shares[id(parameter)] = group["lr_scale"]
    theirs = {
        name: shares[id(p)] for name, p in model.named_parameters() if ".blocks." in f".{name}" or "layer" in name
    }
    layers = layers_of(model, torch.randn(2, 3, 64, 64))
    ours = {name: 0.5 ** (len(layers) - i) for i, names in enumerate(layers, 1) for name in names}
    assert {n: ours[n] for n in theirs if "downsample" not in n} == {
        n: s for n, s in theirs.items() if "downsample" not in n
    }


@pytest.mark.slow
def test_layers_of_hugging_face_are_embeddings_blocks_and_a_head():
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(hidden_size=8, num_hidden_layers=3, num_attention_heads=2, vocab_size=30)
    model = transformers.BertForSequenceClassification(config)
    layers = layers_of(model, torch.ones(2, 5, dtype=torch.long))
    kinds = [{".".join(name.split(".")[1:4]) for name in names} for names in layers]
    assert len(layers) == 5
    assert all(kind.startswith("embeddings") for kind in kinds[0])
    assert kinds[1:4] == [{f"encoder.layer.{i}"} for i in range(3)]
    assert "classifier.weight" in layers[-1]


def test_what_is_shared_has_the_factors_of_each_of_its_names():
    rates, _, _ = Parts({"tied": 0.1}).factors(Net(64, 10), torch.zeros(2, 64))
    assert {name for name, rate in rates.items() if rate == 0.1} == {"body.3.weight", "tied.bias"}
