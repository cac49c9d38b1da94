"""Any class of torch.optim, and the user's own, by optimizer._target_."""

import copy
import re
from pathlib import Path

import pytest
import torch

from regab.errors import UsageError
from regab.training.assembly.setup import examine, set_up
from regab.training.loop import train
from regab.training.optimizer.theirs import Theirs
from regab.training.snapshot import restore, take_snapshot
from regab.workers.checkpoints import load, write
from tests.conftest import SMALL, curves, same
from tests.test_optimizers import close, models, steps, torchs
from tests.test_resume import recorded

# All of torch.optim that steps by dense gradients of vectors and matrices, with options that two runs differ in.
OPTIONS = {
    "ASGD": [{"lambd": 0.1}, {"t0": 3}],
    "Adadelta": [{"rho": 0.5}, {"lr": 0.5}],
    "Adafactor": [{"beta2_decay": -0.5}, {"d": 2.0}],
    "Adagrad": [{"lr_decay": 0.1}, {"weight_decay": 0.1}],
    "Adam": [{"betas": [0.5, 0.9]}, {"amsgrad": True}],
    "AdamW": [{"weight_decay": 0.5}, {}],
    "Adamax": [{"eps": 0.1}, {}],
    "NAdam": [{}, {"decoupled_weight_decay": True, "weight_decay": 0.1}],
    "RAdam": [{"weight_decay": 0.1}, {}],
    "RMSprop": [{"centered": True}, {"momentum": 0.5}],
    "Rprop": [{"etas": [0.4, 1.3]}, {}],
    "SGD": [{"dampening": 0.1, "momentum": 0.9}, {"maximize": True}],
}


def named(name, **options):
    return {"_target_": f"torch.optim.{name}", "lr": 0.01, **options}


class Both:
    """Makes the optimizers of two runs, once there is a stack to make them for."""

    def __init__(self, nodes):
        self.nodes = nodes

    def start(self, stack):
        self.made = Theirs(self.nodes, stack)
        return self.made.start(stack)

    def step(self, state, parameters, lr, again):
        self.made.step(state, parameters, self.made.lr, again)


@pytest.mark.parametrize("name", OPTIONS)
def test_every_step_is_torchs_with_options_of_its_own_for_each_run(name):
    made, nodes = models(), [named(name) | own for own in OPTIONS[name]]
    states, gradients = steps(Both(nodes), made)
    for run, node in enumerate(nodes):
        options = {key: value for key, value in node.items() if key != "_target_"}

        def make(p, options=options):
            return [getattr(torch.optim, name)(list(p.values()), **options)]

        close(states[run], torchs(make, made[run], gradients, run))


def test_all_of_torch_optim_is_tried_or_cannot_be_used_for_every_model():
    classes = {n for n in torch.optim.__all__ if isinstance(getattr(torch.optim, n), type)}
    assert classes - {*OPTIONS, "LBFGS", "Optimizer", "SparseAdam", "Muon"} == set()


def lbfgs(config):
    """Training by torch's LBFGS, as its documentation has it."""
    training = set_up([config])
    model, examples = copy.deepcopy(training.stack.skeleton), training.data.train
    options = {key: value for key, value in config["optimizer"].items() if key != "_target_"}
    optimizer, strength = torch.optim.LBFGS(model.parameters(), **options), config["reg"]["l2"]["strength"]
    noise = training.noise
    for epoch in range(1, config["epochs"] + 1):
        noise.begin(epoch)
        order = noise.order(len(examples))[0]
        for part in training.steps:
            rows = order[part]

            def closure(rows=rows):
                optimizer.zero_grad()
                loss = torch.nn.functional.cross_entropy(model(examples.x[rows]), examples.y[rows])
                loss = loss + strength / 2 * sum(p.square().sum() for p in model.parameters() if p.ndim > 1)
                loss.backward()
                return loss

            optimizer.step(closure)
    return model.state_dict()


LBFGS = named("LBFGS", max_iter=4, history_size=3)


CONSTANT = {"_target_": "regab.training.schedule.Constant"}


# The penalty moves weights by 0.02 to 0.6. Rounding, which is another on another processor, decides branches of a line
# search (1e-3 seen), and at lr=0.01, where steps are tiny, whether one counts for the curvature (5e-5 seen).
WOLFE = {"line_search_fn": "strong_wolfe"}


@pytest.mark.parametrize(("options", "epochs", "tolerance"), [({}, 1, 1e-5), (WOLFE, 3, 1e-2)], ids=["steps", "wolfe"])
def test_lbfgs_asks_for_the_penalized_loss_as_often_as_it_likes(small, options, epochs, tolerance):
    values = {"reg.l2.strength": 0.01, "batch_size": 1000, "epochs": epochs, "schedule": CONSTANT, "seed": 1}
    config = small(values | {"optimizer": LBFGS | {"lr": 1.0} | options})
    expected, training = lbfgs(config), set_up([config])
    list(train(training))
    close(training.stack.state_dict(0), expected, tolerance)


SIGNS = {"_target_": "tests.own_optimizers.Signs", "lr": 0.01}


