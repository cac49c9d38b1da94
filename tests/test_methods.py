"""The methods against independent references: scipy, torchvision, torch.distributions and closed forms."""

import csv
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from scipy import optimize, stats
from torch.optim import swa_utils
from torchvision.transforms import v2

from regab.models.mlp import MLP
from regab.regularizers._draws import symmetric_beta
from regab.regularizers.confidence_penalty import ConfidencePenalty
from regab.regularizers.cutmix import Cutmix
from regab.regularizers.cutout import Cutout
from regab.regularizers.gradient_noise import GradientNoise
from regab.regularizers.input_noise import InputNoise
from regab.regularizers.l1_ball import L1Ball
from regab.regularizers.l2_ball import L2Ball
from regab.regularizers.mixup import Mixup
from regab.regularizers.norm import Norm
from regab.regularizers.swa import Swa
from regab.training.assembly.data import load_data
from regab.training.assembly.setup import set_up
from regab.training.loop import train
from regab.training.noise import Noise
from regab.training.snapshot import restore, take_snapshot
from regab.training.stack import Parameters
from tests.conftest import selected_states
from tests.test_against_scikit_learn import ALL_OF_WINE

CPU = torch.device("cpu")
SGD_STEP = {"_target_": "regab.training.optimizer.SGD", "lr": 0.1, "momentum": 0.0, "nesterov": False}


def noise(purpose, seeds=(0, 1)):
    return Noise(list(seeds), CPU).of(purpose)


def flat(values):
    """Parameters that are all weights."""
    return Parameters(values, torch.zeros_like(values), values.shape[1], [values[:, None]])


@pytest.mark.parametrize("alpha", [0.05, 0.2, 0.5, 1.0, 4.0])
def test_mixing_shares_have_the_beta_distribution_folded_at_a_half(alpha):
    drawn = symmetric_beta(torch.tensor([alpha, alpha]), noise("a").uniform(4000, 2)).double().numpy()
    assert drawn.min() >= 0.5
    exact = stats.beta(alpha, alpha)
    for share in (0.5001, 0.51, 0.6, 0.75, 0.9, 0.99, 0.999):
        assert (drawn <= share).mean() == pytest.approx(2 * exact.cdf(share) - 1, abs=0.02)


def batch(size=40, side=12):
    torch.manual_seed(0)
    x, labels = torch.randn(2, size, 3, side, side), torch.randint(4, (2, size))
    return x, labels, torch.nn.functional.one_hot(labels, 4).float()


def test_mixup_is_torchvisions_with_the_same_share():
    x, labels, y = batch()
    own = labels[1]
    mixed, targets = Mixup(torch.tensor([0.0, 1.0])).mix(x, y, noise("mixup"))
    assert torch.equal(mixed[0], x[0])
    assert torch.equal(targets[0], y[0])
    shares = symmetric_beta(torch.tensor([0.0, 1.0]), noise("mixup").uniform(40, 2))[1]
    assert 0.5 < shares.min() < 0.6
    theirs = v2.MixUp(num_classes=4)
    for i in range(40):
        parameters = {"labels": own, "batch_size": 40, "lam": shares[i].item()}
        torch.testing.assert_close(mixed[1, i], theirs.transform(x[1], parameters)[i], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(targets[1, i], theirs.transform(own, parameters)[i], rtol=1e-5, atol=1e-6)


def test_cutmix_is_torchvisions_with_the_same_box():
    x, labels, y = batch()
    own = labels[1]
    mixed, targets = Cutmix(torch.tensor([0.0, 1.0])).mix(x, y, noise("cutmix"))
    assert torch.equal(mixed[0], x[0])
    assert torch.equal(targets[0], y[0])
    theirs, stayed = v2.CutMix(num_classes=4), []
    for i in range(40):
        pasted = (mixed[1, i] != x[1, i]).all(0)
        assert torch.equal((mixed[1, i] != x[1, i]).any(0), pasted)
        rows, columns = pasted.any(1).nonzero()[:, 0], pasted.any(0).nonzero()[:, 0]
        box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) if len(rows) else (0, 0, 0, 0)
        stayed.append(1 - len(rows) * len(columns) / 144)
        parameters = {"labels": own, "batch_size": 40, "box": box, "lam_adjusted": stayed[-1]}
        assert torch.equal(mixed[1, i], theirs.transform(x[1], parameters)[i])
        torch.testing.assert_close(targets[1, i], theirs.transform(own, parameters)[i])
    assert min(stayed) < 0.4
    assert max(stayed) > 0.95


