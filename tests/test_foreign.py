"""Models of the user's own, and torchvision's: where regularizers find places in them, and how they are trained."""

import csv
import json

import numpy as np
import pytest
import torch
from torch import nn

from regab.errors import UsageError
from regab.models.foreign.places import adopt
from regab.models.places import DropoutPlace, NormPlace, dropout_places, norm_places, perturbed_places, residual_places
from regab.regularizers.dropout import Dropout
from regab.regularizers.norm import Norm
from regab.training.assembly.answer import PROBABILITIES
from regab.training.assembly.forward import choose_forward_mode
from regab.training.assembly.setup import examine, set_up
from regab.training.loop import train
from regab.training.noise import Noise
from regab.workers.examine import examine_all
from tests import foreign
from tests.conftest import curves, same

CPU = torch.device("cpu")
QUICK = ("model=own", "data.n_train=150", "epochs=2", "batch_size=32")


def own(configure, name, *words):
    return configure(f"++model._target_=tests.foreign.{name}", *QUICK, *words)


def adopted(model, *shape):
    notes = adopt(model, torch.randn(2, *shape))
    return model, notes


def test_dropout_follows_activations_before_the_last_layer_in_the_order_of_use():
    net, notes = adopted(foreign.Plain(6, 3), 6)
    assert notes == []
    visits = ["relu.dropout_place.visit.0", "relu.dropout_place.visit.1"]
    assert dropout_places(net, "hidden") == visits
    assert dropout_places(net, "last_hidden") == visits[1:]
    sequential, _ = adopted(nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 3), nn.Sigmoid()), 6)
    assert dropout_places(sequential, "hidden") == ["1.dropout_place"]  # and not the sigmoid, which is the output's


def test_a_norm_follows_every_layer_with_weights_but_the_last():
    net, _ = adopted(foreign.Plain(6, 3, hidden=5), 6)
    assert [(n, p.features, p.spatial) for n, p in norm_places(net)] == [
        ("fc1.norm_place", 10, 0),
        ("fc2.norm_place", 5, 0),
    ]
    convolutional = nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(24, 3))
    net, _ = adopted(convolutional, 2, 8)
    assert [(n, p.features, p.spatial) for n, p in norm_places(net)] == [("0.norm_place", 4, 1)]
    Norm(kind="batch").build(net)
    x, conv = torch.randn(5, 2, 8), net[0]
    y = nn.functional.conv1d(x, conv.weight, conv.bias)
    expected = nn.functional.batch_norm(y, None, None, training=True)
    torch.testing.assert_close(conv(x), expected)


def test_a_models_own_norms_are_replaced_where_they_stand_and_kept_at_neutral():
    net, _ = adopted(foreign.WithDropout(1, 10), 1, 8, 8)
    before = net.bn
    assert [name for name, _ in norm_places(net)] == ["bn"]
    assert net.bn is before
    Norm(kind="group", groups=2).build(net)
    assert isinstance(net.bn, nn.GroupNorm)
    assert not [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]


def test_a_layer_norm_of_sequences_is_no_place_as_its_features_stand_last():
    net = nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.Flatten(), nn.Linear(18, 2))
    adopt(net, torch.randn(2, 3, 4))
    with pytest.raises(UsageError, match=r"^reg.norm: this model has no place"):
        norm_places(net)


def test_a_models_own_dropout_is_taken_over_and_every_use_has_a_place_of_its_own():
    net, notes = adopted(foreign.WithDropout(1, 10), 1, 8, 8)
    assert notes == ["reg.dropout takes over drop2d (p=0.2), drop (p=0.5); at reg.dropout.rate=0 they are off"]
    assert not [m for m in net.modules() if isinstance(m, nn.Dropout | nn.Dropout2d)]
    assert (
        dropout_places(net, "last_hidden")
        == dropout_places(net, "hidden")
        == ["drop2d", "drop.visit.0", "drop.visit.1"]
    )
    Dropout(0.5).build(net)
    places = perturbed_places(net, torch.randn(2, 1, 8, 8))
    assert {name: place.shape for name, place in places.items()} == {
        "drop2d": (4, 6, 6), "drop.visit.0": (6, 4, 4), "drop.visit.1": (12,),
    }  # fmt: skip
    noise, rate = Noise([0], CPU), torch.tensor([0.5])
    channels = Dropout(rate).perturb(3, places["drop2d"], noise.of("a"))
    assert channels.shape == (1, 3, 4, 1, 1)
    assert Dropout(rate).perturb(3, places["drop.visit.0"], noise.of("b")).shape == (1, 3, 6, 4, 4)


