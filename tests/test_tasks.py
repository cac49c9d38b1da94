"""Every task: its loss against an independent one, its neutral options, its stacks, and what it refuses."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, mean_pinball_loss, r2_score, root_mean_squared_error
from sklearn.utils.class_weight import compute_class_weight
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, huber_loss, one_hot

from regab.analysis.baseline import find_baseline
from regab.command.shorthands import expand_override
from regab.data.split import Division, Source, Split, divide
from regab.data.table import load
from regab.errors import UsageError
from regab.measured import check_task
from regab.regularizers import methods
from regab.tasks import tasks
from regab.tasks.classification import Classification, class_weights
from regab.tasks.multilabel import Multilabel
from regab.tasks.ordinal import Ordinal
from regab.tasks.quantile import Quantile
from regab.tasks.regression import Regression
from regab.tasks.soft_labels import SoftLabels
from regab.training.assembly.setup import examine, set_up
from tests.conftest import curves, same

V, B, K = 3, 40, 4
CLOSE = {"rtol": 1e-6, "atol": 1e-6}


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def labels(n=B, k=K, seed=1):
    return torch.randint(k, (n,), generator=torch.Generator().manual_seed(seed))


def source(task):
    """120 examples of four features, with targets that follow from them."""
    x = drawn(120, 4)
    noisy = x + 0.3 * drawn(120, 4, seed=1)
    y = {
        "classification": noisy[:, :3].argmax(1),
        "soft_labels": (2 * noisy[:, :3]).softmax(1),
        "multilabel": (noisy[:, :3] > 0.5).long(),
        "ordinal": (noisy[:, 0] * 1.5).round().clamp(-1, 2).long() + 1,
        "regression": noisy[:, :2] * torch.tensor([1.0, 1000.0]) + 7,
        "quantile": noisy[:, 0],
    }[task]
    classes = {"ordinal": 4, "regression": 1, "quantile": 1}.get(task, 3)
    return Source(Split(x, y), classes, task=task)


def tabular(small, task, **values):
    """A run of a small network on it."""
    named = {"_target_": f"{tasks()[task].__module__}.{tasks()[task].__name__}"}
    data = {"_target_": "tests.test_tasks.source", "task": task, "val_fraction": 0.2, "test_fraction": 0.2}
    options = {key.removeprefix("task."): values.pop(key) for key in [*values] if key.startswith("task.")}
    return small({"data": data, "task": named | options, "optimizer.lr": 0.02} | values)


ACTIVE = {
    "classification": [{"task.focus": 2.0}, {"task.class_weights": "balanced"}, {"task.class_weights": [1, 2, 5]}],
    "soft_labels": [{"task.focus": 2.0}, {"task.class_weights": "balanced"}],
    "multilabel": [{"task.focus": 2.0}, {"task.class_weights": "balanced"}],
    "ordinal": [{"task.focus": 2.0}, {"task.class_weights": "balanced"}],
    "regression": [{"task.delta": 0.3}],
    "quantile": [{"task.tau": 0.9}, {"task.tau": [0.1, 0.5, 0.9]}],
}


def prepared(task, y, outputs=K, names=()):
    task.prepare(y, outputs, names)
    return task


def test_weighted_cross_entropy_is_torchs_whatever_the_scale_of_the_weights():
    outputs, y = drawn(V, B, K), labels()
    options = ([1.0, 2.0, 0.5, 4.0], "none", [10, 20, 5, 40])
    task = prepared(Classification(class_weights=options), y)
    found = task.loss(outputs, task.targets(y, K).expand(V, B, K))
    weight = torch.tensor(options[0])
    expected = [cross_entropy(o, y, weight=w) for o, w in zip(outputs, (weight, None, weight), strict=True)]
    torch.testing.assert_close(found, torch.stack(expected), **CLOSE)
    torch.testing.assert_close(task.losses(outputs, y).mean(1)[0], cross_entropy(outputs[0], y), **CLOSE)


def test_balanced_weights_are_scikit_learns_and_names_may_be_given():
    y = torch.tensor([0] * 30 + [1] * 6 + [2] * 4)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=y.numpy())
    np.testing.assert_allclose(class_weights("balanced", torch.bincount(y), ()), expected, rtol=1e-6)
    named = class_weights({"spam": 5}, torch.bincount(y), ("eggs", "spam", "ham"))
    np.testing.assert_allclose(named, np.array([1, 5, 1]) * 40 / (30 + 5 * 6 + 4), rtol=1e-6)
    there = class_weights("balanced", torch.tensor([2, 0, 2]), ())
    assert there.tolist() == [1, 1, 1]


def test_focal_loss_is_the_papers():
    outputs, y = drawn(2, B, K), labels()
    task = prepared(Classification(focus=torch.tensor([2.0, 0.5])), y)
    p = outputs.double().softmax(-1).gather(2, y.expand(2, B)[..., None])[..., 0]
    gamma = torch.tensor([[2.0], [0.5]]).double()
    expected = -((1 - p) ** gamma * p.log()).mean(1)
    torch.testing.assert_close(task.loss(outputs, task.targets(y, K).expand(2, B, K)).double(), expected, **CLOSE)


class Halved(Classification):
    def loss(self, outputs, targets):
        return super().loss(outputs, targets) / 2


def test_only_of_plain_cross_entropy_the_gradient_is_written_out():
    outputs, y = torch.randn(2, 5, 3), torch.tensor([0, 1, 2, 2, 2])
    targets = one_hot(y, 3).float().expand(2, -1, -1)
    weighted, focused = (
        prepared(Classification(class_weights="balanced"), y),
        Classification(focus=torch.tensor([2.0, 0])),
    )
    for task in (weighted, focused, Halved(), Ordinal(), Regression()):
        assert task.loss_and_slope(outputs, targets) is None
    for task in (Classification(), prepared(Classification(focus=torch.zeros(2)), y), SoftLabels()):
        assert torch.equal(task.loss_and_slope(outputs, targets)[0], task.loss(outputs, targets))


def test_focal_loss_has_a_finite_slope_where_a_prediction_is_certain():
    outputs = torch.tensor([[[200.0, 0.0]], [[200.0, 0.0]]], requires_grad=True)
    task = prepared(Classification(focus=torch.tensor([0.5, 0.0])), torch.tensor([0, 1]), 2)
    task.loss(outputs, torch.tensor([[[1.0, 0.0]], [[1.0, 0.0]]])).sum().backward()
    assert outputs.grad.abs().max() < 1e-6


def test_soft_labels_have_torchs_cross_entropy():
    outputs, y = drawn(V, B, K), drawn(B, K, seed=2).softmax(1)
    task = SoftLabels()
    expected = torch.stack([cross_entropy(o, y) for o in outputs])
    torch.testing.assert_close(task.loss(outputs, y.expand(V, B, K)), expected, **CLOSE)
    torch.testing.assert_close(task.losses(outputs, y).mean(1), expected, **CLOSE)
    weighted = prepared(SoftLabels(class_weights=([1, 2, 3, 4],)), y)
    weight = torch.tensor([1.0, 2, 3, 4])
    scaled = cross_entropy(outputs[0], y, weight=weight) / (y * weight).sum(1).mean()
    torch.testing.assert_close(weighted.loss(outputs[:1], y[None])[0], scaled, **CLOSE)
    assert task.typed(2.0 * torch.tensor([[0.1, 0.4]])).sum().item() == pytest.approx(1)


def test_several_labels_have_torchs_binary_cross_entropy():
    outputs, y = drawn(V, B, K), (drawn(B, K, seed=3) > 0.5).float()
    expected = torch.stack([binary_cross_entropy_with_logits(o, y) for o in outputs])
    torch.testing.assert_close(Multilabel().loss(outputs, y.expand(V, B, K)), expected, **CLOSE)
    torch.testing.assert_close(Multilabel().losses(outputs, y).mean((1, 2)), expected, **CLOSE)
    balanced = prepared(Multilabel(class_weights=("balanced", "none", [1, 2, 3, 4])), y)
    weights = [(1 - y).sum(0) / y.sum(0), torch.ones(K), torch.tensor([1.0, 2, 3, 4])]
    expected = [binary_cross_entropy_with_logits(o, y, pos_weight=w) for o, w in zip(outputs, weights, strict=True)]
    torch.testing.assert_close(balanced.loss(outputs, y.expand(V, B, K)), torch.stack(expected), **CLOSE)
    focal = prepared(Multilabel(focus=torch.full((V,), 2.0)), y)
    q = torch.where(y > 0, outputs.sigmoid(), 1 - outputs.sigmoid())
    expected = -((1 - q) ** 2 * q.log()).mean((1, 2))
    torch.testing.assert_close(focal.loss(outputs, y.expand(V, B, K)), expected, **CLOSE)


def test_hubers_loss_is_half_of_ours_and_infinite_delta_is_the_squared_error():
    outputs, targets = 3 * drawn(V, B, 2), drawn(B, 2, seed=4)
    task = prepared(Regression(delta=torch.tensor([0.3, 1.0, math.inf])), targets)
    found = task.loss(outputs, targets.expand(V, B, 2))
    expected = [2 * huber_loss(o, targets, delta=d) for o, d in zip(outputs[:2], (0.3, 1.0), strict=True)]
    torch.testing.assert_close(found[:2], torch.stack(expected), **CLOSE)
    assert found[2] == Regression().loss(outputs, targets.expand(V, B, 2))[2]


def test_the_pinball_loss_is_scikit_learns():
    outputs, y = drawn(V, B, 3), drawn(B, seed=5)
    task = Quantile(tau=[0.1, 0.5, 0.95])
    expected = [np.mean([mean_pinball_loss(y, o[:, k], alpha=tau) for k, tau in enumerate(task.taus)]) for o in outputs]
    np.testing.assert_allclose(task.loss(outputs, y[:, None].expand(V, B, 1)), expected, rtol=1e-6)
    np.testing.assert_allclose(task.losses(outputs, y).mean((1, 2)), expected, rtol=1e-6)
    ((middle, _),) = task.predictions(outputs, y)
    assert torch.equal(middle, outputs[..., 1:2])


def test_the_ordinal_loss_is_that_of_corn_per_example():
    outputs, y = drawn(V, B, K - 1), labels()
    task = Ordinal()
    torch.testing.assert_close(task.logits(outputs).exp().sum(-1), torch.ones(V, B), **CLOSE)
    total = torch.zeros(V)
    for k in range(K - 1):  # the task of each rank sees only those that reached it
        reached = y >= k
        total += binary_cross_entropy_with_logits(
            outputs[:, reached, k], (y[reached] > k).float().expand(V, -1), reduction="none"
        ).sum(1)
    torch.testing.assert_close(task.loss(outputs, task.targets(y, K - 1).expand(V, B, K)), total / B, **CLOSE)
    torch.testing.assert_close(task.losses(outputs, y).mean(1), total / B, rtol=1e-5, atol=1e-6)


def test_of_two_ordered_classes_the_loss_is_that_of_a_logistic_regression():
    task, y, outputs = Ordinal(), torch.tensor([0, 1, 1, 0]), drawn(V, 4, 1)
    assert task.outputs(y, 2) == 1
    expected = binary_cross_entropy_with_logits(outputs[..., 0], y.float().expand(V, -1), reduction="none")
    torch.testing.assert_close(task.losses(outputs, y), expected, **CLOSE)


def test_soft_labels_are_scaled_to_a_sum_of_one():
    y = torch.tensor([[0.5, 0.495], [0.2, 0.8]])
    torch.testing.assert_close(SoftLabels().typed(y).sum(1), torch.ones(2), **CLOSE)
    torch.testing.assert_close(SoftLabels().typed(y)[0, 0].item(), 0.5 / 0.995)


@pytest.mark.parametrize(
    ("task", "option", "neutral"),
    [
        *[(task, "focus", 0.0) for task in ("classification", "soft_labels", "multilabel", "ordinal")],
        *[(task, "class_weights", "none") for task in ("classification", "soft_labels", "multilabel", "ordinal")],
        ("classification", "class_weights", [2, 2, 2]),
        ("regression", "delta", math.inf),
    ],
)
def test_a_neutral_option_is_absent_bit_for_bit_alone_and_beside_an_active_run(small, task, option, neutral):
    active = next(values for values in ACTIVE[task] if f"task.{option}" in values)
    (plain,) = curves(tabular(small, task))
    (alone,) = curves(tabular(small, task, **{f"task.{option}": neutral}))
    beside, changed = curves(tabular(small, task, **{f"task.{option}": neutral}), tabular(small, task, **active))
    assert same(plain, alone)
    assert same(plain, beside)
    assert not same(plain, changed)


@pytest.mark.parametrize("task", ACTIVE)
def test_a_task_trains_and_has_the_same_numbers_alone_and_stacked(small, task):
    for active in ACTIVE[task]:
        more = {"reg.dropout.rate": 0.2, "reg.mixup.alpha": 0.3, "epochs": 3}
        runs = [tabular(small, task, **active, **more, seed=seed) for seed in range(2)]
        runs.append(tabular(small, task, **active, epochs=3, **{"optimizer.lr": 0.1}))
        together = curves(*runs)
        for alone, beside in zip([curves(run)[0] for run in runs], together, strict=True):
            assert same(alone, beside)
        assert together[2]["train_loss"][-1] < together[2]["train_loss"][0]


def test_weights_and_focus_are_numbers_of_runs_in_one_stack(small):
    runs = [tabular(small, "classification", **{"task.class_weights": w}) for w in ("none", "balanced", [1, 1, 3])]
    runs += [tabular(small, "classification", **{"task.focus": 2.0})]
    assert set_up(runs).task.weights.shape == (4, 3)
    assert {run.structure for run in map(as_run, runs)} == {as_run(runs[0]).structure}


def as_run(config):
    from regab.config import Run

    return Run(config, None, {})


def test_metrics_of_several_targets_are_means_over_targets_as_scikit_learn_takes_them(small):
    config = tabular(small, "regression")
    training = set_up([config])
    stack, data = training.stack, training.data
    (run,) = curves(config)
    stack.set_training(False)
    with torch.no_grad():
        predicted = data.scale.back(stack(data.test.x, shared=True)[0])
    true = data.scale.back(data.test.y)
    assert run["test_rmse"][0] == pytest.approx(root_mean_squared_error(true, predicted), rel=1e-6)
    assert run["test_r2"][0] == pytest.approx(r2_score(true, predicted), abs=1e-6)
    assert data.scale.deviation[1] > 100 * data.scale.deviation[0]


def test_accuracy_of_several_labels_is_the_share_of_labels_that_are_right(small):
    training = set_up([tabular(small, "multilabel")])
    (run,) = curves(tabular(small, "multilabel"))
    training.stack.set_training(False)
    with torch.no_grad():
        outputs = training.stack(training.data.val.x, shared=True)[0]
    right = accuracy_score(training.data.val.y.flatten(), (outputs > 0).flatten())
    assert run["val_accuracy"][0] == pytest.approx(right)


def test_the_rank_error_is_that_of_the_median(small):
    from regab.metrics.rank_error import RankError

    p = torch.tensor([[[0.3, 0.3, 0.4], [0.6, 0.1, 0.3]], [[0.0, 0.2, 0.8], [0.2, 0.6, 0.2]]]).log()
    assert RankError().of(p, torch.tensor([2, 2])).tolist() == [1.5, 0.5]  # medians 1 and 0, 2 and 1


def test_an_ordinal_prediction_says_the_most_probable_class_and_the_median_of_which_the_rank_error_is():
    p = torch.tensor([[0.3, 0.3, 0.4], [0.6, 0.1, 0.3]])
    going_on = 1 - p[:, :2] / torch.stack([torch.ones(2), 1 - p[:, 0]], 1)
    told = Ordinal().told(going_on.logit(), ("poor", "fair", "good"))
    assert list(told) == ["prediction", "median", "p_poor", "p_fair", "p_good"]
    assert (told["prediction"], told["median"]) == (["good", "poor"], ["fair", "poor"])
    np.testing.assert_allclose(np.stack([told[name] for name in list(told)[2:]], 1), p, rtol=1e-6)


def test_options_of_a_task_name_it(configure):
    for option, task in (("class_weights", "Classification"), ("delta", "Regression"), ("tau", "Quantile")):
        assert check_task({option: None if task == "Classification" else 0.5})["_target_"].endswith(task)
    assert configure("task.class_weights={1:5}")["task"]["class_weights"] == {"1": 5}
    with pytest.raises(UsageError, match=r"task.weight: say first which task"):
        check_task({"weight": 1})
    for wrong in ("often", [1, -1], 3, [], {"a": "none"}, [True], {}):
        with pytest.raises(UsageError, match="must be none, balanced, a list of numbers"):
            check_task({"class_weights": wrong})
    for wrong in ({"focus": -1.0}, {"delta": 0.0}, {"tau": 1}, {"tau": []}, {"tau": [0.5, "half"]}):
        with pytest.raises(UsageError, match="must be"):
            check_task(wrong)
    assert expand_override("task.focus=2") == "++task.focus=2"


def test_the_baseline_is_where_a_tasks_options_are_neutral():
    variants = {"a": {"task.focus": "2"}, "b": {"task.focus": "0"}}
    assert find_baseline(variants) == "b"
    variants = {"a": {"task.class_weights": "balanced"}, "b": {"task.class_weights": "none"}}
    assert find_baseline(variants) == "b"


def test_weights_of_other_classes_than_there_are_are_refused_before_training(small):
    for weights, said in (([1, 2], "has 2 weights, but there are 3"), ({"x": 2}, "there is no class 'x'; there is: 0")):
        with pytest.raises(UsageError, match=said):
            examine([tabular(small, "classification", **{"task.class_weights": weights})])
    with pytest.raises(UsageError, match="leaves no training example any weight"):
        examine([tabular(small, "classification", **{"task.class_weights": [0, 0, 0]})])


@pytest.mark.parametrize(
    ("task", "y", "said"),
    [
        (Classification(), torch.zeros(9, 2).long(), "there is task=multilabel or task=soft_labels"),
        (Classification(), torch.zeros(9, 4, 4).long(), "there is task=segmentation"),
        (Classification(), torch.arange(9) - 1, "labels are from -1 to 7; with 9 classes, from 0 to 8"),
        (Classification(), torch.arange(9) + 3, "labels are from 3 to 11"),
        (Ordinal(), torch.arange(9) + 1, "labels are from 1 to 9"),
        (SoftLabels(), torch.arange(9), "must be .examples, classes."),
        (SoftLabels(), torch.full((9, 2), 0.7), r"add up to 1, not \[0.7, 0.7\] in example 0"),
        (SoftLabels(), torch.tensor([[0.5, 0.5], [1.5, -0.5]]), r"from 0 .* not \[1.5, -0.5\] in example 1"),
        (Multilabel(), torch.arange(9), "an example has one label"),
        (Multilabel(), torch.tensor([[0, 1], [0, 2]]), "0 or 1, not 2 .label 1 of example 1"),
        (Multilabel(), torch.tensor([[0, 1], [0, math.nan]]), "0 or 1, not nan"),
        (Multilabel(), torch.zeros(9, 2, 2), "must be .examples, labels. of 0 and 1"),
        (Regression(), torch.zeros(9, 2, 2), "not .examples. or .examples, targets."),
        (Regression(), torch.stack([torch.arange(9.0), torch.ones(9)], 1), "must be numbers that are not all the same"),
        (Quantile(), torch.randn(9, 2), "task=quantile is for one target"),
    ],
)
def test_targets_that_are_none_of_the_task_are_a_line(task, y, said):
    with pytest.raises(UsageError, match=said):
        divide(Source(Split(torch.randn(len(y), 3), y), 9), Division(), task)


def test_ordered_classes_with_words_for_names_need_their_order():
    y = torch.arange(9) % 3
    words = Source(Split(torch.randn(9, 2), y), 3, names=("fair", "good", "poor"))
    with pytest.raises(UsageError, match=r"no order by themselves, as 'fair'; say it by task.order=\[fair,good,poor\]"):
        divide(words, Division(), Ordinal())
    with pytest.raises(UsageError, match=r"must have each class once; there is: fair, good, poor"):
        divide(words, Division(), Ordinal(order=["poor", "fair"]))
    data = divide(words, Division(), Ordinal(order=["poor", "fair", "good"]))
    assert data.names == ("poor", "fair", "good")
    assert data.classes == 2
    order = {"poor": 0, "fair": 1, "good": 2}
    assert sorted(data.train.y.tolist()) == sorted(order[words.names[label]] for label in y)
    numbers = words._replace(names=("10", "2", "3"))
    assert divide(numbers, Division(), Ordinal()).names == ("2", "3", "10")


@pytest.mark.parametrize("task", ACTIVE)
def test_methods_for_one_label_are_refused_elsewhere(small, task):
    for name in ("label_smoothing", "confidence_penalty"):
        config = tabular(small, task, **{f"reg.{name}.strength": 0.1})
        if task in ("multilabel", "regression", "quantile"):
            with pytest.raises(UsageError, match=f"{name}: is for classification.* but the task is {task}"):
                examine([config])
        else:
            assert not same(*curves(config, tabular(small, task)))
    assert methods()["cutmix"].moves


def test_parts_are_stratified_by_the_rarest_label_and_noise_redraws_labels():
    y = torch.zeros(100, 2).long()
    y[:10, 0] = 1
    y[5:60, 1] = 1
    data = divide(Source(Split(torch.randn(100, 3), y), 2), Division(val_fraction=0.2, test_fraction=0.2), Multilabel())
    assert [int(part.y[:, 0].sum()) for part in (data.val, data.test)] == [2, 2]
    noisy = divide(
        Source(Split(torch.randn(1000, 3), torch.zeros(1000, 2)), 2), Division(label_noise=0.5), Multilabel()
    )
    assert noisy.train.y.mean().item() == pytest.approx(0.25, abs=0.05)
    soft = divide(source("soft_labels"), Division(label_noise=1.0), SoftLabels())
    assert set(soft.train.y.flatten().tolist()) == {0.0, 1.0}


def table(tmp_path, *lines):
    path = tmp_path / "several.csv"
    path.write_text("\n".join(["x,a,b", *lines]) + "\n")
    return str(path)


def test_several_columns_of_a_table_are_labels_or_numbers(tmp_path):
    marks = table(tmp_path, "1,0,yes", "2,1,no", "3,1,yes", "4,0,no")
    found = load(marks, ["a", "b"])
    assert (found.task, found.classes, found.names) == ("multilabel", 2, ("a", "b"))
    assert found.train.y.tolist() == [[0, 1], [1, 0], [1, 1], [0, 0]]
    assert "2 labels (a 2, b 2)" in found.said[0]
    numbers = load(table(tmp_path, '1,0,"1,5"', '2,1,"2,25"', '3,7,"0,5"'), ["b", "a"])
    assert (numbers.task, numbers.train.y.tolist()) == ("regression", [[1.5, 0], [2.25, 1], [0.5, 7]])
    assert list(numbers.columns) == ["x", "b, a"]


def test_what_is_wrong_with_several_columns_is_a_line(tmp_path):
    path = table(tmp_path, "1,0,1", "2,1,0", "3,1,2")
    for label, options, said in (
        (["a", "c"], {}, "unknown column"),
        (["a", "a"], {}, "names a twice"),
        ([], {}, "must name what is to be predicted"),
        (["a", "b"], {"task": "classification"}, "several columns are no labels of task=classification"),
        (["a", "b"], {"task": "multilabel"}, "line 4: b is '2'; must be 0 or 1"),
        (["a", "b"], {"task": "sorting"}, "data.task=sorting: must be auto"),
    ):
        with pytest.raises(UsageError, match=said):
            load(path, label, **options)
    with pytest.raises(UsageError, match="line 3: has no b, which is to be predicted"):
        load(table(tmp_path, "1,0,1", "2,1,"), ["a", "b"])
    with pytest.raises(UsageError, match="line 3: b is 'x', and not a number"):
        load(table(tmp_path, "1,0,1.5", "2,1,x", *[f"{i},1,{i}.5" for i in range(30)]), ["a", "b"])
