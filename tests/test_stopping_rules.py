"""Prechelt's stopping rules on hand-written traces, in training and after the fact."""

import numpy as np
import pytest
import scipy.stats

from regab.analysis.stopping import chosen, stopping
from regab.analysis.table import read
from regab.errors import UsageError
from regab.regularizers.early_stopping import EarlyStopping
from tests.conftest import SMALL, curves
from tests.test_verdicts import write_sweep


def prechelt(rule, threshold, val, train, k):
    """Read off the definitions (Prechelt 1998, section 2), epoch by epoch: the epoch of the stop, None for never."""
    rising = 0
    for t in range(1, len(val) + 1):
        seen, strip = val[:t], train[max(t - k, 0) : t]
        loss = 100 * (seen[-1] / min(seen) - 1)
        if rule == "gl" and loss > threshold:
            return t
        if t % k:
            continue
        progress = 1000 * (sum(strip) / (k * min(strip)) - 1)
        if rule == "pq" and loss / progress > threshold:
            return t
        if t > k:
            rising = rising + 1 if val[t - 1] > val[t - 1 - k] else 0
        if rule == "up" and rising >= threshold:
            return t
    return None


def trace(seed, epochs=40):
    """Losses as of a run that overfits: validation falls, then rises, with noise; training falls.

    Row 0, the untrained model, takes no part in any rule, though it were the best of all.
    """
    rng, t = np.random.default_rng(seed), np.arange(epochs)
    val = 1 + np.exp(-t / 4) + 0.01 * np.maximum(t - 8, 0) + rng.normal(0, 0.02, epochs)
    train = 0.2 + np.exp(-t / 6) + np.abs(rng.normal(0, 0.02, epochs))
    return {"val_loss": np.r_[0.1, val], "train_loss": np.r_[9.0, train]}


@pytest.mark.parametrize("rule", ["gl", "pq", "up"])
@pytest.mark.parametrize("strip", [2, 3, 5])
def test_every_rule_stops_where_its_definition_says(rule, strip):
    traces, stops = [trace(seed) for seed in range(20)], set()
    side_by_side = {name: np.stack([curve[name] for curve in traces], 1) for name in traces[0]}
    for threshold in (0.5, 1.0, 2.0, 3.0, 20.0):
        expected = [prechelt(rule, threshold, c["val_loss"][1:], c["train_loss"][1:], strip) for c in traces]
        fitted = EarlyStopping(rule=rule, threshold=threshold, strip=strip)
        stopped = np.array([fitted.stopped({n: c[: t + 1] for n, c in side_by_side.items()})[1] for t in range(1, 41)])
        assert [int(run.argmax()) + 1 if run.any() else None for run in stopped.T] == expected
        stops.update(expected)
    assert len(stops) > 3  # the traces tell thresholds apart


@pytest.mark.parametrize(
    ("rule", "losses", "threshold", "end"),
    [
        ("gl", [1.0, 0.8, 0.81, 0.83, 0.9], 3.0, 4),  # 1.25 %, 3.75 %
        ("gl", [1.0, 1.5, 1.75], 50.0, 3),  # 50 % do not exceed 50 %
        ("up", [1.0, 0.9, 0.95, 0.96, 0.8, 0.81], 2.0, 4),
        ("up", [1.0, 0.9, 0.95, 0.80, 0.85, 0.9], 2.0, 6),
        ("up", [1.0, 1.0, 1.0, 1.1, 1.2], 2.0, 5),  # a tie is no rise
    ],
)
def test_a_trace_worked_out_by_hand(rule, losses, threshold, end):
    curve = {"val_loss": np.array([9.0, *losses]), "train_loss": np.ones(len(losses) + 1)}
    fitted = EarlyStopping(rule=rule, threshold=threshold, strip=1)
    _, fires = fitted.course({n: c[:, None] for n, c in curve.items()})
    assert fires.argmax() == end


def test_progress_of_training_puts_off_the_quotient_and_not_the_loss():
    """The same rise of validation: while training still falls fast, PQ waits; when training stands still, it stops."""
    val = np.r_[9.0, 1.0, 1.1, 1.1, 1.1]
    fast, still = np.r_[9.0, 1.0, 0.5, 0.2, 0.1], np.r_[9.0, 0.1, 0.1, 0.1, 0.1]
    for train, stops in ((fast, False), (still, True)):
        curve = {"val_loss": val[:, None], "train_loss": train[:, None]}
        assert EarlyStopping(rule="pq", threshold=2.0, strip=2).stopped(curve)[1][0] == stops
        assert EarlyStopping(rule="gl", threshold=2.0).stopped(curve)[1][0]


def test_accuracies_are_taken_as_errors():
    accuracy = np.array([0.1, 0.9, 0.94, 0.93, 0.92])[:, None]
    history = {"val_accuracy": accuracy, "train_loss": np.ones((5, 1))}
    _, fires = EarlyStopping(rule="gl", threshold=20.0, monitor="val_accuracy").course(history)
    assert fires[:, 0].tolist() == [False, False, False, False, True]  # 0.06, 0.07 (17 %), 0.08 (33 %)