def test_at_neutral_a_models_own_dropout_is_absent(configure):
    (taken_over,) = curves(own(configure, "WithDropout"))
    training = set_up([own(configure, "WithDropout")])
    net = training.stack.skeleton.train()
    x = torch.randn(4, 1, 8, 8)
    assert torch.equal(net(x), net(x))
    (dropped,) = curves(own(configure, "WithDropout", "reg.dropout=0.5"))
    assert not same(taken_over, dropped)


def test_where_nothing_is_found_the_run_is_refused_in_one_line(configure):
    with pytest.raises(UsageError, match=r"no such place for dropout; it has: none \(.*F.relu is invisible\)"):
        examine([own(configure, "Functional", "reg.dropout=0.5")])
    with pytest.raises(UsageError, match="no residual branches"):
        examine([own(configure, "Plain", "reg.stochastic_depth=0.5")])


MISTAKES = {
    "TwoOutputs": r"for two examples the forward of TwoOutputs must return \[2, 10\], not \[2, 1, 8, 8\]",
    "Replacing": r"the forward of Replacing replaces its buffer mean, which runs cannot share; change it in place",
    "Complex": r"its parameter phase is complex, which regab cannot train; keep its real and imaginary part",
    "Fickle": r"Fickle returns logits in training and probabilities in evaluation; a classification wants logits",
    "Mixed": r"its parameter temperature is float64, but .* is float32; make all of one type",
    "Scaled": r"model: scale is computed from parameters outside of forward",
    "Unseeded": r"the same seed gives Unseeded other numbers again; it draws from a generator of its own, or keeps",
    "OwnGenerator": r"the same seed gives OwnGenerator other numbers again",
    "Annealed": r"the same seed gives Annealed other numbers again",
    "normed_before": r"fc1.weight is computed .*; there is torch.nn.utils.parametrizations for norms of weights",
    "pruned": r"fc1.weight is computed from parameters outside of forward",
    "scripted": r"model: 1 is TorchScript, into which nothing can reach; bring it as an nn.Module",
    "not_a_model": r"model._target_=tests.foreign.not_a_model: must give a torch.nn.Module",
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_model_that_cannot_be_trained_is_refused_in_one_line(configure, name):
    with pytest.raises(UsageError, match=MISTAKES[name]):
        examine([own(configure, name)])


def test_a_model_that_draws_what_a_stack_does_not_keep_is_refused_where_there_are_several_seeds(configure):
    def examined(name, *seeds):
        return examine_all([own(configure, name, f"seed={seed}") for seed in seeds])

    words = r"model: RandomFeatures draws, as it is made, what is neither a parameter nor a buffer.*register_buffer"
    with pytest.raises(UsageError, match=words):
        examined("RandomFeatures", 0, 1)
    with pytest.raises(UsageError, match=words):
        set_up([own(configure, "RandomFeatures", f"seed={seed}") for seed in (0, 1)])
    with pytest.raises(UsageError, match=r"RandomDepth has other parameters with another seed"):
        examined("RandomDepth", 0, 1)
    examined("RandomFeatures", 5, 5)
    examined("BufferedFeatures", 0, 1)


def test_what_torch_does_not_see_in_a_model_is_said(configure):
    (note,) = set_up([own(configure, "Hidden")]).notes
    assert note.startswith(
        "layers is neither trained nor saved, as torch does not see it; put it into an nn.ModuleList"
    )
    assert set_up([own(configure, "Plain")]).notes == []


def mode(name, *shape):
    net = getattr(foreign, name)(shape, 10) if name in ("Recurrent", "Transformer") else getattr(foreign, name)(64, 10)
    adopt(net, torch.randn(2, *shape))
    return choose_forward_mode(net, torch.randn(2, *shape), [(10,)], CPU)


def test_what_can_be_batched_is_and_the_rest_is_trained_run_by_run_for_a_reason():
    assert mode("Plain", 1, 8, 8).vmapped
    assert mode("Frozen", 1, 8, 8).vmapped
    control = mode("DataDependent", 1, 8, 8)
    assert not control.vmapped
    assert "trained run by run" in control.notes[0]
    assert "control flow" in control.notes[0]
    for _ in range(2):  # torch warns once per process, and a mode must not depend on what was before
        attention = mode("NoBatchedKernel", 1, 8, 8)
        assert not attention.vmapped
        assert "batching rule" in attention.notes[0]
    drawing = mode("Functional", 1, 8, 8)
    assert drawing.draws
    assert not drawing.vmapped
    assert "draws random numbers" in drawing.notes[0]
    assert not mode("Recurrent", 1, 8, 8).vmapped
    assert not mode("Transformer", 1, 8, 8).vmapped


def test_outputs_that_are_probabilities_are_said():
    assert mode("Probable", 1, 8, 8).notes == [PROBABILITIES]
    assert mode("Probable", 1, 8, 8).vmapped
    assert mode("Plain", 1, 8, 8).notes == []


def test_parameters_that_no_gradient_reaches_are_named():
    (note,) = mode("Extracting", 1, 8, 8).notes
    assert note.startswith("no gradient reaches fc1.weight, fc1.bias, spare.weight; methods that act on weights act")
    assert note.endswith("unless model.freeze names them")


def test_what_a_model_counts_in_a_buffer_is_left_as_it_was():
    assert mode("Counting", 1, 8, 8).notes == []
    assert not mode("Counting", 1, 8, 8).draws


def test_what_a_model_changes_in_weights_that_are_not_trained_is_no_draw():
    (note,) = mode("Following", 1, 8, 8).notes
    assert note.startswith("no gradient reaches fc1.weight")  # and it says nothing of other numbers again


def test_every_kind_of_model_is_examined(configure):
    for name in ("Plain", "WithDropout", "Recurrent", "Transformer"):
        facts = examine([own(configure, name)])
        assert facts.stacked == (name == "Plain")
        assert facts.bytes > 0
    assert examine([own(configure, "Taciturn")]).flops == examine([own(configure, "Plain")]).flops > 0


def test_a_model_that_needs_contiguous_images_gets_them(configure):
    training = set_up([own(configure, "WithDropout")])
    assert not training.stack.channels_last
    assert "view size is not compatible" in training.notes[1]


@pytest.mark.parametrize(
    "name",
    [
        "WithDropout",
        "NormedByFunction",
        "DataDependent",
        "Recurrent",
        "Transformer",
        "Frozen",
        "Tempered",
        "Checkpointed",
        "Following",
        "BufferedFeatures",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("Plain", "Normed", "Padded", "Functional", "NoBatchedKernel")
        ),
    ],
)
def test_a_run_has_the_same_numbers_alone_and_in_a_stack(configure, name):
    drops = name in ("Plain", "WithDropout", "Transformer", "Frozen")
    runs = [
        own(configure, name, f"seed={seed}", f"optimizer.lr={0.001 * run}", f"reg.dropout={0.2 * run * drops}")
        for run, seed in enumerate((0, 1, 0), 1)
    ]
    alone = [curves(run)[0] for run in runs]
    for a, b, c in zip(alone, curves(*runs), curves(*reversed(runs))[::-1], strict=True):
        assert same(a, b)
        assert same(a, c)
    assert not same(alone[0], alone[2])
    assert alone[0]["train_loss"][0] == alone[2]["train_loss"][0]  # equal seeds, equal initial weights
    assert all(run["train_loss"][-1] < run["train_loss"][0] for run in alone)


