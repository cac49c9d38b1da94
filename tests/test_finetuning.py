"""Beginning from saved weights, and what of a model is not trained."""

import pytest
import torch
from torch import nn

from regab.errors import UsageError
from regab.models.foreign.finetuning import FineTuning
from regab.training.assembly.setup import set_up
from regab.training.loop import train
from tests import foreign
from tests.conftest import curves, same

SOURCE = ("model=own", "++model._target_=tests.test_finetuning.Net", "data.n_train=150", "epochs=2", "batch_size=32")


class Net(nn.Module):
    """A backbone with a norm and a tied matrix, and a head."""

    def __init__(self, in_features, num_classes):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(in_features, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 32))
        self.tied = nn.Linear(32, 32)
        self.tied.weight = self.body[3].weight
        self.norm, self.head = nn.BatchNorm1d(32), nn.Linear(32, num_classes)
        self.register_buffer("scratch", torch.ones(1), persistent=False)

    def forward(self, x):
        return self.head(self.norm(self.tied(self.body(x.flatten(1)))) * self.scratch)


def saved(path, classes=10, **changes):
    """The weights of a model of so many classes, as somebody saved them."""
    torch.manual_seed(7)
    state = Net(64, classes).state_dict() | changes
    torch.save({name: tensor for name, tensor in state.items() if tensor is not None}, path)
    return {name: tensor for name, tensor in state.items() if tensor is not None}


def begun(configure, *words):
    """A training of the model, and the state that it begins with."""
    training = set_up([configure(*SOURCE, *words)])
    return training, training.stack.state_dict(0)


def test_a_model_begins_with_the_weights_of_a_file(configure, tmp_path):
    state = saved(tmp_path / "net.pt")
    training, start = begun(configure, f"++model.weights={tmp_path}/net.pt")
    assert start.keys() == state.keys()
    assert all(torch.equal(start[name], state[name]) for name in state)
    assert training.notes[0] == f"{len(state)} tensors from {tmp_path}/net.pt"
    Net(64, 10).load_state_dict(start)  # what is tied is saved twice, what is not persistent not at all


@pytest.mark.parametrize("wrapped", ["state_dict", "module."])
def test_what_other_programs_put_around_weights_is_taken_off(configure, tmp_path, wrapped):
    state = saved(tmp_path / "net.pt")
    packed = {f"module.{n}": t for n, t in state.items()} if wrapped == "module." else {wrapped: state, "epoch": 3}
    torch.save(packed, tmp_path / "packed.pth")
    _, start = begun(configure, f"++model.weights={tmp_path}/packed.pth")
    assert all(torch.equal(start[name], state[name]) for name in state)


def test_a_head_for_other_classes_is_new_and_it_is_said(configure, tmp_path):
    state = saved(tmp_path / "net.pt", classes=1000)
    training, start = begun(configure, f"++model.weights={tmp_path}/net.pt")
    _, fresh = begun(configure)
    assert torch.equal(start["body.0.weight"], state["body.0.weight"])
    assert (
        training.notes[0]
        == f"{len(state) - 2} tensors from {tmp_path}/net.pt; new, as for 10 outputs: head.bias, head.weight"
    )
    assert torch.equal(start["head.weight"], fresh["head.weight"])


def test_regabs_own_models_begin_with_weights_too(configure, tmp_path):
    first = set_up([configure("model=mlp", "epochs=1")]).stack.state_dict(0)
    torch.save(first, tmp_path / "mlp.pt")
    again = set_up([configure("model=mlp", "epochs=1", "seed=5", f"++model.weights={tmp_path}/mlp.pt")])
    assert all(torch.equal(again.stack.state_dict(0)[name], tensor) for name, tensor in first.items())


