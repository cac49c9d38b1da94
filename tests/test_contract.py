"""What every regularizer promises, held for every file in the folder."""

import dataclasses
import importlib
import inspect

import numpy as np
import pytest
import torch
import yaml
from omegaconf import OmegaConf

from regab.config import CONF, check, schema
from regab.fields import is_neutral, stacked, switches
from regab.regularizers import first_field, methods
from regab.regularizers.base import HOOKS, Regularizer
from regab.training.parameters import Parameters
from tests.conftest import TRANSFORMER, curves, same

NAMES = list(methods())
RESNET = {"model": {"_target_": "regab.models.resnet.ResNet", "depth": 8, "width": 4}}
AVERAGED = {"epochs": 6, "reg.norm.kind": "batch"}
# What a method needs that the small network on digits has not, or not in two epochs.
SUITED = {"stochastic_depth": RESNET, "word_dropout": TRANSFORMER, "embedding_dropout": TRANSFORMER}
SUITED |= {"ema": AVERAGED, "swa": AVERAGED}
# 1-2 ms for every image
SUITED |= {n: {"data.n_train": 40} for n in ("transform", "rand_augment", "trivial_augment", "color_jitter")}


def preset(name):
    """The useful strengths of a method, from ``conf/reg/<method>.yaml``, as dotted keys."""
    values = yaml.safe_load((CONF / "reg" / f"{name}.yaml").read_text())[name]
    useful = {
        f"reg.{name}.{key}": float(v) if isinstance(v, str) and v[0].isdigit() else v for key, v in values.items()
    }
    return useful | ({"reg.early_stopping.patience": 1.0} if name == "early_stopping" else {})


def suited(name):
    """A configuration without regularization in which the method finds what it acts on."""
    return SUITED.get(name, {})


def neutral(name):
    """The switches of a method, explicitly at neutral."""
    return {f"reg.{name}.{f.name}": f.default for f in switches(methods()[name])}


@pytest.fixture(scope="module")
def alone(small):
    """The curves of a run of these values alone; of the same ones trained once, as most methods share theirs."""
    known = {}

    def of(values):
        key = repr(sorted(values.items()))
        if key not in known:
            (known[key],) = curves(small(values))
        return known[key]

    return of


@pytest.mark.parametrize("name", NAMES)
def test_neutral_is_absent_bit_for_bit_alone_and_beside_an_active_run(small, alone, name):
    plain = alone(suited(name))
    (explicit,) = curves(small(suited(name) | neutral(name)))
    assert same(plain, explicit)
    if any(stacked(f) for f in switches(methods()[name])):
        structure = {k: v for k, v in preset(name).items() if not isinstance(v, float)}
        beside, _ = curves(small(suited(name) | neutral(name) | structure), small(suited(name) | preset(name)))
        assert same(plain, beside)


@pytest.mark.parametrize("name", NAMES)
def test_active_changes_the_run(alone, name):
    more = suited(name) | {"epochs": 8 if name == "early_stopping" else 2, "optimizer.lr": 0.3}  # what is to be stopped
    assert not same(alone(more), alone(more | preset(name)))


@pytest.mark.parametrize("name", NAMES)
def test_a_run_has_the_same_numbers_alone_and_stacked_in_any_order(small, alone, name):
    strong = suited(name) | preset(name)
    half = {k: v * 0.5 if isinstance(v, float) and name != "early_stopping" else v for k, v in strong.items()}
    values = [strong, half | {"seed": 1}, half]
    runs = [small(each) for each in values]
    together = curves(*runs)
    backwards = curves(*reversed(runs))[::-1]
    for a, b, c in zip(map(alone, values), together, backwards, strict=True):
        assert same(a, b)
        assert same(a, c)


@pytest.mark.parametrize("kind", ["batch", "layer", "group"])
def test_every_norm_has_the_same_numbers_alone_and_stacked(small, kind):
    runs = [small({"reg.norm.kind": kind, "seed": seed, "optimizer.lr": 10.0**-seed}) for seed in (1, 2, 3)]
    for alone, stacked_run in zip([curves(run)[0] for run in runs], curves(*runs), strict=True):
        assert same(alone, stacked_run)


@pytest.mark.parametrize("name", NAMES)
def test_a_diverging_neighbour_does_no_harm(small, alone, name):
    run = suited(name) | preset(name)
    broken = small(suited(name) | preset(name) | {"optimizer.lr": 1e30, "seed": 1})
    beside, _ = curves(small(run), broken)
    assert same(alone(run), beside)


@pytest.mark.parametrize("name", NAMES)
def test_the_docstring_gives_range_neutral_value_and_paper(name):
    cls = methods()[name]
    text = inspect.getdoc(cls)
    for word in ("Range:", "Neutral:", "Paper:", "Helps", "osts", "Interactions:"):
        assert word in text, word
    for field in dataclasses.fields(cls):
        if field.name not in ("during", "until"):
            assert field.name in text, field.name
    assert inspect.getdoc(importlib.import_module(cls.__module__))


