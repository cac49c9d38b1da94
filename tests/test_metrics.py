"""Every metric against scikit-learn or scipy, of several runs at once; where it has no value; what asks for it."""

import copy
import math
import pickle
import warnings
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import log_softmax, softmax
from scipy.stats import spearmanr
from sklearn import metrics as sklearn

from regab.analysis.table import in_full
from regab.data.division.checks import imbalance_of
from regab.data.split import Data, Source, Split
from regab.errors import UsageError
from regab.measured import check_measured, metric_names, metrics_of, undefined_words
from regab.metrics import measure_of, metrics
from regab.metrics.base import Mean, kept_measures
from regab.metrics.pinball import Pinball
from regab.records.columns import Column, column, words
from regab.tasks.base import Scale, Task
from regab.tasks.classification import Classification
from regab.tasks.multilabel import Multilabel
from regab.tasks.ordinal import Ordinal
from regab.tasks.regression import Regression
from regab.training.evaluate import Joined, evaluate
from tests.conftest import SMALL

RUNS, N = 3, 400
QUICK = (*SMALL, "curves=false", "stack.workers=0")


@pytest.mark.parametrize("dim", [0, 1])
@pytest.mark.parametrize("sizes", [(3, 3, 1), (1, 3, 9, 30), (5,), (2, 0, 4)])
def test_parts_of_any_sizes_are_joined_as_torch_does(dim, sizes):
    parts = [torch.randn(size, 2, 3).transpose(0, dim) for size in sizes]
    joined = Joined(len(sizes), dim)
    for part in parts:
        joined.add(part)
    assert torch.equal(joined.all(), torch.cat(parts, dim))
    assert joined.all().is_contiguous()


def outputs_and_classes(k, seed=0):
    """Of three runs, the second with ties, the third saying little; classes of unequal frequency."""
    generator = torch.Generator().manual_seed(seed)
    y = (k * torch.rand(N, generator=generator) ** 1.7).long()
    outputs = 2 * torch.randn(RUNS, N, k, generator=generator) + 2 * torch.nn.functional.one_hot(y, k)
    outputs[1] = outputs[1].round()
    outputs[2] *= 0.01
    return outputs, y


def numbers(seed=0):
    generator = torch.Generator().manual_seed(seed)
    y = 5 + torch.randn(N, generator=generator).double().mul(10).round() / 10
    outputs = y + torch.randn(RUNS, N, generator=generator)
    outputs[1] = outputs[1].round()
    return outputs[..., None], y


def _top5(y, outputs):  # of equal outputs scikit-learn takes the last for larger, accuracy the first
    k = outputs.shape[1]
    return sklearn.top_k_accuracy_score(k - 1 - y, outputs[:, ::-1], k=5, labels=range(k))


def _ranked(score):
    def of(y, outputs):
        p, k = softmax(outputs, -1), outputs.shape[1]
        if k == 2:
            return score(y, outputs[:, 1] - outputs[:, 0])
        return np.mean([score(y == c, np.log(p[:, c]).round(11)) for c in range(k)])

    return of