@pytest.mark.parametrize("alpha", [0.3, 1.0])
def test_the_areas_that_cutmix_pastes_are_distributed_as_torchvisions(alpha):
    x = torch.zeros(2, 3000, 1, 16, 16)
    x[:, ::2] = 1
    y = x[:, :, 0, 0, :1]
    ours = Cutmix(torch.tensor([alpha, alpha])).mix(x, torch.cat([y, 1 - y], 2), noise("cutmix"))[1].amax(2)[0]
    torch.manual_seed(1)
    theirs = v2.CutMix(alpha=alpha, num_classes=2)
    drawn = [theirs.make_params([x[0, :2]])["lam_adjusted"] for _ in range(3000)]
    drawn = np.maximum(drawn, 1 - np.array(drawn))
    ours, drawn = ((256 * np.asarray(areas)).round() for areas in (ours, drawn))
    assert stats.ks_2samp(ours, drawn).statistic < 0.045


@pytest.mark.parametrize("strength", [0, 1, 4, 4.9, 5, 30])
def test_cutout_blanks_one_square_anywhere_and_clips_it_at_the_border(strength):
    x, size = torch.ones(2, 3000, 3, 9, 11), int(strength)
    cut = Cutout(torch.tensor([0.0, float(strength)])).augment(x, noise("cutout"))
    assert torch.equal(cut[0], x[0])
    holes = (cut[1] == 0).float()
    assert torch.equal(holes[:, 0], holes[:, 2])
    reach = [sum(max(0, min(c - size // 2 + size, n) - max(c - size // 2, 0)) for c in range(n)) / n for n in (9, 11)]
    assert holes[:, 0].sum((1, 2)).mean().item() == pytest.approx(math.prod(reach), rel=0.03)
    assert holes[:, 0].sum(1).amax().item() == min(size, 9)
    assert holes[:, 0].sum(2).amax().item() == min(size, 11)
    if size:
        frequency = holes[:, 0].mean(0)
        torch.testing.assert_close(frequency, frequency.flip(0), atol=0.06, rtol=0) if size % 2 else None


def test_input_noise_has_its_deviation_and_differs_between_steps_and_examples():
    x, stream = torch.randn(2, 500, 30), noise("x", (3, 3))
    first, second = (InputNoise(torch.tensor([0.0, 0.4])).augment(x, stream) for _ in range(2))
    assert torch.equal(first[0], x[0])
    added = first[1] - x[1]
    assert stats.kstest(added.flatten() / 0.4, "norm").pvalue > 1e-3
    assert not torch.equal(first[1], second[1])
    assert np.corrcoef(added[0], added[1])[0, 1] < 0.6


@pytest.mark.parametrize("step", [0, 3, 200])
def test_gradient_noise_has_the_variance_of_its_step(step):
    method = GradientNoise(torch.tensor([0.0, 0.3]), torch.tensor([0.55, 0.55])).at(step, 1000)
    parameters = flat(torch.zeros(2, 20_000))
    method.gradients(parameters, noise("g"))
    assert not parameters.gradients[0].any()
    assert parameters.gradients[1].var().item() == pytest.approx(0.3 / (1 + step) ** 0.55, rel=0.05)


@pytest.mark.parametrize(("kind", "axes"), [("batch", (0,)), ("layer", (1, 2)), ("group", (2,))])
def test_norms_divide_by_the_deviation_and_eps_over_their_axes(kind, axes):
    x = torch.randn(50, 12) * 2 + 1
    norm = Norm(kind=kind, eps=0.5, groups=4)._layer(12, 0)
    parts = x.view(50, 4, 3)
    mean, variance = parts.mean(axes, keepdim=True), parts.var(axes, correction=0, keepdim=True)
    torch.testing.assert_close(norm(x), ((parts - mean) / (variance + 0.5).sqrt()).view(50, 12))


def test_the_confidence_penalty_is_minus_the_entropy_and_autograd_agrees():
    torch.manual_seed(0)
    logits = torch.randn(2, 7, 5, requires_grad=True)
    strength = torch.tensor([0.3, 2.0])
    ours = ConfidencePenalty(strength).penalty(logits)
    theirs = -strength * torch.distributions.Categorical(logits=logits).entropy().mean(1)
    torch.testing.assert_close(ours, theirs)
    gradients = [torch.autograd.grad(each.sum(), logits)[0] for each in (ours, theirs)]
    torch.testing.assert_close(*gradients)


def sorted_projection(u, radius):
    """Duchi et al. 2008, figure 1, in float64."""
    if np.abs(u).sum() <= radius:
        return u
    mu = np.sort(np.abs(u))[::-1]
    excess = np.cumsum(mu) - radius
    rho = np.flatnonzero(mu - excess / np.arange(1, len(mu) + 1) > 0)[-1]
    return np.sign(u) * np.maximum(np.abs(u) - excess[rho] / (rho + 1), 0)


@pytest.mark.parametrize("radius", [0.01, 1.0, 30.0, 1e4])
def test_the_l1_projection_is_that_of_duchi(radius):
    torch.manual_seed(0)
    before = torch.randn(3, 400) * torch.tensor([[1.0], [1e-3], [10.0]])
    values = before.clone()
    L1Ball(torch.tensor([radius, radius, math.inf])).weights(flat(values), lambda: torch.full((3, 1), 0.01))
    for ours, u in zip(values[:2], before[:2], strict=True):
        expected = sorted_projection(u.double().numpy(), radius)
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-6)
        assert ours.abs().sum().item() <= radius * (1 + 1e-5) + 1e-6
    assert torch.equal(values[2], before[2])


def test_the_l2_projection_scales_what_is_outside_and_nothing_else():
    values = torch.tensor([[3.0, 4.0], [3.0, 4.0], [3.0, 4.0], [0.0, 0.0]])
    L2Ball(torch.tensor([1.0, 5.1, math.inf, 1.0])).weights(flat(values), lambda: torch.full((4, 1), 0.1))
    torch.testing.assert_close(values, torch.tensor([[0.6, 0.8], [3.0, 4.0], [3.0, 4.0], [0.0, 0.0]]))


@pytest.mark.parametrize(("ball", "norm"), [(L2Ball, lambda w: (w**2).sum() ** 0.5), (L1Ball, lambda w: abs(w).sum())])
def test_with_step_sizes_that_differ_the_projection_is_the_nearest_point_in_their_metric(ball, norm):
    torch.manual_seed(1)
    u, sizes = torch.randn(1, 4), torch.rand(1, 4) * 0.1 + 0.05
    radius = 0.97 * norm(u.double().numpy())  # about as far as one training step leads outside
    values = u.clone()
    ball(torch.tensor([radius])).weights(flat(values), lambda: sizes)
    start, metric = u[0].abs().double().numpy(), sizes[0].double().numpy()
    nearest = optimize.minimize(  # of the absolute values, since no sign changes
        lambda w: ((w - start) ** 2 / metric).sum(),
        start / 2,
        method="SLSQP",
        bounds=[(0, None)] * 4,
        constraints={"type": "ineq", "fun": lambda w: radius - norm(w)},
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    np.testing.assert_allclose(values[0].abs(), nearest.x, atol=2e-5)
    assert (values * u >= 0).all()
    assert norm(values[0].double().numpy()) == pytest.approx(radius, rel=1e-5)


def trained(configure, words, levels):
    """The weights of one run for each level of the last word, on all of wine by a linear model."""
    training = set_up(
        [configure(*ALL_OF_WINE, *words.split()[:-1], f"{words.split()[-1]}={level}") for level in levels]
    )
    for _ in train(training):
        pass
    return [training.stack.state_dict(run)["output.weight"] for run in range(len(levels))]


SGD = "optimizer=sgd optimizer.lr=1 epochs=200"
OPTIMIZERS = [SGD, pytest.param("optimizer=adam optimizer.lr=0.02 epochs=3000", marks=pytest.mark.slow)]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_constrained_and_the_penalized_form_of_l2_agree(configure, optimizer):
    penalized = trained(configure, f"{SGD} reg.l2", [0.02, 0.1])
    constrained = trained(configure, f"{optimizer} reg.l2_ball", [w.norm().item() for w in penalized])
    torch.testing.assert_close(constrained, penalized, atol=1e-3, rtol=0)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_constrained_and_the_penalized_form_of_l1_agree_and_have_the_same_zeros(configure, optimizer):
    penalized = trained(configure, f"{SGD} reg.l1.kind=proximal reg.l1", [0.02, 0.05])
    constrained = trained(configure, f"{optimizer} reg.l1_ball", [w.abs().sum().item() for w in penalized])
    torch.testing.assert_close(constrained, penalized, atol=1e-3, rtol=0)
    assert [(w == 0).tolist() for w in constrained] == [(w == 0).tolist() for w in penalized]


@pytest.mark.parametrize(("method", "inputs"), [("cutout", "images"), ("cutmix", "images"), ("rotate_zoom", "images")])
def test_methods_for_images_refuse_features_in_one_line(regab, method, inputs):
    field = {"cutout": "size", "cutmix": "alpha", "rotate_zoom": "degrees"}[method]
    result = regab("train", "data=wine", "model=mlp", f"reg.{method}.{field}=1")
    assert result.code == 2
    assert result.err == f"regab: reg.{method}: acts on {inputs}, but the inputs of this data set are features\n"


def test_the_confidence_penalty_refuses_a_regression_in_one_line_and_mixup_mixes_its_targets(regab):
    result = regab("train", "data=diabetes", "model=mlp", "reg.confidence_penalty=0.1")
    assert result.code == 2
    assert result.err.startswith("regab: reg.confidence_penalty: is for classification")
    assert regab("train", "data=diabetes", "model=mlp", "reg.mixup=0.2", "epochs=2", "curves=false").code == 0


def states_of(training):
    """The state after every step: what the parameters are once the optimizer has moved them."""
    seen, step = [], training.optimizer.step

    def noting(*arguments):
        step(*arguments)
        seen.append(training.stack.values.clone())

    training.optimizer.step = noting
    return seen


def test_ema_is_the_weighted_mean_of_all_steps_and_training_goes_on_from_the_present_weights(small):
    decays = [0.0, 0.5, 0.95]
    training = set_up([small({"reg.ema.beta": d, "epochs": 3}) for d in decays])
    plain = set_up([small({"epochs": 3})])
    steps, alone = states_of(training), states_of(plain)
    for t in (training, plain):
        list(train(t))
    for values, alike in zip(steps, alone, strict=True):
        assert all(torch.equal(row, alike[0]) for row in values)
    for run, decay in enumerate(decays):
        weights = np.array([decay ** (len(steps) - 1 - i) for i in range(len(steps))])
        expected = np.average(torch.stack(steps)[:, run].double().numpy(), axis=0, weights=weights)
        np.testing.assert_allclose(training.average.kept["ema"][0][run], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("epochs", [7, 22, 100])
def test_swa_begins_after_its_share_of_the_epochs_however_single_precision_rounds_it(epochs):
    shares = [done / epochs for done in range(epochs + 1)]
    for done in range(1, epochs + 1):
        counts = Swa(torch.tensor(shares)).average_of_epochs(done, epochs)
        assert counts.tolist() == [max(done - before, 0) for before in range(epochs + 1)]


@pytest.mark.parametrize(("norm", "before"), [("none", 3), ("batch", 3), ("batch", 5)])
def test_swa_is_torchs_averaged_model_with_updated_norms(small, norm, before):
    values = {"reg.norm.kind": norm, "epochs": 6, "optimizer.lr": 0.02}
    training = set_up([small(values | {"reg.swa.start": start}) for start in (before / 6, 1.0)])
    theirs = swa_utils.AveragedModel(model := plain_model(norm))
    for epoch, _ in enumerate(train(training)):
        if epoch > before:
            model.load_state_dict(training.stack.state_dict(0))
            theirs.update_parameters(model)
    data = training.data
    swa_utils.update_bn([data.train.x[part] for part in training.steps], theirs)
    averaged, plain = selected_states(training, [0, 1])
    assert_same_state(averaged, theirs.module.state_dict())
    assert_same_state(plain, training.stack.state_dict(1))
    with torch.no_grad():
        loss = torch.nn.functional.cross_entropy(theirs.eval()(data.val.x), data.val.y).item()
    assert training.watch.history["val_loss"][-1][0] == pytest.approx(loss, rel=1e-4)


def plain_model(norm):
    model = MLP((1, 8, 8), 10, [16])
    if norm == "batch":
        model.fc1_norm = torch.nn.BatchNorm1d(16)
    return model


def assert_same_state(ours, theirs):
    for name in ours.keys() - {"fc1_norm.num_batches_tracked"}:
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", ["ema.beta", "swa.start"])
def test_the_saved_model_is_the_evaluated_one(regab, configure, method):
    words = ("data.n_train=150", "epochs=8", "model=mlp", "model.widths=[16]", "curves=false", "optimizer.lr=0.1")
    result = regab("train", *words, f"reg.{method}=0.6", "reg.norm=batch", "reg.early_stopping=2")
    model = plain_model("batch")
    model.load_state_dict(torch.load(result.folder / "model.pt", weights_only=True))
    val = load_data(configure(*words)["data"], CPU).val
    with torch.no_grad():
        loss = torch.nn.functional.cross_entropy(model.eval()(val.x), val.y).item()
    selected = json.loads((result.folder / "result.json").read_text())["selected"]
    assert loss == pytest.approx(selected["val_loss"], rel=1e-4)


def test_an_average_goes_on_from_a_snapshot_in_another_stack_with_the_same_bits(small):
    def run(seed, decay, start):
        values = {"seed": seed, "reg.ema.beta": decay, "reg.swa.start": start, "reg.norm.kind": "batch", "epochs": 6}
        return small(values | {"reg.weight_noise.deviation": 0.01})

    runs = [run(0, 0.9, 0.2), run(1, 0.0, 0.4), run(2, 0.5, 1.0)]
    whole, first = set_up(runs), set_up(runs)
    list(train(whole))
    for epoch, _ in enumerate(train(first)):
        if epoch == 3:
            break
    saved = io.BytesIO()
    torch.save(take_snapshot(first), saved)
    saved.seek(0)
    rest = set_up([runs[2], runs[0]])
    restore(rest, torch.load(saved, weights_only=True))
    list(train(rest))
    states = zip(selected_states(rest, [0, 1]), selected_states(whole, [2, 0]), strict=True)
    for (ours, run), (now, before) in zip(((0, 2), (1, 0)), states, strict=True):
        assert all(torch.equal(now[name], before[name]) for name in before)
        assert [row[ours] for row in rest.watch.history["val_loss"]] == [
            row[run] for row in whole.watch.history["val_loss"]
        ]


@pytest.mark.parametrize("kind", ["additive", "multiplicative"])
def test_weight_noise_takes_the_gradient_elsewhere_and_the_step_from_the_weights_themselves(small, kind):
    values = {"reg.weight_noise.deviation": 0.2, "reg.weight_noise.kind": kind, "epochs": 1, "batch_size": 150}
    values |= {"optimizer": SGD_STEP, "schedule": {"_target_": "regab.training.schedule.Constant"}}
    training = set_up([small(values)])
    before, n = training.stack.values.clone(), training.stack.parameters.n_weights
    model = plain_model("none")
    model.load_state_dict(training.stack.state_dict(0))
    order = Noise([0], CPU)
    order.begin(1)
    z = order.of("weight_noise").normal(n)[0]
    disturbed = training.stack.values.clone()
    disturbed[0, :n] += 0.2 * (z if kind == "additive" else z * before[0, :n])
    model.load_state_dict(training.stack.state_dict(0, [disturbed]))
    list(train(training))
    x, y = training.data.train
    gradients = torch.autograd.grad(torch.nn.functional.cross_entropy(model(x), y), list(model.parameters()))
    after, start = training.stack.state_dict(0), training.stack.state_dict(0, [before])
    for (name, _), gradient in zip(model.named_parameters(), gradients, strict=True):
        torch.testing.assert_close(after[name], start[name] - 0.1 * gradient, rtol=1e-4, atol=1e-6)


def test_averaged_runs_that_share_a_lane_or_move_to_a_smaller_stack_are_the_runs_alone(regab):
    words = ("data.n_train=150", "batch_size=32", "model=mlp", "model.widths=[16]", "epochs=12", "optimizer.lr=0.2")
    words += ("reg.norm=batch", "reg.ema=0.7", "reg.swa=0.2", "schedule=constant", "curves=false")
    sweep = regab("train", "-m", *words, "reg.early_stopping=1,2", "seed=0,1,2,3", "stack.workers=0").folder
    ended = {}
    for folder in sweep.glob("early_stopping.patience=*"):
        result = json.loads((folder / "result.json").read_text())
        ended[folder] = result["last"]["epoch"], result["stack_size"]
    assert len({epoch for epoch, _ in ended.values()}) > 2
    folder = max(ended, key=lambda folder: ended[folder][0])
    overrides = yaml.safe_load((folder / ".hydra" / "overrides.yaml").read_text())
    alone = regab("train", *overrides, "hydra.run.dir=alone", "curves=false")
    assert alone.code == 0, alone.err
    with (folder / "metrics.csv").open() as ours, open("alone/metrics.csv") as theirs:
        for a, b in zip(csv.DictReader(ours), csv.DictReader(theirs), strict=True):
            assert a | {"seconds": ""} == b | {"seconds": ""}
    ours, theirs = (torch.load(path / "model.pt", weights_only=True) for path in (folder, Path("alone")))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
