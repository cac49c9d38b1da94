"""What a run of a large sweep costs beyond its training: ``python -m tests.benchmarks.many [RUNS …]``.

CPU seconds of the whole command and of all its processes for as many runs of a tiny network, trained for 1 and for 4
epochs, extrapolated to none; of several rounds the medians.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from statistics import median

from tests.benchmarks import cpu

SIZES = (256, 1024)
SEEDS = 16
EPOCHS = (1, 4)
ROUNDS = 3


def command(runs: int, epochs: int, folder: str) -> list[str]:
    """A sweep of so many runs."""
    decays = ",".join(f"{variant * 1e-5:g}" for variant in range(runs // SEEDS))
    words = ["model=mlp", "model.widths=[8]", f"epochs={epochs}", f"reg.weight_decay={decays}", f"seed=range({SEEDS})"]
    return [sys.executable, "-m", "regab", "train", "-m", *words, f"hydra.sweep.dir={folder}"]


def measured(runs: int, epochs: int) -> float:
    """CPU seconds of the command and of all its processes."""
    before = cpu.children()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(command(runs, epochs, f"{folder}/sweep"), check=True, stdout=subprocess.DEVNULL)
    return cpu.children() - before


def main() -> None:
    print(f"{'':10}" + "".join(f"{f'{epochs} epochs':>12}" for epochs in EPOCHS) + f"{'none, per run':>16}", flush=True)
    for runs in map(int, sys.argv[1:] or SIZES):
        rounds = [[measured(runs, epochs) for epochs in EPOCHS] for _ in range(ROUNDS)]
        few, many = map(median, zip(*rounds, strict=True))
        none = few - EPOCHS[0] * (many - few) / (EPOCHS[1] - EPOCHS[0])
        print(f"{runs:5} runs{few:10.1f} s{many:10.1f} s{1e3 * none / runs:13.1f} ms", flush=True)


if __name__ == "__main__":
    main()