def test_what_would_depend_on_the_size_of_a_stack_is_trained_run_by_run(configure):
    stacked, alone = set_up([own(configure, "Normed")]), set_up([own(configure, "NormedByFunction")])
    assert stacked.stack.vmapped
    assert not alone.stack.vmapped
    assert alone.notes[-1].endswith("not in one batch: a run's numbers would depend on how many are trained together")


def test_recurrent_layers_are_trained_and_their_inner_dropout_is_off(configure):
    training = set_up([own(configure, "Recurrent")])
    assert training.notes == ["lstm.dropout=0.5 is off, as reg.dropout cannot reach into LSTM"]
    (run,) = curves(own(configure, "Recurrent", "data.n_train=500", "epochs=8", "optimizer.lr=0.02"))
    assert run["train_accuracy"][-1] > 0.5


def test_the_embedding_of_padding_is_trained_in_no_run_of_a_batch(configure):
    training = set_up([own(configure, "Padded", f"optimizer.lr={lr}") for lr in (0.01, 0.02, 0.03)])
    assert training.stack.vmapped
    before = [training.stack.state_dict(run)["words.weight"].clone() for run in range(3)]
    list(train(training))
    for run in range(3):
        after = training.stack.state_dict(run)["words.weight"]
        assert torch.equal(before[run][0], after[0])
        assert not torch.equal(before[run][1:], after[1:])


