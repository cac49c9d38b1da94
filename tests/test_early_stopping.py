"""Early stopping on hand-written traces."""

import json
import math

import numpy as np
import pytest
import torch

from regab.regularizers.early_stopping import EarlyStopping
from tests.conftest import SMALL, curves

# losses of epochs 1, 2, …; options; the selected epoch; the epoch after which training stops (None: never)
TRACES = {
    "patience 1 stops at the first rise": ([1.0, 0.9, 0.95, 0.5], {"patience": 1}, 2, 3),
    "patience 2 forgives one": ([1.0, 0.9, 0.95, 0.8, 0.85, 0.9], {"patience": 2}, 4, 6),
    "a tie is no improvement": ([1.0, 1.0, 1.0, 1.0], {"patience": 2}, 1, 3),
    "never improving stops after patience epochs": ([1.0, 1.1, 1.2, 1.3], {"patience": 2}, 1, 3),
    "always improving never stops": ([1.0, 0.9, 0.8, 0.7], {"patience": 1}, 4, None),
    "too small a step is no improvement": ([1.0, 0.95, 0.9, 0.85], {"patience": 2, "min_delta": 0.1}, 1, 3),
    "small steps add up": ([1.0, 0.95, 0.85, 0.84], {"patience": 2, "min_delta": 0.1}, 3, None),
    "a step of exactly min_delta is none": ([1.0, 0.5, 0.5], {"patience": 2, "min_delta": 0.5}, 1, 3),
    "the best is kept though training goes on": ([1.0, 0.5, 0.6, 0.7], {"patience": 10}, 2, None),
    "nan is no improvement": ([1.0, math.nan, math.nan], {"patience": 2}, 1, 3),
    "nan is never the best": ([math.nan, math.nan, 0.9, 1.0], {"patience": 4}, 3, None),
    "nan throughout leaves the first": ([math.nan, math.nan, math.nan], {"patience": 2}, 1, 3),
    "neutral selects the last": ([1.0, 0.5, 0.6, 0.7], {"patience": math.inf}, 4, None),
}


@pytest.mark.parametrize("trace", TRACES)
def test_a_trace_is_stopped_where_it_should_be(trace):
    losses, options, selected, end = TRACES[trace]
    rule = EarlyStopping(**options)
    history = np.array([[9.0], *[[loss] for loss in losses]])
    stops = {}
    for epoch in range(1, len(losses) + 1):
        chosen, stop = rule.stopped({"val_loss": history[: epoch + 1]})
        if stop[0]:
            stops[epoch] = chosen[0]
        last = chosen[0]
    assert min(stops, default=None) == end
    assert stops.get(end, last) == selected


def test_accuracy_is_monitored_upwards():
    rule = EarlyStopping(patience=1, monitor="val_accuracy")
    history = {"val_accuracy": np.array([[0.1], [0.5], [0.7], [0.6]])}
    selected, stop = rule.stopped(history)
    assert selected == [2]
    assert stop == [True]


def test_an_accuracy_that_is_nan_is_not_the_best():
    history = {"val_accuracy": np.array([[0.1], [math.nan], [0.7], [math.nan]])}
    assert EarlyStopping(patience=3, monitor="val_accuracy").stopped(history)[0] == [2]


def test_each_run_has_its_own_patience():
    rule = EarlyStopping(patience=np.array([1.0, 2.0, math.inf]), min_delta=np.zeros(3))
    history = {"val_loss": np.array([[9.0] * 3, [1.0] * 3, [1.1] * 3])}
    selected, stop = rule.stopped(history)
    assert selected.tolist() == [1, 1, 2]
    assert stop.tolist() == [True, False, False]


def test_a_stopped_run_writes_no_more_rows_and_the_others_go_on_undisturbed(small):
    more = {"epochs": 8, "optimizer.lr": 0.3}
    stopping, plain = small(more | {"reg.early_stopping.patience": 1}), small(more | {"seed": 1})
    (alone,) = curves(plain)
    stopped, beside = curves(stopping, plain)
    assert len(stopped["epoch"]) < 9
    np.testing.assert_array_equal(alone["val_loss"], beside["val_loss"])


def test_each_run_that_stops_by_itself_saves_its_own_weights(regab):
    words = ("epochs=8", "optimizer.lr=0.3", "reg.early_stopping=1,2,inf", "seed=0,1,2", "stack.workers=0")
    ends = set()
    for file in regab("train", "-m", *SMALL, *words).folder.glob("*/result.json"):
        result = json.loads(file.read_text())
        weights = torch.load(file.with_name("model.pt"), weights_only=True).values()
        norm = math.sqrt(sum(float(w.double().square().sum()) for w in weights if w.ndim > 1))
        assert norm == pytest.approx(result["selected"]["l2_norm"], rel=1e-6)
        ends.add((result["last"]["epoch"], norm))
    assert len({epoch for epoch, _ in ends}) > 2
    assert len(ends) == 9
