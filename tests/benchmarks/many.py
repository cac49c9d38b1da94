"""What a run of a large sweep costs beyond its training: ``python -m tests.benchmarks.many [RUNS …]``.

CPU seconds of the whole command and of all its processes for as many runs of a tiny network, trained for 1 and for 4
epochs, extrapolated to none; of several rounds the medians. All files stay until the end (45 KB a run): for some
minutes, ext4 passes over the inodes of what was deleted, and a sweep begun then took up to 1.4 ms per run longer.
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


def measured(runs: int, epochs: int, folder: str) -> float:
    """CPU seconds of the command and of all its processes."""
    before = cpu.children()
    subprocess.run(command(runs, epochs, folder), check=True, stdout=subprocess.DEVNULL)
    return cpu.children() - before


def main() -> None:
    print(f"{'':10}" + "".join(f"{f'{epochs} epochs':>12}" for epochs in EPOCHS) + f"{'none, per run':>16}", flush=True)
    with tempfile.TemporaryDirectory() as root:
        for runs in map(int, sys.argv[1:] or SIZES):
            places = [[f"{root}/{runs}-{epochs}-{number}" for epochs in EPOCHS] for number in range(ROUNDS)]
            rounds = [[measured(runs, *each) for each in zip(EPOCHS, part, strict=True)] for part in places]
            few, many = map(median, zip(*rounds, strict=True))
            none = few - EPOCHS[0] * (many - few) / (EPOCHS[1] - EPOCHS[0])
            print(f"{runs:5} runs{few:10.1f} s{many:10.1f} s{1e3 * none / runs:13.1f} ms", flush=True)


if __name__ == "__main__":
    main()