def test_what_a_model_has_frozen_stays_and_is_no_parameter(configure):
    training = set_up([own(configure, "Frozen", "reg.weight_decay=0.5")])
    plain = foreign.Frozen(64, 10)
    trained = sum(p.numel() for p in plain.parameters() if p.requires_grad)
    assert training.stack.values.shape == (1, trained)
    before = training.stack.state_dict(0)
    list(train(training))
    after = training.stack.state_dict(0)
    assert torch.equal(before["fc1.weight"], after["fc1.weight"])
    assert not torch.equal(before["fc2.weight"], after["fc2.weight"])
    plain.load_state_dict(after)


def test_a_model_that_draws_by_itself_draws_the_same_for_equal_seeds_only(configure):
    first, again = (curves(own(configure, "Functional"))[0] for _ in range(2))
    assert same(first, again)
    (other,) = curves(own(configure, "Functional", "seed=1"))
    assert not same(first, other)


def test_dropout_in_a_foreign_model_is_dropout_in_the_same_model_of_regabs(configure):
    mine = own(configure, "Plain", "++model.hidden=16", "reg.dropout=0.4", "reg.norm=batch")
    ours = configure("model=mlp", "model.widths=[32,16]", *QUICK[1:], "reg.dropout=0.4", "reg.norm=batch")
    trainings = [set_up([config]) for config in (mine, ours)]
    names = {f"fc{i}.{kind}": f"fc{i}.{kind}" for i in (1, 2) for kind in ("weight", "bias")}
    names |= {f"fc{i}.norm_place.{kind}": f"fc{i}_norm.{kind}" for i in (1, 2) for kind in ("weight", "bias")}
    names |= {f"output.{kind}": f"output.{kind}" for kind in ("weight", "bias")}
    states = [training.stack.skeleton for training in trainings]
    assert set(dict(states[0].named_parameters())) == set(names)
    x, factor = torch.randn(1, 8, 1, 8, 8), torch.rand(1, 8, 16)
    logits = []
    source = dict(zip(names.values(), (trainings[0].stack.state_dict(0)[n] for n in names), strict=True))
    for training, state in zip(trainings, (None, source), strict=True):
        stack = training.stack
        if state:
            for slot, leaf in zip(stack._slots, stack.leaves, strict=True):
                leaf.data.copy_(state[slot.name][None])
        (place,) = stack.places
        logits.append(stack(x, {place: factor}))
    torch.testing.assert_close(*logits)


def test_torchvisions_models_are_told_the_classes_and_trained(configure, tmp_path):
    net = configure("++model._target_=torchvision.models.resnet18", "model=own")
    assert net["model"] == {"_target_": "torchvision.models.resnet18", "init": "default"}
    from torchvision.models import efficientnet_b0, resnet18

    assert sum(p.numel() for p in resnet18().parameters()) == 11_689_512
    model, notes = adopted(resnet18(num_classes=10), 3, 32, 32)
    assert notes == []
    assert dropout_places(model, "last_hidden") == ["layer4.1.relu.dropout_place.visit.1"]
    assert len(norm_places(model)) == 20
    assert choose_forward_mode(model, torch.randn(2, 3, 32, 32), [(10,)], CPU).notes == []
    efficient, notes = adopted(efficientnet_b0(num_classes=10), 3, 32, 32)
    assert len(residual_places(efficient)) == 9  # those of its 16 blocks that have a shortcut
    assert [words.split(" takes over ")[0] for words in notes] == ["reg.stochastic_depth", "reg.dropout"]