WRONG = {
    "missing": ({"body.0.bias": None}, "does not fit Net: it lacks body.0.bias$"),
    "extra": ({"more": torch.ones(1), "most": torch.ones(1)}, "the model has no more and 1 more$"),
    "shape": ({"body.0.weight": torch.ones(32, 65)}, "of another shape body.0.weight$"),
    "no tensors": (None, "holds no tensors by name; save model.state_dict"),
    "unreadable": (b"nonsense", "cannot be read as tensors by name"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_file_that_does_not_fit_is_refused_in_one_line(configure, tmp_path, case):
    changes, words = WRONG[case]
    path = tmp_path / "net.pt"
    if isinstance(changes, dict):
        saved(path, **changes)
    elif changes is None:
        torch.save({"a": 1}, path)
    else:
        path.write_bytes(changes)
    with pytest.raises(UsageError, match=words) as error:
        begun(configure, f"++model.weights={path}")
    assert str(error.value).startswith(f"model.weights={path}: ")


def test_a_file_that_is_not_there_is_refused(configure):
    with pytest.raises(UsageError, match=r"^model.weights=nowhere.pt: there is no such file"):
        begun(configure, "++model.weights=nowhere.pt")


def test_what_is_frozen_stays_with_the_statistics_of_its_norms(configure):
    training, before = begun(configure, "++model.freeze=[body,tied.bias]")
    list(train(training))
    after = training.stack.state_dict(0)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {
        *("norm.weight", "norm.bias", "norm.running_mean", "norm.running_var", "norm.num_batches_tracked"),
        *("head.weight", "head.bias"),
    }
    assert training.stack.values.shape[1] == 32 + 32 + 330


def test_what_is_shared_is_frozen_by_each_of_its_names(configure):
    training, before = begun(configure, "++model.freeze=[tied]")
    list(train(training))
    after = training.stack.state_dict(0)
    unchanged = {name for name in before if torch.equal(before[name], after[name])}
    assert unchanged == {"body.3.weight", "tied.weight", "tied.bias"}


def test_the_statistics_of_all_norms_can_be_frozen(configure):
    training, before = begun(configure, "++model.freeze_norms=true")
    list(train(training))
    after = training.stack.state_dict(0)
    assert torch.equal(before["norm.running_mean"], after["norm.running_mean"])
    assert not torch.equal(before["norm.weight"], after["norm.weight"])
    assert training.stack.skeleton.training
    assert not training.stack.skeleton.norm.training


def test_a_pattern_that_fits_nothing_is_refused_with_the_nearest_name(configure):
    with pytest.raises(UsageError, match=r"^model.freeze=bodi: no parameter of this model is called so; there is body"):
        begun(configure, "++model.freeze=[bodi]")


def test_a_frozen_run_is_itself_alone_and_stacked(configure):
    words = ("model=own", "++model._target_=tests.foreign.Plain", *SOURCE[2:], "++model.freeze=[fc1]")
    runs = [configure(*words, f"seed={seed}", f"optimizer.lr={lr}") for seed, lr in ((0, 0.01), (1, 0.02))]
    for alone, stacked in zip([curves(run)[0] for run in runs], curves(*runs), strict=True):
        assert same(alone, stacked)


def test_at_their_defaults_the_options_are_absent(configure):
    plain = configure(*SOURCE)
    said = configure(*SOURCE, "++model.weights=null", "++model.freeze=[]", "++model.freeze_norms=false")
    assert plain == said


def test_a_factorys_own_argument_of_that_name_stays_its_own(configure):
    net = configure("model=own", "++model._target_=torchvision.models.resnet18", "++model.weights=null")
    assert net["model"] == {"_target_": "torchvision.models.resnet18", "init": "default", "weights": None}
    named = configure("model=own", "++model._target_=tests.test_finetuning.weighed", "++model.weights=heavy")
    assert named["model"]["weights"] == "heavy"
    assert set_up([named]).stack.skeleton.fc1.out_features == 32


def weighed(in_features, num_classes, weights: str):
    assert weights == "heavy"
    return foreign.Plain(in_features, num_classes)


def test_frozen_norms_stay_so_whatever_is_copied():
    import copy

    model = Net(64, 10)
    FineTuning(freeze_norms=True)(model, 10)
    copied = copy.deepcopy(model).train()
    assert not copied.norm.training
    assert copied.head.training
    assert copied.norm.train(True) is copied.norm
