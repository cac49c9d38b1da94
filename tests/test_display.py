"""What is shown while a sweep is trained."""

import time
from pathlib import Path

from rich.console import Console

from regab.config import Run
from regab.watchers.display import Display, _Live


def test_the_live_table_has_its_head_its_bar_and_each_variant_on_lines_of_their_own(tmp_path):
    config = {"epochs": 4, "seed": 0}
    runs = {rate: Run(config, Path(rate), {"reg.dropout.rate": rate}) for rate in ("0", "0.5")}
    display = Display(tmp_path, runs)
    display.epochs["0"] = 2
    live = _Live(display)
    live.began = time.monotonic() - 10
    live.best = {live.variant["0"]: (0.5, "epoch 2/4  fair"), live.variant["0.5"]: (0.9, "epoch 1/4  good")}
    console = Console(width=100, force_terminal=False)
    with console.capture() as shown:
        console.print(live._render())
    head, bar, *variants = [line.rstrip() for line in shown.get().splitlines()]
    assert head == "0 of 2 runs done, 10 s, 30 s left"  # a quarter of the epochs in ten seconds
    assert set(bar) == {"━"}
    assert variants == ["dropout.rate=0.5  epoch 1/4  good", "dropout.rate=0    epoch 2/4  fair"]