def test_a_run_that_stops_by_a_rule_is_the_beginning_of_the_run_that_does_not(small):
    more = {"epochs": 12, "optimizer.lr": 0.1}
    (whole,) = curves(small(more))
    rule = {"reg.early_stopping.rule": "gl", "reg.early_stopping.threshold": 1.0}
    (stopped,) = curves(small(more | rule))
    _, (end,), _ = chosen(whole, "gl", [1.0])
    assert len(stopped["epoch"]) == end + 1 < 13
    np.testing.assert_array_equal(stopped["val_loss"], whole["val_loss"][: end + 1])


@pytest.mark.slow
def test_what_rules_would_have_chosen_is_what_they_choose_in_training(regab):
    words = ("train", "-m", *SMALL, "epochs=14", "optimizer.lr=0.05", "schedule=constant", "seed=range(3)")
    after = stopping(read([regab(*words).folder])).set_index(["rule", "threshold"])
    for rule, threshold in (("patience", 2), ("gl", 3), ("pq", 2), ("up", 2)):
        option = "patience" if rule == "patience" else "threshold"
        trained = regab(*words, f"reg.early_stopping.rule={rule}", f"reg.early_stopping.{option}={threshold}").folder
        table, row = read([trained]), after.loc[rule, threshold]
        assert row["mean"] == pytest.approx(table["selected_test_accuracy"].mean())
        assert row["epochs"] == table["last_epoch"].mean()
        assert row["epochs_saved"] == 14 - row["epochs"]
        assert row["share_saved"] == pytest.approx(row["epochs_saved"] / 14)
        assert row["stopped"] == (table["last_epoch"] < 14).sum()
    assert set(after["n"]) == {3}
    assert len(after) == 13 + 14  # every patience, and Prechelt's


def test_what_a_rule_would_have_chosen_is_summed_up_over_runs_with_their_interval(tmp_path):
    sweep = write_sweep(tmp_path / "a", [(rate, "0", seed, 0.9) for rate in ("0", "0.5") for seed in range(4)])
    chosen_by_hand = {}
    for i, run in enumerate(sorted(folder.parent for folder in sweep.glob("*/.hydra"))):
        curve = trace(i, epochs=20 + i % 4)
        accuracy = 1 - curve["val_loss"] / 4
        rows = zip(curve["train_loss"], curve["val_loss"], accuracy, strict=True)
        lines = ["train_loss,val_loss,test_accuracy", *(f"{a!r},{b!r},{c!r}" for a, b, c in rows)]
        (run / "metrics.csv").write_text("\n".join(lines).replace("np.float64(", "").replace(")", "") + "\n")
        best, last = 1, len(accuracy) - 1
        for end in range(2, last + 1):  # patience 3
            best = end if curve["val_loss"][end] < curve["val_loss"][best] else best
            if end - best == 3:
                break
        at = (accuracy[best], accuracy[-1], end, last, end < last)
        chosen_by_hand.setdefault(run.name.split("-")[0], []).append(at)
    after = stopping(read([sweep])).set_index(["variant", "rule", "threshold"])
    for rate, runs in chosen_by_hand.items():
        row = after.loc[f"dropout.rate={rate}", "patience", 3.0]
        value, at_last, ends, lasts, early = map(np.array, zip(*runs, strict=True))
        found = scipy.stats.ttest_1samp(value - at_last, 0).confidence_interval()
        expected = {"n": 4, "mean": value.mean(), "mean_difference": (value - at_last).mean()}
        expected |= {"ci_low": found.low, "ci_high": found.high, "epochs": ends.mean(), "stopped": early.sum()}
        expected |= {"epochs_saved": (lasts - ends).mean(), "share_saved": 1 - ends.sum() / lasts.sum()}
        assert row[[*expected]].to_dict() == pytest.approx(expected)
        assert row["stopped"] > 0


def test_runs_that_were_stopped_say_nothing_of_what_came_after(regab):
    words = ("train", "-m", *SMALL, "epochs=30", "optimizer.lr=0.3", "reg.early_stopping=1", "seed=0,1")
    with pytest.raises(UsageError, match=r"no run was trained to its end; train without reg\.early_stopping"):
        stopping(read([regab(*words).folder]))


def test_without_validation_data_there_is_no_rule(regab, tmp_path):
    sweep = write_sweep(tmp_path / "a", [("0", "0", 0, 0.9), ("0.5", "0", 0, 0.9)])
    for run in sweep.glob("*/.hydra"):
        (run.parent / "metrics.csv").write_text("train_loss,val_loss,test_accuracy\n2.3,,0.1\n1.0,,0.9\n")
    with pytest.raises(UsageError, match=r"has no val_loss to stop by; train with data\.val_fraction above 0"):
        stopping(read([sweep]))
    asked = regab("train", *SMALL, "data.val_fraction=0", "reg.early_stopping.rule=up")
    assert asked.err == "regab: reg.early_stopping.rule=up: needs data.val_fraction above 0\n"
