"""Penalties against scikit-learn's convex solvers, data sets against its loaders."""

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from regab.data import embedded
from regab.training.assembly.setup import set_up
from regab.training.loop import train

ALL_OF_WINE = (
    "data=wine",
    "data.val_fraction=0",
    "data.test_fraction=0",
    "batch_size=178",
    "model=linear",
    "optimizer=sgd",
    "optimizer.lr=0.2",
    "schedule=constant",
    "epochs=2000",
)
CASES = {
    "l2": (["reg.l2=0.02", "reg.l2=0.1"], [0.02, 0.1], 0.0),
    "l1 proximal": ([f"reg.l1={s} reg.l1.kind=proximal" for s in (0.01, 0.05)], [0.01, 0.05], 1.0),
    "elastic net": (
        [f"reg.elastic_net={s} reg.elastic_net.l1_ratio=0.3 reg.elastic_net.kind=proximal" for s in (0.02, 0.1)],
        [0.02, 0.1],
        0.3,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_linear_model_on_all_of_wine_converges_to_scikit_learns_solution(configure, case):
    overrides, strengths, l1_ratio = CASES[case]
    training = set_up([configure(*ALL_OF_WINE, *words.split()) for words in overrides])
    for _ in train(training):
        pass
    x, y = load_wine(return_X_y=True)
    x = StandardScaler().fit_transform(x)
    for run, strength in enumerate(strengths):
        solver = LogisticRegression(
            C=1 / (len(y) * strength), l1_ratio=l1_ratio, solver="saga", tol=1e-9, max_iter=100_000
        ).fit(x, y)
        ours = training.stack.state_dict(run)["output.weight"].numpy()
        np.testing.assert_allclose(ours, solver.coef_, atol=1e-3)
        if l1_ratio == 1:
            assert 0 < (ours == 0).sum() < ours.size
            np.testing.assert_array_equal(ours == 0, np.abs(solver.coef_) < 1e-9)


@pytest.mark.slow
def test_a_penalized_linear_regression_converges_to_scikit_learns_ridge(configure):
    words = [word.replace("wine", "diabetes").replace("178", "442") for word in ALL_OF_WINE[:-1]]
    training = set_up([configure(*words, "epochs=600", f"reg.l2={strength}") for strength in (0.02, 0.5)])
    for _ in train(training):
        pass
    x, y = load_diabetes(return_X_y=True)
    for run, strength in enumerate((0.02, 0.5)):
        solver = Ridge(alpha=len(y) * strength / 2).fit(StandardScaler().fit_transform(x), (y - y.mean()) / y.std())
        ours = training.stack.state_dict(run)
        np.testing.assert_allclose(ours["output.weight"][0].numpy(), solver.coef_, atol=1e-3)
        np.testing.assert_allclose(ours["output.bias"].numpy(), solver.intercept_, atol=1e-5)


@pytest.mark.parametrize(
    "optimizer",
    [
        pytest.param("optimizer=sgd optimizer.lr=0.5 optimizer.momentum=0", marks=pytest.mark.slow),
        pytest.param("optimizer=sgd optimizer.lr=0.1 optimizer.nesterov=true", marks=pytest.mark.slow),
        "optimizer=adam optimizer.lr=0.2 epochs=300",
    ],
)
def test_the_proximal_solution_is_the_same_for_every_optimizer(configure, optimizer):
    words = ["reg.l1=0.05", "reg.l1.kind=proximal"]
    theirs = optimizer.split()
    usual = [word for word in theirs if word.startswith("epochs")]
    expected, found = (trained_weights(configure(*ALL_OF_WINE, *words, *extra)) for extra in (usual, theirs))
    torch.testing.assert_close(found, expected, atol=2e-3, rtol=0)
    assert torch.equal(found == 0, expected == 0)


@pytest.mark.slow
def test_the_subgradient_of_l1_leads_near_the_proximal_solution_without_exact_zeros(configure):
    words = [*ALL_OF_WINE, "reg.l1=0.05", "schedule=cosine"]
    rough, exact = (trained_weights(configure(*words, f"reg.l1.kind={k}")) for k in ("subgradient", "proximal"))
    torch.testing.assert_close(rough, exact, atol=1e-2, rtol=0)
    assert not (rough == 0).any()
    assert (exact == 0).any()


def trained_weights(config):
    training = set_up([config])
    for _ in train(training):
        pass
    return training.stack.state_dict(0)["output.weight"]


@pytest.mark.parametrize(
    ("ours", "theirs", "shape"),
    [
        (embedded.digits, load_digits, (1797, 1, 8, 8)),
        (embedded.breast_cancer, load_breast_cancer, (569, 30)),
        (embedded.wine, load_wine, (178, 13)),
        (embedded.iris, load_iris, (150, 4)),
        (embedded.diabetes, partial(load_diabetes, scaled=False), (442, 10)),
    ],
)
def test_embedded_data_is_what_scikit_learn_returns(ours, theirs, shape):
    source = ours()
    x, y = theirs(return_X_y=True)
    assert tuple(source.train.x.shape) == shape
    np.testing.assert_allclose(source.train.x.flatten(1), x)
    np.testing.assert_array_equal(source.train.y, y)
    assert source.classes == (len(set(y)) if source.task == "classification" else 1)
