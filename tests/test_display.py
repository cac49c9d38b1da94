"""What is shown while a sweep is trained."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from regab.config import Run
from regab.watchers import display as shown_by
from regab.watchers.base import Planned
from regab.watchers.display import Display, _Live


def sweep_of(*rates):
    runs = {rate: Run({"epochs": 4, "seed": 0}, Path(rate), {}) for rate in rates}
    for rate, run in runs.items():
        vars(run)["digest"] = rate  # in place of what is computed of a whole configuration
    return Planned(Path("sweep"), runs, {}, {rate: f"dropout.rate={rate}" for rate in rates})


def shown(live):
    live.began, console = 0.0, Console(width=100, force_terminal=False)
    with pytest.MonkeyPatch.context() as patch, console.capture() as captured:
        patch.setattr(shown_by, "time", SimpleNamespace(monotonic=lambda: 10.0))
        console.print(live._render())
    return [line.rstrip() for line in captured.get().splitlines()]


def test_the_live_table_has_its_head_its_bar_and_each_variant_on_lines_of_their_own():
    display = Display()
    display.planned(sweep_of("0", "0.5"))
    display.epochs["0"] = 2
    live = _Live(display)
    live.best = {"dropout.rate=0": (0.5, "epoch 2/4  fair"), "dropout.rate=0.5": (0.9, "epoch 1/4  good")}
    head, bar, *variants = shown(live)
    assert head == "0 of 2 runs done, 10 s, 30 s left"  # a quarter of the epochs in ten seconds
    assert set(bar) == {"━"}
    assert variants == ["dropout.rate=0.5  epoch 1/4  good", "dropout.rate=0    epoch 2/4  fair"]


def test_the_live_table_keeps_the_best_epoch_of_each_variant_and_has_the_best_variant_first():
    display = Display()
    planned = sweep_of("0", "0.5")
    display.planned(planned)
    live = display.live = _Live(display)
    for rate, accuracies in {"0": (0.9, 0.3, 0.6, 0.5), "0.5": (0.9, 0.7, 0.8, 0.4)}.items():
        for epoch, accuracy in enumerate(accuracies):  # row 0 is the untrained model, which is no result
            row = {"epoch": epoch, "val_loss": 1 - accuracy, "val_accuracy": accuracy}
            display.epoch(planned.runs[rate], row | {"train_loss": None})
    _, _, *variants = shown(live)
    assert variants == [
        "dropout.rate=0.5  epoch 2/4  val 0.2000 (80.00%)",
        "dropout.rate=0    epoch 2/4  val 0.4000 (60.00%)",
    ]


def test_a_run_that_ended_early_is_done_and_what_workers_say_aloud_is_printed_once(capsys):
    display = Display()
    planned = sweep_of("0", "0.5")
    display.planned(planned)
    row = {"epoch": 1, "val_loss": 0.5, "val_accuracy": 0.5, "train_loss": None}
    display.epoch(planned.runs["0"], row)
    display.ended(planned.runs["0"], None, "no reason", "")
    for text, aloud in (("model: a", True), ("quiet", False), ("model: a", True)):
        display.noted(text, aloud)
    assert capsys.readouterr().out.splitlines() == ["1/2 0: failed: no reason", "model: a"]
    assert shown(_Live(display))[0] == "1 of 2 runs done, 6.0 runs per minute, 10 s, 40 s left"  # of 1 + 4 epochs


def test_of_many_variants_twenty_runs_have_a_line_and_those_that_fail(capsys):
    display = Display()
    planned = sweep_of(*map(str, range(100)))
    display.planned(planned)
    result = {"selected": {"epoch": 4}, "metrics": {}, "task": None}
    for number, run in enumerate(planned.runs.values(), 1):
        display.ended(run, None if number == 7 else result, "no reason" if number == 7 else "", "")
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["5/100 4: epoch 4", "7/100 6: failed: no reason", "10/100 9: epoch 4"]
    assert len(lines) == 21
    assert lines[-1].startswith("100/100 ")


@pytest.mark.parametrize(("width", "height"), [(100, 12), (60, 12), (40, 10), (24, 8)])
def test_the_live_table_is_never_higher_than_its_terminal_and_shows_whose_validation_it_is(width, height):
    display = Display()
    display.planned(sweep_of("0", "0.5"))
    live = _Live(display)
    long = "epoch  26/100  train 0.1093 (98.35%)  val 0.1508 (97.57%)"
    live.best = {f"dropout.rate=0.{i:02}, norm.kind=batch": (i, long) for i in range(40)}
    live.began, console = 0.0, Console(width=width, height=height, force_terminal=False)
    with pytest.MonkeyPatch.context() as patch, console.capture() as captured:
        patch.setattr(shown_by, "time", SimpleNamespace(monotonic=lambda: 10.0))
        console.print(live._render())
    lines = captured.get().splitlines()
    assert len(lines) < height
    assert max(map(len, lines)) <= width
    assert any("dropout.rate=0.39" in line for line in lines)  # the best
    assert lines[-1].startswith("and 3")
    assert ("val 0.1508 (97.57%)" in captured.get()) == (width >= 40)
    assert ("train 0.1093" in captured.get()) == (width >= 60)


@pytest.mark.parametrize(("kind", "live"), [("xterm-256color", True), ("dumb", False), ("unknown", False)])
def test_a_terminal_that_cannot_take_back_lines_gets_plain_ones(monkeypatch, capsys, kind, live):
    monkeypatch.setenv("TERM", kind)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    display = Display()
    planned = sweep_of("0", "0.5")
    display.planned(planned)
    assert (display.live is not None) == live
    result = {"selected": {"epoch": 4, "val_accuracy": 0.5, "test_accuracy": 0.5}, "task": "classification"}
    display.ended(planned.runs["0"], result, "", "")
    display.closed()
    assert ("1/2 0: epoch 4, val accuracy 50.00%" in capsys.readouterr().out) == (not live)