def _ece(y, outputs):
    p = softmax(outputs, -1)
    sure, right = p.max(-1), p.argmax(-1) == y
    bins = np.minimum((sure * 15).astype(int), 14)
    return sum(abs(right[bins == b].mean() - sure[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins))


def _brier(y, outputs):
    p, k = softmax(outputs, -1), outputs.shape[1]
    return sklearn.brier_score_loss(y, p[:, 1]) if k == 2 else sklearn.brier_score_loss(y, p, labels=range(k))


def _of_predicted(score, **options):
    return lambda y, outputs: score(y, outputs.argmax(-1), **options)


MACRO = {"average": "macro", "zero_division": 0}
OF_CLASSES = {
    "accuracy": _of_predicted(sklearn.accuracy_score),
    "balanced_accuracy": _of_predicted(sklearn.balanced_accuracy_score),
    "f1": _of_predicted(sklearn.f1_score, **MACRO),
    "precision": _of_predicted(sklearn.precision_score, **MACRO),
    "recall": _of_predicted(sklearn.recall_score, **MACRO),
    "mcc": _of_predicted(sklearn.matthews_corrcoef),
    "top5": _top5,
    "auroc": _ranked(sklearn.roc_auc_score),
    "average_precision": _ranked(sklearn.average_precision_score),
    "log_loss": lambda y, outputs: sklearn.log_loss(y, softmax(outputs, -1), labels=range(outputs.shape[1])),
    "perplexity": lambda y, outputs: math.exp(-np.mean(log_softmax(outputs, -1)[range(len(y)), y])),
    "brier": _brier,
    "ece": _ece,
}
EACH_CLASS = {"f1_per_class": sklearn.f1_score, "precision_per_class": sklearn.precision_score}
EACH_CLASS["recall_per_class"] = sklearn.recall_score
OF_NUMBERS = {
    "mae": sklearn.mean_absolute_error,
    "mape": sklearn.mean_absolute_percentage_error,
    "pinball": sklearn.mean_pinball_loss,
    "spearman": lambda y, outputs: spearmanr(y, outputs).statistic,
    "rmse": sklearn.root_mean_squared_error,
    "r2": sklearn.r2_score,
}


def test_all_metrics_are_tested_here():
    assert set(metrics()) == {*OF_CLASSES, *EACH_CLASS, *OF_NUMBERS, "loss", "rank_error", "iou"}


@pytest.mark.parametrize("k", [2, 3, 10])
@pytest.mark.parametrize("name", OF_CLASSES)
def test_a_metric_of_classes_is_what_scikit_learn_says(name, k):
    if (name, k) in {("top5", 2), ("top5", 3)}:
        assert metrics()[name]().of(*outputs_and_classes(k)).tolist() == [1.0] * RUNS
        return
    outputs, y = outputs_and_classes(k)
    found = metrics()[name]().of(outputs, y)
    for run, value in zip(outputs.double().numpy(), found.tolist(), strict=True):
        assert value == pytest.approx(OF_CLASSES[name](y.numpy(), run), abs=1e-6)


@pytest.mark.parametrize("name", EACH_CLASS)
def test_a_metric_of_each_class_is_what_scikit_learn_says(name):
    outputs, y = outputs_and_classes(4)
    columns = metrics()[name]().columns(name, [(outputs, y)])
    assert list(columns) == [f"{name.removesuffix('_per_class')}_{c}" for c in range(4)]
    found = torch.stack([metric.of(outputs, y) for metric in columns.values()], 1)
    for run, values in zip(outputs, found, strict=True):
        expected = EACH_CLASS[name](y, run.argmax(-1), average=None, labels=range(4), zero_division=0)
        assert values.tolist() == pytest.approx(expected.tolist(), abs=1e-6)
    stem = name.removesuffix("_per_class")
    label = f"{columns[f'{stem}_2'].called} of class 2"
    assert (measure_of(f"val_{stem}_2").label, words(f"test_{stem}_2")) == (label, f"test {label}")


@pytest.mark.parametrize("name", OF_NUMBERS)
def test_a_metric_of_numbers_is_what_scikit_learn_says(name):
    outputs, y = numbers()
    found = metrics()[name]().of(outputs, y)
    for run, value in zip(outputs[..., 0].numpy(), found.tolist(), strict=True):
        assert value == pytest.approx(OF_NUMBERS[name](y.numpy(), run), abs=1e-6)


def test_the_pinball_loss_of_another_quantile():
    outputs, y = numbers()
    for quantile in (0.1, 0.9):
        expected = [sklearn.mean_pinball_loss(y, run[:, 0], alpha=quantile) for run in outputs]
        assert Pinball(quantile=quantile).of(outputs, y).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("name", ["mcc", "auroc", "average_precision", "spearman"])
def test_many_examples_round_no_more_than_few(name):
    generator = torch.Generator().manual_seed(1)
    y = (torch.rand(200_000, generator=generator) < 0.001).long()
    score = torch.randn(200_000, generator=generator) + 3 * y
    if name == "spearman":
        expected = spearmanr(y, score.round()).statistic
        found = metrics()[name]().of(score.round()[None, :, None], y.double())
        assert found.item() == pytest.approx(expected, abs=1e-6)
        return
    outputs = torch.stack([torch.zeros_like(score), score - 1], -1)
    assert metrics()[name]().of(outputs[None], y).item() == pytest.approx(
        OF_CLASSES[name](y.numpy(), outputs.double().numpy()), abs=1e-6
    )


def test_the_counts_of_many_examples_of_either_class_do_not_overflow():
    """Of s examples MCC multiplies numbers of s⁴/4, for which 64 bits are too few."""
    y = torch.arange(400_000) % 2
    said = torch.where(torch.arange(400_000) % 10 < 8, y, 1 - y)
    found = metrics()["mcc"]().of(torch.nn.functional.one_hot(said, 2).float()[None], y)
    assert found.item() == pytest.approx(0.6)


def test_outputs_far_apart_are_ranked_though_their_probabilities_are_all_one():
    y, score = torch.tensor([0, 1, 0, 1, 1]), torch.tensor([100.0, 300.0, 250.0, 200.0, 400.0])
    outputs = torch.stack([torch.zeros(5), score], -1)[None]
    assert metrics()["auroc"]().of(outputs, y).item() == pytest.approx(sklearn.roc_auc_score(y, score))


def test_what_is_entirely_sure_is_in_the_bin_of_the_surest():
    """Where torchmetrics has a sixteenth bin."""
    y, margins = torch.tensor([0, 1, 0, 0]), torch.tensor([200.0, 200.0, 3.0, 4.0])
    outputs = torch.stack([margins, torch.zeros(4)], 1)[None]
    assert metrics()["ece"]().of(outputs, y).item() == pytest.approx(
        _ece(y.numpy(), outputs[0].double().numpy()), abs=1e-6
    )


def test_a_run_that_broke_takes_no_other_along():
    outputs, y = outputs_and_classes(3)
    whole = {name: metrics()[name]().of(outputs, y) for name in ("auroc", "average_precision", "ece", "f1", "mcc")}
    outputs[1, 7, 0] = torch.nan
    for name, before in whole.items():
        after = metrics()[name]().of(outputs, y)
        assert torch.equal(after[[0, 2]], before[[0, 2]])
        assert name in ("f1", "mcc") or math.isnan(after[1])


def test_alone_is_what_it_is_among_others():
    for (outputs, y), names in ((outputs_and_classes(4), OF_CLASSES), (numbers(), OF_NUMBERS)):
        for name in names:
            metric = metrics()[name]()
            together = metric.of(outputs, y)
            assert torch.equal(torch.cat([metric.of(outputs[v : v + 1], y) for v in range(RUNS)]), together), name


CONSTANT = torch.zeros(2, 6, 3)


def test_where_there_is_one_class_only_a_metric_has_no_value():
    y = torch.tensor([1, 1, 1, 1, 1, 1])
    for name in ("auroc", "average_precision", "mcc"):
        assert metrics()[name]().of(torch.randn(2, 6, 3), y).isnan().all()
        assert metrics()[name]().undefined(y) == "all examples are of one class"
        assert metrics()[name]().undefined(torch.tensor([1, 0])) == ""
    metric = metrics()["recall_per_class"]().columns("recall_per_class", [(CONSTANT, y)])["recall_2"]
    assert metric.of(torch.randn(2, 6, 3), y).isnan().all()
    assert (metric.undefined(y), metric.undefined(y + 1)) == ("no example is of class 2", "")
    assert metrics()["balanced_accuracy"]().of(CONSTANT, y).tolist() == [0.0, 0.0]


def test_a_model_that_says_the_same_of_all_is_no_better_than_chance():
    y = torch.tensor([0, 1, 2, 0, 1, 0])
    expected = {"mcc": 0.0, "auroc": 0.5, "balanced_accuracy": 1 / 3, "accuracy": 0.5}
    for name, value in expected.items():
        assert metrics()[name]().of(CONSTANT, y).tolist() == pytest.approx([value] * 2)
    assert metrics()["spearman"]().of(CONSTANT[..., :1], y.double()).tolist() == [0.0, 0.0]


def test_classes_that_a_split_lacks_are_left_out():
    outputs, y = outputs_and_classes(4)
    some = y != 2
    for name, score in (("auroc", sklearn.roc_auc_score), ("average_precision", sklearn.average_precision_score)):
        found = metrics()[name]().of(outputs[:, some], y[some])
        p = log_softmax(outputs[0, some].double().numpy(), -1)
        expected = np.mean([score(y[some] == c, p[:, c]) for c in (0, 1, 3)])
        assert found[0].item() == pytest.approx(expected, abs=1e-6)
    found = metrics()["balanced_accuracy"]().of(outputs[:, some], y[some])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert found[0].item() == pytest.approx(sklearn.balanced_accuracy_score(y[some], outputs[0, some].argmax(-1)))


@pytest.mark.parametrize("name", [*OF_CLASSES, *OF_NUMBERS])
def test_a_metric_says_that_it_has_no_value_exactly_where_it_has_none(name):
    torch.manual_seed(0)
    metric = metrics()[name]()
    if name in OF_NUMBERS:
        outputs, some = torch.randn(2, 5, 1), ([1.0, 2, 3, 4, 5], [2.0] * 5, [0.0, 1, 2, 2, 3], [-1.0, 1, -1, 1, 1])
    else:
        outputs, some = torch.randn(2, 5, 7), ([0, 1, 2, 6, 1], [1] * 5, [0, 0, 0, 0, 5])
    for y in map(torch.tensor, some):
        assert bool(metric.undefined(y)) == bool(metric.of(outputs, y).isnan().all()), y


def test_targets_that_do_not_vary_or_are_zero():
    y = torch.tensor([2.0, 2.0, 2.0])
    for name in ("r2", "spearman"):
        assert metrics()[name]().of(torch.randn(2, 3, 1), y).isnan().all()
        assert metrics()[name]().undefined(y) == "all targets are the same"
    scale = Scale(3.7, 0.9)
    back = scale.back(scale(torch.tensor([0.0, 3.0, 4.0])))
    assert metrics()["mape"]().of(torch.randn(2, 3, 1), back).isnan().all()
    assert metrics()["mape"]().undefined(back) == "a target is 0"
    assert metrics()["mape"]().undefined(y) == ""


def shares(*counts, classes=None, names=()):
    """What is said of a data set of so many examples of each class."""
    y = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    source = Source(Split(torch.zeros(len(y), 1), y), classes=classes or len(counts), names=names)
    return imbalance_of(data_of([0], classes=source.classes), source)


def test_a_class_is_rare_below_a_tenth_of_two_or_as_little_of_more():
    assert shares(90, 10) is None
    assert shares(91, 9, names=("no", "yes")) == {"rare": "yes", "share": 0.09, "frequent": "no", "rate": 0.91}
    assert shares(*[10] * 20) is None  # a twentieth each
    assert shares(49, 49, 4)["rate"] == 49 / 102
    assert shares(45, 48, 7) is None
    assert shares(50, 50, classes=3) is None  # of which no example is there: that is said elsewhere
    assert shares(9, 0, 91)["rare"] == "class 0"
    numbers = Source(Split(torch.zeros(9, 1), torch.arange(9.0)), 1)
    assert imbalance_of(data_of([0], task=Regression()), numbers) is None


def test_of_imbalanced_classes_balanced_accuracy_comes_first():
    data = data_of([0, 1, 2])
    data.imbalance = {"rare": "a", "share": 0.01, "frequent": "b", "rate": 0.9}
    assert list(metrics_of(config(), data)) == ["balanced_accuracy", "accuracy"]
    assert list(metrics_of(config(headline="auroc"), data)) == ["balanced_accuracy", "accuracy", "auroc"]
    assert list(metrics_of(config(metrics={"names": ["accuracy"], "extra": {}}), data)) == ["accuracy"]
    assert list(metrics_of(config(), data_of([0, 1, 2]))) == ["accuracy"]
    assert metric_names(config(), Regression, imbalanced=True) == ["rmse", "r2"]
    assert metric_names(config(), Ordinal, imbalanced=True) == ["rank_error", "accuracy"]


def test_a_metric_may_be_named_without_the_part_of_the_data():
    rows = pd.DataFrame({"fold": [None, None], "selected_val_auroc": [0.5, 0.6], "selected_test_auroc": [0.4, 0.5]})
    rows["selected_train_loss"] = 1.0
    assert in_full(rows, "auroc", "selected") == "test_auroc"
    assert in_full(rows.assign(fold=[0, 1]), "auroc", "selected") == "val_auroc"
    assert in_full(rows.drop(columns="selected_test_auroc"), "auroc", "selected") == "val_auroc"
    assert in_full(rows, "loss", "selected") == "train_loss"
    assert in_full(rows, "val_auroc", "selected") == "val_auroc"
    assert in_full(rows.assign(selected_auroc=1.0), "auroc", "selected") == "auroc"  # a script's own
    assert (in_full(rows, None, "selected"), in_full(rows, "f1", "selected")) == (None, "f1")


def config(**changes):
    return {"metrics": {"names": None, "extra": {}}, "headline": None} | changes


def data_of(val, train=(0, 1, 2), classes=3, task=None):
    splits = [Split(torch.zeros(len(y), 1), torch.tensor(y)) for y in (train, val, ())]
    return Data(*splits, classes=classes, task=task or Classification())


def test_what_has_no_value_is_said_and_nothing_goes_by_it():
    data = data_of([1, 1])
    asked = config(metrics={"names": ["auroc", "mcc", "accuracy"], "extra": {}})
    said = "not defined (nan): val_auroc, val_mcc; all examples are of one class"
    assert undefined_words(metrics_of(asked, data), data) == [said]
    with pytest.raises(UsageError, match=r"headline=auroc: val_auroc is not defined: all examples are of one class"):
        check_measured(asked | {"headline": "auroc"}, data, {})
    with pytest.raises(UsageError, match=r"schedule.monitor=val_mcc: val_mcc is not defined"):
        check_measured(asked, data, {"schedule.monitor": "val_mcc"})
    check_measured(asked | {"headline": "auroc"}, data_of([1, 2]), {"schedule.monitor": "val_mcc"})


def test_what_is_not_measured_is_asked_for_in_one_line():
    with pytest.raises(UsageError, match=r"=val_auroc: is not measured; say metrics=\[accuracy,auroc\]"):
        check_measured(config(), data_of([1, 2]), {"reg.early_stopping.monitor": "val_auroc"})
    with pytest.raises(UsageError, match="headline=mae: the task is classification; choose one of loss, acc"):
        check_measured(config(metrics={"names": ["accuracy"], "extra": {}}, headline="mae"), data_of([1, 2]), {})


def test_a_headline_is_measured_though_it_is_not_asked_for():
    assert metric_names(config(headline="auroc"), Classification) == ["accuracy", "auroc"]
    assert metric_names(config(headline="accuracy"), Classification) == ["accuracy"]
    assert metric_names(config(headline="loss"), Classification) == ["accuracy"]


def test_a_library_that_is_missing_is_named_with_the_command(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torchmetrics", None)
    assert find_spec("torchmetrics") is None
    for name in ("f1", "recall_per_class", "auroc", "ece", "mcc"):
        asked = config(metrics={"names": [name], "extra": {}})
        with pytest.raises(UsageError, match=rf"metrics={name}: needs torchmetrics; pip install 'regab\[metrics\]'"):
            metrics_of(asked, data_of([1, 2]))
    without = [name for name in OF_CLASSES if not metrics()[name].needs]
    assert {"balanced_accuracy", "log_loss", "brier", "perplexity", "top5"} <= {*without}
    metrics_of(config(metrics={"names": without, "extra": {}}), data_of([1, 2], classes=7))


@pytest.fixture
def labelled():
    """Outputs of two runs for four labels, of which no example has the last but one, and what is measured."""
    torch.manual_seed(0)
    y = (torch.rand(600, 4) < torch.tensor([0.5, 0.2, 0.0, 0.1])).float()
    x = (torch.randn(600, 4) + 1.5 * y).round(decimals=1)
    nothing = Split(x[:0], y[:0])
    data = Data(Split(x, y), nothing, nothing, classes=4, task=Multilabel())
    names = ["f1", "precision", "recall", "auroc", "average_precision", "accuracy", "recall_per_class"]
    measured = metrics_of(config(metrics={"names": names, "extra": {}}), data)
    return x, y, data, measured


def test_several_labels_are_measured_as_scikit_learn_means_over_them(labelled):
    x, y, data, measured = labelled
    found = evaluate(Few(), data, data.task, measured)
    flipped = torch.cat([x[:512].flip(0), x[512:].flip(0)])
    there = [0, 1, 3]
    for run, outputs in enumerate((x, flipped)):
        for name in ("f1", "precision", "recall"):
            score = getattr(sklearn, f"{name}_score")
            expected = score(y[:, there], outputs[:, there] > 0, average="macro")
            assert found[f"train_{name}"][run].item() == pytest.approx(expected, abs=1e-6)
        for name, score in (("auroc", sklearn.roc_auc_score), ("average_precision", sklearn.average_precision_score)):
            expected = score(y[:, there], outputs[:, there], average="macro")
            assert found[f"train_{name}"][run].item() == pytest.approx(expected, abs=1e-6)
        assert found["train_accuracy"][run].item() == pytest.approx(((outputs > 0) == y).double().mean().item())
        for label in there:
            expected = sklearn.recall_score(y[:, label], outputs[:, label] > 0)
            assert found[f"train_recall_{label}"][run].item() == pytest.approx(expected, abs=1e-6)
    assert found["train_recall_2"].isnan().all()
    assert undefined_words(measured, data) == ["not defined (nan): train_recall_2; no example is of label 2"]


def test_of_two_labels_each_is_one_that_an_example_has_or_has_not():
    torch.manual_seed(1)
    y = (torch.rand(300, 2) < torch.tensor([0.5, 0.2])).float()
    x = torch.randn(300, 2) + y
    nothing = Split(x[:0], y[:0])
    data = Data(Split(x, y), nothing, nothing, classes=2, task=Multilabel())
    found = evaluate(Few(), data, data.task, metrics_of(config(metrics={"names": ["f1", "recall"], "extra": {}}), data))
    for name in ("f1", "recall"):
        expected = getattr(sklearn, f"{name}_score")(y, x > 0, average="macro")
        assert found[f"train_{name}"][0].item() == pytest.approx(expected, abs=1e-6)


def test_several_targets_are_measured_as_a_mean_over_them():
    torch.manual_seed(0)
    y, x = torch.randn(40, 3).double() * torch.tensor([1.0, 10.0, 100.0]), torch.randn(40, 3)
    task, nothing = Regression(), Split(x[:0], y[:0])
    scale = task.scale(y)
    data = Data(Split(x, scale(y)), nothing, nothing, classes=3, task=task, scale=scale)
    names = ["mae", "mape", "pinball", "spearman", "rmse", "r2"]
    found = evaluate(Few(), data, task, metrics_of(config(metrics={"names": names, "extra": {}}), data))
    predicted = scale.back(x)
    for name in names:
        expected = np.mean([OF_NUMBERS[name](y[:, t].numpy(), predicted[:, t].numpy()) for t in range(3)])
        assert found[f"train_{name}"][0].item() == pytest.approx(expected, rel=1e-5)


def test_the_five_largest_of_five_are_refused():
    asked = config(metrics={"names": ["top5"], "extra": {}})
    with pytest.raises(UsageError, match="metrics=top5: there are 3 classes only, which are always among the first"):
        metrics_of(asked, data_of([0]))
    assert list(metrics_of(asked, data_of([0], classes=6))) == ["top5"]


class Pixels(Task):
    """A class for each of four places, outputs ``[V, n, K, 4]``."""

    metrics = ("accuracy", "f1")
    measured_as = "classification"

    def losses(self, outputs, y):
        return outputs.logsumexp(2).mean(-1)

    def answers(self, y, outputs):
        return [(outputs, 4)]

    def predictions(self, outputs, y):
        return [(outputs.transpose(2, 3).flatten(1, 2), y.flatten())]


class Few:
    """What evaluation asks of a stack, whose outputs are its inputs."""

    size, activations = 2, 0

    def __call__(self, x, shared):
        return torch.stack([x, x.flip(0)])

    def set_training(self, training):
        pass


def test_a_task_of_other_shapes_is_measured_as_one_that_metrics_know():
    x, y = torch.randn(700, 3, 4), torch.randint(3, (700, 4))
    nothing = Split(x[:0], y[:0])
    data = Data(Split(x, y), nothing, nothing, classes=3, task=Pixels())
    measured = metrics_of(config(metrics={"names": ["accuracy", "f1", "log_loss"], "extra": {}}), data)
    found = evaluate(Few(), data, data.task, measured)
    for run, outputs in enumerate((x, torch.cat([x[:512].flip(0), x[512:].flip(0)]))):  # in two chunks
        flat = outputs.transpose(1, 2).reshape(-1, 3)
        assert found["train_accuracy"][run].item() == sklearn.accuracy_score(y.flatten(), flat.argmax(1))
        expected = sklearn.f1_score(y.flatten(), flat.argmax(1), average="macro")
        assert found["train_f1"][run].item() == pytest.approx(expected, abs=1e-6)
        nats = sklearn.log_loss(y.flatten(), softmax(flat.double().numpy(), -1))
        assert found["train_log_loss"][run].item() == pytest.approx(nats, abs=1e-6)
        assert found["train_loss"][run].item() == pytest.approx(outputs.logsumexp(1).mean().item(), abs=1e-6)
    with pytest.raises(UsageError, match="metrics=mae: is for regression"):
        metrics_of(config(metrics={"names": ["mae"], "extra": {}}), data)
    lost = type("Lost", (Task,), {"measured_as": "ranking"})
    with pytest.raises(UsageError, match="ranking"):
        metrics_of(config(metrics={"names": ["accuracy"], "extra": {}}), data_of([1], task=lost()))


def test_a_column_of_a_class_is_labelled_by_its_name():
    columns = metrics()["f1_per_class"]().columns("f1_per_class", [(torch.empty(0, 6, 3), torch.arange(6) % 3)])
    kept = kept_measures(columns, ("ape", "7"))  # the third has no name
    assert {name: measure["label"] for name, measure in kept.items()} == {
        "f1_0": "F1 of ape",
        "f1_1": "F1 of class 7",
        "f1_2": "F1 of class 2",
    }
    assert [measure["unit"] for measure in kept.values()] == [measure["label"] for measure in kept.values()]
    one = (torch.empty(0, 6, 2), torch.arange(6) % 2)
    several = metrics()["recall_per_class"]().columns("recall_per_class", [one, one])
    assert [m["label"] for m in kept_measures(several, ("dog", "cat")).values()] == ["recall of dog", "recall of cat"]


def test_a_column_is_copied_with_its_measure_in_other_processes_too():
    accuracy = column("val_accuracy")
    for copied in (pickle.loads(pickle.dumps(accuracy)), copy.deepcopy(accuracy)):
        assert (copied, type(copied), copied.measure) == (accuracy, Column, accuracy.measure)


def test_the_best_value_is_the_end_of_the_range_that_is_better():
    best = {name: measure_of(name).best for name in ("accuracy", "r2", "brier", "rmse", "mcc")}
    assert best == {"accuracy": 1, "r2": 1, "brier": 0, "rmse": 0, "mcc": 1}


def test_of_several_numbers_for_an_example_the_mean_is_taken():
    means = torch.tensor([[1.0, 2.0], [3.0, 5.0]])
    assert Mean().finish(means, torch.empty(0), 1.0).tolist() == [1.5, 4.0]
    assert Mean().finish(means[0], torch.empty(0), 1.0).tolist() == [1.0, 2.0]