@pytest.mark.parametrize(
    "nodes",
    [
        [named("RMSprop"), named("RMSprop", alpha=0.5), named("RMSprop", momentum=0.5, lr=0.001)],
        [LBFGS, LBFGS | {"line_search_fn": "strong_wolfe"}, LBFGS | {"lr": 0.1}],
        [SIGNS, SIGNS | {"fading": 0.3}, SIGNS | {"lr": 0.02}],
    ],
    ids=["torch", "closure", "own"],
)
def test_runs_have_the_same_numbers_alone_stacked_and_taken_up(small, tmp_path, nodes):
    base = {"reg.dropout.rate": 0.2, "reg.norm.kind": "batch", "epochs": 3, "batch_size": 60}
    configs = [small(base | {"optimizer": node, "seed": seed}) for node, seed in zip(nodes, (0, 1, 0), strict=True)]
    alone = [curves(config)[0] for config in configs]
    for a, b in zip(alone, curves(*configs), strict=True):
        assert same(a, b)
    assert not same(alone[0], alone[2])
    whole, broken = recorded(set_up(configs)), recorded(set_up(configs), until=1)
    write(tmp_path / "snapshot.pt", take_snapshot(broken[0]))
    rest = set_up(configs[1:])
    restore(rest, load(tmp_path / "snapshot.pt", rest.ids))
    after = recorded(rest)[1]
    for run in rest.ids:
        assert [*broken[1][run], *after[run]] == whole[1][run]


def test_a_schedule_scales_the_rate_of_each_run(small):
    rates = {"optimizer": named("SGD", lr=0.1), "schedule": {"_target_": "regab.training.schedule.Cosine"}}
    native = {"optimizer": {"_target_": "regab.training.optimizer.SGD", "lr": 0.1, "momentum": 0.0}}
    (theirs,), (ours,) = curves(small(rates)), curves(small(rates | native))
    for column in ("lr", "train_loss", "val_loss"):
        assert theirs[column] == pytest.approx(ours[column], rel=1e-5)


def test_a_function_may_make_it_with_a_rate_of_its_own(small):
    config = small({"optimizer": {"_target_": "tests.own_optimizers.fast_sgd"}})
    assert config["optimizer"]["momentum"] == 0.9
    assert set_up([config]).lr.tolist() == pytest.approx([0.05])


MISTAKES = [
    (named("Muon"), r"optimizer._target_=torch.optim.Muon: ValueError: Muon only supports 2D parameters"),
    (
        named("SparseAdam"),
        r"optimizer._target_=torch.optim.SparseAdam: RuntimeError: SparseAdam does not support dense",
    ),
    (named("Adam", eps=-1), r"optimizer._target_=torch.optim.Adam: ValueError: Invalid epsilon value: -1"),
    (named("Adam", lr="abc"), r"optimizer.lr=abc: must be a number in \(0, inf\)"),
    (named("Adam", lr=0), r"optimizer.lr=0: must be a number in \(0, inf\)"),
    (named("Adam", beta=1), r"optimizer.beta: unknown key; did you mean optimizer.betas\?"),
    (named("Adan"), r"optimizer._target_=torch.optim.Adan: torch.optim has no Adan"),
    (named("lr_scheduler"), r"optimizer._target_=torch.optim.lr_scheduler: must be a class or a function"),
    (
        {"_target_": "tests.own_optimizers.nothing"},
        r"optimizer._target_=tests.own_optimizers.nothing: must make a torch",
    ),
    (
        {"_target_": "tests.own_optimizers.NoRate"},
        r"optimizer._target_=tests.own_optimizers.NoRate: its param_groups have",
    ),
    (
        {"_target_": "tests.own_optimizers.Broken"},
        r"optimizer._target_=.*Broken: tests/own_optimizers.py, line \d+: Val",
    ),
]


@pytest.mark.parametrize(("optimizer", "words"), MISTAKES)
def test_what_cannot_be_made_or_used_is_refused_in_a_line(small, optimizer, words):
    with pytest.raises(UsageError, match=f"^{words}"):
        examine([small({"optimizer": optimizer})])


@pytest.mark.parametrize(
    "method", [{"sam.rho": 0.1}, {"weight_noise.deviation": 0.1}, {"gradient_clipping.limit": 1.0}]
)
def test_methods_that_act_on_the_gradient_of_a_step_are_refused_where_there_are_several(small, method):
    values = {f"reg.{key}": value for key, value in method.items()}
    name = next(iter(method)).partition(".")[0]
    with pytest.raises(UsageError, match=f"^reg.{name}: acts on a step's gradient, but LBFGS takes several; use adam"):
        examine([small(values | {"optimizer": LBFGS})])
    assert examine([small(values | {"optimizer": named("Adam")})]).stacked
    assert not examine([small({"optimizer": LBFGS})]).stacked


@pytest.mark.slow
def test_the_command_line_takes_any_class_of_torch_optim(configure, regab):
    done = regab(
        "train",
        "-m",
        *SMALL,
        "stack.workers=0",
        "optimizer._target_=torch.optim.RMSprop",
        "optimizer.lr=0.01,0.001",
        "optimizer.alpha=0.9",
    )
    assert done.code == 0, done.err
    assert len((done.folder / "results.csv").read_text().splitlines()) == 3
    node = configure(*SMALL, "optimizer=own", "++optimizer._target_=torch.optim.Adam")["optimizer"]
    assert node["betas"] == [0.9, 0.999]
    assert "params" not in node


def test_the_optimizer_of_the_readme_works(small, tmp_path, monkeypatch):
    readme = (Path(__file__).resolve().parents[1] / "README.md").read_text()
    code = next(block for block in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if "class Signs" in block)
    (tmp_path / "signs_of_the_readme.py").write_text(f"import torch\n{code}")
    monkeypatch.syspath_prepend(tmp_path)
    optimizer = {"_target_": "signs_of_the_readme.Signs", "lr": 0.01}
    examine([small({"optimizer": optimizer})])
    (run,) = curves(small({"optimizer": optimizer}))
    assert run["train_loss"][-1] < run["train_loss"][0]
