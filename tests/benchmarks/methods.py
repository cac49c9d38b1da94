"""What each method costs in a training step: ``python -m tests.benchmarks.methods [METHOD …]``.

An epoch with the method at its preset against one without any, in turns in one process, one thread: 16 runs of
64-128-128-10 on digits (stacked) and one run of the small CNN on digits, batches of 64, Adam. Medians of the ratio of
neighbours. Building a model differently (norm) counts as part of the step; averaging after an epoch is measured apart.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from statistics import quantiles

import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from regab.command.plugins import register
from regab.config import CONF, check
from regab.regularizers import methods
from regab.training.assembly.setup import set_up
from regab.training.loop import train_epoch
from regab.training.process import tune

CASES = {"16 MLPs": (16, "model=mlp", "model.widths=[128,128]"), "1 CNN": (1, "model=cnn")}
ROUNDS = 15


def epoch_of(runs: int, *overrides: str) -> Callable[[], float]:
    """A function that trains another epoch and says how many seconds it took."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_container(compose("config", ["device=cpu", "epochs=1000", *overrides]), resolve=True)
    training = set_up([check(config | {"seed": seed % 4}) for seed in range(runs)])

    def epoch() -> float:
        began = time.perf_counter()
        train_epoch(training, training.epoch + 1)
        training.epoch += 1
        return time.perf_counter() - began

    return epoch


def cost(runs: int, model: tuple[str, ...], preset: str) -> str:
    """The share of a step that a method adds: median and quartiles."""
    plain, active = epoch_of(runs, *model), epoch_of(runs, *model, f"reg={preset}")
    plain(), active()
    low, middle, high = quantiles([100 * (active() / plain() - 1) for _ in range(ROUNDS)], n=4)
    return f"{middle:+5.0f} % [{low:+.0f}, {high:+.0f}]"


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    tune()
    register(claim=False)
    print(f"{'':20}" + "".join(f"{case:>24}" for case in CASES))
    for name in names or methods():
        print(f"{name:20}" + "".join(f"{cost(runs, model, name):>24}" for runs, *model in CASES.values()), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
