"""Optimizers over the parameters of a stack, against torch's own and closed forms."""

import copy

import pytest
import torch

from regab.config import digest
from regab.errors import UsageError
from regab.models.mlp import MLP
from regab.training.assembly.setup import examine
from regab.training.optimizer import SGD, Adagrad, Adam, Lion, Muon, NAdam, RMSprop
from regab.training.stack import Stack
from tests.conftest import SMALL, curves, same

CPU = torch.device("cpu")
ASKING = [("l1", {"strength": 0.1, "kind": "proximal"}), ("l1_ball", {"radius": 3.0}), ("l2_ball", {"radius": 3.0})]
LRS = [0.003, 0.03]


def node(optimizer, **options):
    return {"_target_": f"regab.training.optimizer.{optimizer.__name__}", **options}


def models(count=2):
    made = []
    for seed in range(count):
        torch.manual_seed(seed)
        made.append(MLP((6,), 3, [5, 4]))
    return made


@torch.no_grad()
def steps(optimizer, made, count=25):
    """Every run's parameters by name after some steps along gradients of noise, and these gradients."""
    stack = Stack(copy.deepcopy(made), torch.arange(len(made)), torch.randn(2, 6), vmapped=True, device=CPU)
    state, noise = optimizer.start(stack), torch.Generator().manual_seed(5)
    given = torch.randn(count, *stack.values.shape, generator=noise)
    for gradients in given:
        stack.gradients.copy_(gradients)
        optimizer.step(state, stack.parameters, torch.tensor(LRS), None)
    return [stack.state_dict(run) for run in range(len(made))], [stack.parameters.leaves(g) for g in given]


def close(ours, theirs, tolerance=1e-6):
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor, rtol=tolerance, atol=tolerance)


def torchs(make, model, gradients, run):
    """The same by torch's optimizer."""
    model = copy.deepcopy(model)
    named = dict(model.named_parameters())
    optimizers = make(named)
    for leaves in gradients:
        for name, parameter in named.items():
            parameter.grad = leaves[name][run].clone()
        for optimizer in optimizers:
            optimizer.step()
    return {name: parameter.detach() for name, parameter in named.items()}


PAIRS = [
    (SGD(momentum=0.5, nesterov=True), lambda p, lr: torch.optim.SGD(p, lr, 0.5, nesterov=True)),
    (Adam(), torch.optim.Adam),
    (Adam(beta1=0.5, beta2=0.8, eps=1e-3), lambda p, lr: torch.optim.Adam(p, lr, (0.5, 0.8), 1e-3)),
    (RMSprop(), torch.optim.RMSprop),
    (RMSprop(alpha=0.9, eps=1e-3), lambda p, lr: torch.optim.RMSprop(p, lr, 0.9, 1e-3)),
    (RMSprop(momentum=0.5, centered=True), lambda p, lr: torch.optim.RMSprop(p, lr, momentum=0.5, centered=True)),
    (Adagrad(), torch.optim.Adagrad),
    (Adagrad(initial=0.1, eps=1e-3), lambda p, lr: torch.optim.Adagrad(p, lr, eps=1e-3, initial_accumulator_value=0.1)),
    (NAdam(), torch.optim.NAdam),
    (
        NAdam(beta1=0.5, beta2=0.8, eps=1e-3, decay=0.1),
        lambda p, lr: torch.optim.NAdam(p, lr, (0.5, 0.8), 1e-3, 0, 0.1),
    ),
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda each: type(each).__name__)
def test_every_step_is_torchs_with_a_learning_rate_per_run(ours, theirs):
    made = models()
    for count in (1, 2, 25):
        states, gradients = steps(ours, made, count)
        for run, lr in enumerate(LRS):
            close(states[run], torchs(lambda p, lr=lr: [theirs(p.values(), lr=lr)], made[run], gradients, run))


@pytest.mark.parametrize("way", ["_as_one", "_at_once"])
def test_what_adam_does_on_a_gpu_is_torchs_as_well(way, monkeypatch):
    monkeypatch.setattr(Adam, "_row_by_row", lambda self, s, v, g, lr: getattr(self, way)(s, v, g, lr[:, None]))
    test_every_step_is_torchs_with_a_learning_rate_per_run(Adam(), torch.optim.Adam)


@torch.no_grad()
def test_adams_runs_keep_their_own_rates_as_these_part_and_meet():
    rates = torch.tensor([[1e-3, 1e-3, 3e-3], [1e-3, 3e-3, 3e-3], [3e-3, 2e-3, 3e-3], [3e-3, 2e-3, 1e-3], [1e-3] * 3])
    start, gradients = torch.randn(3, 7), torch.randn(len(rates), 3, 7)

    def trained(runs):
        adam, values, given = Adam(), start[runs].clone(), torch.empty(len(runs), 7)
        state = adam.beginning(values)
        for gradient, lr in zip(gradients, rates, strict=True):
            adam.update(state, values, given.copy_(gradient[runs]), lr[runs, None])
        return values

    assert torch.equal(trained([0, 1, 2]), torch.cat([trained([run]) for run in range(3)]))


def test_lion_is_algorithm_2_of_its_paper():
    made, (beta1, beta2) = models(), (0.8, 0.9)
    states, gradients = steps(Lion(beta1=beta1, beta2=beta2), made)
    for run, lr in enumerate(LRS):
        for name, w in made[run].named_parameters():
            w, m = w.detach().double(), torch.zeros_like(w).double()
            for leaves in gradients:
                g = leaves[name][run].double()
                w = w - lr * torch.sign(beta1 * m + (1 - beta1) * g)
                m = beta2 * m + (1 - beta2) * g
            close(states[run], {name: w.float()})


