"""Examples of several tensors: how they reach a model's arguments, and what acts on them."""

import pytest
import torch

import regab
from regab.data.own.loaded import taken
from regab.data.own.tensors import several
from regab.data.split import Division, divide
from regab.errors import UsageError
from regab.training.assembly.setup import examine, set_up
from tests import own_tensors
from tests.conftest import curves, same

QUICK = ("epochs=12", "batch_size=32", "optimizer.lr=0.05", "data.test_fraction=0.2", "data=own", "model=own")


@pytest.fixture
def own(configure):
    def make(data, model, *words):
        loader, *options = data.split()
        nodes = (f"++data._target_=tests.own_tensors.{loader}", f"++model._target_=tests.own_tensors.{model}")
        return configure(*QUICK, *nodes, *(f"++data.{option}" for option in options), *words)

    return make


LOADERS = [("by_name", "Named"), ("Items kind=tuple", "InOrder")]
OTHERS = [("Items", "Named"), ("pair", "InOrder")]


@pytest.mark.parametrize(
    ("loader", "model"), [*LOADERS, *(pytest.param(*pair, marks=pytest.mark.slow) for pair in OTHERS)]
)
def test_tensors_reach_the_arguments_of_their_names_or_in_their_order(own, loader, model):
    runs = [own(loader, model, f"seed={seed}", f"reg.dropout={rate}") for seed, rate in ((0, 0.1), (1, 0.3))]
    assert examine(runs).flops > 0
    alone = [curves(run)[0] for run in runs]
    assert all(same(a, b) for a, b in zip(alone, curves(*runs), strict=True))
    assert all(run["val_accuracy"][-1] > 0.8 for run in alone)  # the words tell the class


def test_a_model_sees_the_tensors_as_they_are_but_for_the_scale_of_fractions(own):
    training = set_up([own("by_name", "Named")])
    x, seen = own_tensors._examples()[0], {}
    training.stack.skeleton.register_forward_pre_hook(lambda m, args, kwargs: seen.update(kwargs), with_kwargs=True)
    training.stack.set_training(False)
    training.stack.skeleton(training.data.train.x)
    words = {tuple(row) for row in x["words"].tolist()}
    assert all(tuple(row) in words for row in seen["words"].tolist())
    assert seen["mask"].float().mean().item() == pytest.approx(x["mask"].mean(), abs=0.05)
    for name in ("numbers", "age"):
        torch.testing.assert_close(seen[name].mean(0), torch.zeros_like(seen[name][0]), rtol=0, atol=1e-5)
        torch.testing.assert_close(seen[name].std(0, correction=0), torch.ones_like(seen[name][0]))


def test_rows_of_all_tensors_stay_together():
    x = {"b": torch.arange(60.0)[:, None].expand(60, 2), "a": torch.arange(60)}
    data = divide(taken(((x, torch.arange(60) % 3)), "data"), Division(test_fraction=0.2))
    assert data.given["parts"] == [["a", [], "int64"], ["b", [2], "float32"]]
    for part in (data.train, data.val, data.test):
        place = part.x[:, 0]
        assert torch.equal(place.long() % 3, part.y)
        mean, deviation = data.train.x[:, 0].mean(), data.train.x[:, 0].std(correction=0)
        torch.testing.assert_close(part.x[:, 1], (place - mean) / deviation)


MISTAKES = [
    (
        "by_name",
        "Fewer",
        (),
        r"model: the forward of Fewer takes no mask, which the data have; it takes numbers",
    ),
    ("Items broken=7", "Named", (), r".*train: example 7 is of age \[\] of float32.*words \[3\].*but the first one of"),
    ("by_name", "Named", ("reg.mixup=1",), r"reg.mixup: acts on images or features or categories, but .* are several"),
    ("by_name", "Named", ("reg.input_noise=1",), r"reg.input_noise: acts on images or features, but .* are several"),
]


@pytest.mark.parametrize(("loader", "model", "words", "sentence"), MISTAKES)
def test_what_does_not_go_together_is_refused_in_a_line(own, loader, model, words, sentence):
    with pytest.raises(UsageError, match=f"^{sentence}"):
        examine([own(loader, model, *words)])


def test_regabs_own_models_take_one_tensor(configure):
    words = ("data=own", "++data._target_=tests.own_tensors.by_name", "data.test_fraction=0.2", "model=mlp")
    with pytest.raises(UsageError, match=r"^model: MLP takes one tensor, but examples are of several \(age, mask, "):
        examine([configure(*words)])


@pytest.mark.parametrize(
    ("x", "sentence"),
    [
        ({"a": torch.zeros(4, 2), "b": torch.zeros(5)}, "different numbers of examples: a of 4, b of 5"),
        ({"a": torch.zeros(4, 2), "b": ["x"] * 4}, "b: is a list of <U1, not numbers"),
        ({"a": torch.full((4,), float("nan")), "b": torch.zeros(4)}, "a: holds NaN or infinity"),
        ({"a": torch.full((4,), 2**24 + 1), "b": torch.zeros(4)}, "a: holds whole numbers above 16777216"),
    ],
)
def test_tensors_that_are_no_inputs_are_refused_in_a_line(x, sentence):
    with pytest.raises(UsageError, match=f"^data: train inputs:.*{sentence}"):
        taken((x, torch.arange(4) % 2), "data")


@pytest.mark.parametrize("loader", [pytest.param("by_name", marks=pytest.mark.slow), "Items"])
def test_a_run_predicts_further_examples_of_these_tensors(loader, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    values = {"data": getattr(own_tensors, loader), "data.test_fraction": 0.2, "model": own_tensors.Named}
    run = regab.train(values, epochs=2, **{"optimizer.lr": 0.05})
    training, x = set_up([run.config]), own_tensors._examples(10)[0]
    if loader == "Items":
        x |= {"numbers": x["numbers"] / 5 - 20, "age": x["age"] - 40}
    predicted = run.predict(x)
    with torch.no_grad():
        expected = run.model(training.data.encode(several(x, ""))).softmax(-1)
    assert predicted["p_1"].to_numpy() == pytest.approx(expected[:, 1].numpy(), rel=1e-4)
    with pytest.raises(UsageError, match=r"^predict: an example is of several tensors; give, from Python, a dict or"):
        run.predict(x["numbers"])
    with pytest.raises(UsageError, match=r"^data: examples are of age \[\] of float32.* but in training of age"):
        run.predict(x | {"words": x["words"][:, :2]})