NET = """
import torch
from torch import nn
from regab.data.split import Source, Split

def load(examples: int = 200):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(examples, 3, 8, 8, generator=generator)
    return Source(Split(x, (x.mean((1, 2, 3)) > 0).long()), classes=2)

class Net(nn.Module):
    def __init__(self, in_channels, num_classes, channels: int = 4):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(in_channels, channels, 3), nn.ReLU(), nn.Flatten())
        self.output = nn.Linear(channels * 36, num_classes)

    def forward(self, x):
        return self.output(self.body(x))

def broken(shape, classes):
    raise RuntimeError("my own mistake")
"""


@pytest.fixture
def mine(tmp_path):
    """A module of a name that no other test has imported."""
    name = f"net_{abs(hash(tmp_path.name))}"
    (tmp_path / f"{name}.py").write_text(NET)
    return name


def test_the_users_own_model_and_data_are_swept_and_it_is_said_where_dropout_and_norm_went(regab, mine):
    words = [f"model._target_={mine}.Net", "model.channels=5", f"data._target_={mine}.load", "epochs=1"]
    sweep = regab("train", "-m", *words, "reg.dropout=0,0.5", "reg.norm=none,batch", "seed=0,1")
    assert sweep.code == 0, sweep.err
    places = ["model: reg.dropout acts at body.1.dropout_place", "model: reg.norm acts at body.0.norm_place"]
    for words in places:
        assert sweep.out.count(words) == 1
        assert (sweep.folder / "sweep.log").read_text().count(words) == 1
    results = [json.loads(file.read_text()) for file in sweep.folder.glob("*/result.json")]
    assert len(results) == 8
    assert {tuple(sorted(result["notes"])) for result in results} >= {
        tuple(sorted(words.removeprefix("model: ") for words in places))
    }
    with (sweep.folder / "results.csv").open(newline="") as file:
        assert {row["status"] for row in csv.DictReader(file)} == {"finished"}


def test_a_run_of_the_users_own_loads_into_their_model(regab, mine, monkeypatch, tmp_path):
    run = regab("train", f"model._target_={mine}.Net", f"data._target_={mine}.load", "epochs=1", "reg.dropout=0.5")
    assert "model: reg.dropout acts at body.1.dropout_place" in run.out
    monkeypatch.syspath_prepend(tmp_path)
    net = __import__(mine).Net(3, 2)
    net.load_state_dict(torch.load(run.folder / "model.pt", weights_only=True))


def test_mistakes_in_the_users_own_are_one_line_or_their_own_traceback(regab, mine):
    data = f"data._target_={mine}.load"
    wrong = regab("train", f"model._target_={mine}.Net", "model.chanels=3", data)
    assert wrong.err == "regab: model.chanels: unknown key; did you mean model.channels?\n"
    wrong = regab("train", f"data._target_={mine}.Net", "data.in_channels=1", "data.num_classes=2")
    assert wrong.err.startswith(f"regab: data._target_={mine}.Net: must return a Source, a torch Dataset, ")
    assert wrong.err.endswith("but returned a Net\n")
    broken = regab("train", f"model._target_={mine}.broken", data)
    assert broken.code == 1
    assert broken.err == f"regab: {mine}.py, line 21: RuntimeError: my own mistake\n"
    assert "in broken" in (broken.folder / "error.txt").read_text()


def test_places_put_by_the_user_are_kept_and_no_others_are_added():
    net = nn.Sequential(
        nn.Linear(4, 6), NormPlace(6), nn.ReLU(), DropoutPlace(), nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 2)
    )
    adopt(net, torch.randn(2, 4))
    assert dropout_places(net, "hidden") == ["3"]
    assert [name for name, _ in norm_places(net)] == ["1"]
    assert np.shape(net(torch.randn(2, 4)).detach()) == (2, 2)