@pytest.mark.parametrize("name", NAMES)
def test_the_defaults_are_neutral_and_one_to_three_hooks_are_used(name):
    cls = methods()[name]
    assert is_neutral(cls, {})
    own = [hook for hook in HOOKS if getattr(cls, hook) is not getattr(Regularizer, hook)]
    assert 1 <= len(own) <= 3
    assert not {f.name for f in dataclasses.fields(cls)} & set(HOOKS)
    assert first_field(cls) in {f.name for f in switches(cls)}


def test_every_method_has_a_preset_and_every_preset_composes(small):
    presets = {file.stem for file in (CONF / "reg").glob("*.yaml")}
    assert presets >= set(NAMES)
    (declared,) = [f.default_factory for f in dataclasses.fields(schema()) if f.name == "reg"]
    neutral = OmegaConf.structured(declared())
    for name in presets:
        merged = OmegaConf.merge(neutral, OmegaConf.load(CONF / "reg" / f"{name}.yaml"))
        config = check(small() | {"reg": OmegaConf.to_container(merged)})
        active = {n for n, cls in methods().items() if not is_neutral(cls, config["reg"][n])}
        assert active == {name} if name in NAMES else bool(active) == (name != "none")


@pytest.mark.parametrize("during", ["linear", "cosine", "off_after"])
def test_a_strength_can_fade_in_training(small, during):
    strong = {"reg.weight_decay.strength": 2.0}
    runs = [small(strong), small(strong | {"reg.weight_decay.during": during}), small()]
    norms = [curves(run)[0]["l2_norm"][-1] for run in runs]
    assert norms == sorted(norms)
    assert len(set(norms)) == 3
    assert np.isfinite(norms).all()


@pytest.mark.parametrize("during", ["linear", "cosine", "off_after"])
def test_a_limit_fades_to_infinity(small, during):
    limits = [{"reg.max_norm.limit": 0.5, "reg.max_norm.during": kind} for kind in ("constant", during)]
    norms = [curves(small(values))[0]["l2_norm"][-1] for values in [*limits, {}]]
    assert norms == sorted(norms)
    assert len(set(norms)) == 3


@pytest.mark.parametrize(
    ("during", "left"),
    [
        ("linear", [1, 0.75, 0.5, 0.25]),
        ("cosine", [1, 0.5 + 0.5**1.5, 0.5, 0.5 - 0.5**1.5]),
        ("off_after", [1, 1, 0, 0]),
    ],
)
def test_a_fading_strength_is_its_share_in_every_step_and_a_fading_limit_one_over_it(during, left):
    decay = methods()["weight_decay"](torch.tensor([2.0, 0.0]), during=during, until=torch.tensor([0.5, 0.5]))
    norm = methods()["max_norm"](torch.tensor([2.0, torch.inf]), during=during, until=torch.tensor([0.5, 0.5]))
    for step, share in enumerate(left):
        torch.testing.assert_close(decay.at(step, 4).strength, torch.tensor([2.0 * share, 0.0]))
        limit = 2.0 / share if share else torch.inf
        torch.testing.assert_close(norm.at(step, 4).limit, torch.tensor([limit, torch.inf]))


@pytest.mark.parametrize("scope", ["weights", "all"])
@pytest.mark.parametrize("name", [name for name in NAMES if methods()[name].value is not Regularizer.value])
def test_what_is_added_to_the_gradient_is_the_gradient_of_what_is_logged(name, scope):
    torch.manual_seed(0)
    values, fields = torch.randn(2, 9, requires_grad=True), [f for f in switches(methods()[name]) if stacked(f)]
    method = methods()[name](*(torch.tensor([0.3, 0.0]) + i for i, _ in enumerate(fields)), scope=scope)
    parts = {"start": torch.randn(2, 9), "head": torch.arange(9) > 6, "decay_factors": torch.rand(9)}
    parameters = Parameters(values, torch.zeros(2, 9), 6, [], **parts)
    (expected,) = torch.autograd.grad(method.value(parameters).sum(), values)
    with torch.no_grad():
        method.add_gradient(parameters)
    torch.testing.assert_close(parameters.gradients, expected)
    assert bool((parameters.gradients[:, 6:] == 0).all()) == (scope == "weights")


def test_a_rule_that_only_reads_curves_is_known_as_one():
    assert [name for name in NAMES if methods()[name].reads_curves_only()] == ["early_stopping"]


def test_off_after_is_constant_until_its_share_of_the_steps_then_absent(small):
    def run(until, during="off_after"):
        return small({"reg.l1.strength": 0.1, "reg.l1.during": during, "reg.l1.until": until})

    (constant,), (plain,) = curves(run(0.5, "constant")), curves(small())
    never, half, always = curves(run(0.0), run(0.5), run(1.0))
    assert same(never, plain)
    assert same(always, constant)
    assert [half["train_loss"][e] == constant["train_loss"][e] for e in range(3)] == [True, True, False]