@pytest.mark.parametrize("nesterov", [True, False])
def test_muon_is_torchs_on_hidden_matrices_and_adam_on_all_else(nesterov):
    made = models()
    optimizer = Muon(torch.tensor(LRS), adam_lr=torch.tensor([0.001, 0.01]), momentum=0.8, nesterov=nesterov)
    states, gradients = steps(optimizer, made)
    assert optimizer.acts() == "muon acts on fc1.weight, fc2.weight, and adam at adam_lr on all else"
    for run, (lr, adam_lr) in enumerate(zip(LRS, (0.001, 0.01), strict=True)):

        def split(named, lr=lr, adam_lr=adam_lr):
            hidden = [named.pop("fc1.weight"), named.pop("fc2.weight")]
            muon = torch.optim.Muon(hidden, lr, weight_decay=0, momentum=0.8, nesterov=nesterov)
            return [muon, torch.optim.Adam(list(named.values()), adam_lr)]

        close(states[run], torchs(lambda p, split=split: split(dict(p)), made[run], gradients, run))


def test_muon_orthogonalizes_as_the_quintic_does_singular_values():
    from regab.training.optimizer.muon import A, B, C, _newton_schulz, orthogonalized

    for shape in ((2, 7, 4), (2, 4, 7), (1, 5, 5)):
        matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        u, s, v = torch.linalg.svd(matrices.double(), full_matrices=False)
        s = s / matrices.double().flatten(1).norm(dim=1)[:, None]
        for _ in range(5):
            s = A * s + B * s**3 + C * s**5
        ours = orthogonalized(matrices, 5).double()
        torch.testing.assert_close(ours, u @ torch.diag_embed(s) @ v, rtol=0.05, atol=0.05)
        together = _newton_schulz(matrices, 5).double()  # as on a GPU
        torch.testing.assert_close(together, ours, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("name", ["sgd", "adam", "nadam", "rmsprop", "adagrad"])
def test_the_step_size_is_how_far_a_lasting_gradient_of_1_moves(name):
    makes = {"sgd": SGD(momentum=0.9), "adam": Adam(), "nadam": NAdam(), "adagrad": Adagrad()}
    optimizer = makes.get(name) or RMSprop(momentum=0.5)
    values, lr = torch.zeros(2, 3), torch.tensor(LRS)[:, None]
    state = optimizer.beginning(values)
    for _ in range(2000):
        before = values.clone()
        optimizer.update(state, values, torch.ones(2, 3), lr)
    torch.testing.assert_close(before - values, optimizer.step_size(state, lr).expand(2, 3), rtol=1e-3, atol=0)


@pytest.mark.parametrize("optimizer", [SGD, Adam, RMSprop, Adagrad, NAdam, Lion, Muon])
def test_a_run_has_the_same_numbers_alone_and_in_a_stack(small, optimizer):
    base = {"model.widths": [13, 7], "reg.dropout.rate": 0.2}
    each = zip((0, 1, 0), (0.01, 0.02, 0.05), strict=True)
    runs = [small(base | {"seed": seed, "optimizer": node(optimizer, lr=lr)}) for seed, lr in each]
    alone = [curves(run)[0] for run in runs]
    for a, b in zip(alone, curves(*runs), strict=True):
        assert same(a, b)
    assert not same(alone[0], alone[2])


def test_adamw_is_adam_with_the_decay_that_is_a_regularizer(configure):
    named, plain = configure(*SMALL, "optimizer=adamw"), configure(*SMALL)
    assert named["reg"]["weight_decay"].pop("strength") == 0.01
    assert plain["reg"]["weight_decay"].pop("strength") == 0
    assert named == plain
    with pytest.raises(UsageError, match=r"^optimizer.weight_decay: this optimizer decays nothing; reg.weight_decay"):
        configure(*SMALL, "optimizer=adamw", "optimizer.weight_decay=0.1")


@pytest.mark.parametrize(("method", "values"), ASKING)
def test_only_methods_that_need_the_step_size_are_refused_where_none_is_told(small, method, values):
    asks = {f"reg.{method}.{name}": value for name, value in values.items()}
    for optimizer in (Lion, Muon):
        words = rf"^reg.{method}: needs the optimizer's step size, which {optimizer.__name__} tells not; adam, "
        with pytest.raises(UsageError, match=words):
            examine([small({"optimizer": node(optimizer)}), small(asks | {"optimizer": node(optimizer)})])
        examine([small({"optimizer": node(optimizer), "reg.max_norm.limit": 3.0, "reg.l1.strength": 0.1})])
    examine([small(asks | {"optimizer": node(RMSprop)})])


def test_a_run_that_does_not_warm_up_is_the_one_that_it_was_before_it_could(small):
    plain, warm = small(), small({"schedule.warmup": 0.1})
    assert digest(plain) != digest(warm)
    assert plain["schedule"].pop("warmup") == 0
    assert digest(plain) == digest(small())


def test_a_warm_up_that_would_not_end_is_refused(small):
    for warmup in (2.0, 3.0):
        with pytest.raises(UsageError, match=rf"^schedule.warmup={warmup:g}: must be shorter than epochs=2$"):
            small({"schedule.warmup": warmup})
    with pytest.raises(UsageError, match=r"^schedule.warmup=-1.0: must be in \[0, inf\)"):
        small({"schedule.warmup": -1.0})
