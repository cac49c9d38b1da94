"""What a run of a large sweep costs beyond its training: ``python -m tests.benchmarks.many [RUNS …]``.

CPU seconds of the whole command and of all its processes for as many runs of a tiny network, trained for 1 and for 4
epochs, extrapolated to none; of several rounds the medians.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from statistics import median

SIZES = (256, 1024)
SEEDS = 16
EPOCHS = (1, 4)
ROUNDS = 3


def command(runs: int, epochs: int, folder: str) -> list[str]:
    """A sweep of so many runs."""
    decays = ",".join(f"{variant * 1e-5:g}" for variant in range(runs // SEEDS))
    words = ["model=mlp", "model.widths=[8]", f"epochs={epochs}", f"reg.weight_decay={decays}", f"seed=range({SEEDS})"]
    return [sys.executable, "-m", "regab", "train", "-m", *words, f"hydra.sweep.dir={folder}"]


def cpu_seconds(words: list[str]) -> float:
    """What a command and its processes take of all processors."""
    before = os.times()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def measured(runs: int, epochs: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        return cpu_seconds(command(runs, epochs, f"{folder}/sweep"))


def main() -> None:
    print(f"{'':10}" + "".join(f"{f'{epochs} epochs':>12}" for epochs in EPOCHS) + f"{'none, per run':>16}", flush=True)
    for runs in map(int, sys.argv[1:] or SIZES):
        rounds = [[measured(runs, epochs) for epochs in EPOCHS] for _ in range(ROUNDS)]
        few, many = map(median, zip(*rounds, strict=True))
        none = few - EPOCHS[0] * (many - few) / (EPOCHS[1] - EPOCHS[0])
        print(f"{runs:5} runs{few:10.1f} s{many:10.1f} s{1e3 * none / runs:13.1f} ms", flush=True)


if __name__ == "__main__":
    main()
