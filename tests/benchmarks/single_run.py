"""What regab costs over a bare PyTorch loop for one run: ``python -m tests.benchmarks.single_run``.

Step: an epoch of regab's loop against an epoch of an ordinary tensor-indexed loop with the same network, data, batch
size and Adam, in turns in one process, one thread. Start-up: a whole 2-epoch run on digits against ``import torch``,
in turns. Medians, and ratios of medians.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch
from torch import nn

from regab.data.split import Data, Split
from regab.models.cnn import CNN
from regab.models.mlp import MLP
from regab.regularizers.base import Chain
from regab.tasks.classification import Classification
from regab.training.assembly.forward import stacks_well
from regab.training.loop import Training, train_epoch
from regab.training.noise import Noise
from regab.training.optimizer import Adam
from regab.training.schedule import Constant
from regab.training.stack import Stack
from regab.training.stopping import Stopping
from regab.training.watch import Watch

CASES = {
    "mlp 64-128-128-10, batch 64": (lambda: MLP((64,), 10, [128, 128]), (64,), 1149, 64),
    "mlp 784-512-512-10, batch 128": (lambda: MLP((784,), 10, [512, 512]), (784,), 2048, 128),
    "cnn 8×8, batch 64": (lambda: CNN((1, 8, 8), 10, [32], [128]), (1, 8, 8), 1149, 64),
    "cnn 28×28, batch 128": (lambda: CNN((1, 28, 28), 10, [32], [128]), (1, 28, 28), 1024, 128),
}


def regab_epoch(model: nn.Module, train: Split, batch_size: int) -> Callable[[], object]:
    """One epoch of regab's loop for a stack of one run."""
    cpu = torch.device("cpu")
    noise = Noise([0], cpu)
    stack = Stack([model], noise.run_to_seed, train.x[:2], vmapped=stacks_well(model, cpu), device=cpu)
    data = Data(train, train, train, 10)
    watch, lr, epochs = Watch(stack, Stopping([]), np.zeros(1, dtype=int), 10**6), torch.tensor([1e-3]), 10**6
    parts = (Chain({}), Adam(), Constant(), noise, watch, lr, epochs, batch_size)
    training = Training(["run"], stack, data, Classification(), {}, *parts)

    def epoch() -> object:
        training.epoch += 1
        return train_epoch(training, training.epoch)

    return epoch


def bare_epoch(model: nn.Module, train: Split, batch_size: int) -> Callable[[], object]:
    """One epoch as it is usually written."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def epoch() -> object:
        total = torch.zeros(())
        for rows in torch.randperm(len(train)).split(batch_size):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(train.x[rows]), train.y[rows])
            loss.backward()
            optimizer.step()
            total += loss.detach()
        return total

    return epoch


def in_turns(rivals: list[Callable[[], object]], rounds: int) -> list[float]:
    """Median seconds of each."""
    times: list[list[float]] = [[] for _ in rivals]
    for _ in range(rounds):
        for rival, taken in zip(rivals, times, strict=True):
            start = time.perf_counter()
            rival()
            taken.append(time.perf_counter() - start)
    return [median(taken) for taken in times]


def steps() -> None:
    print(f"{'training step':34}{'regab':>10}{'bare':>10}{'ratio':>8}")
    for name, (make, shape, n, batch_size) in CASES.items():
        train = Split(torch.randn(n, *shape), torch.randint(10, (n,)))
        rivals = [build(make(), train, batch_size) for build in (regab_epoch, bare_epoch)]
        in_turns(rivals, 3)
        ours, theirs = (1e6 * t / -(-n // batch_size) for t in in_turns(rivals, 40))
        print(f"{name:34}{ours:8.0f}us{theirs:8.0f}us{ours / theirs:8.2f}")


def start_up() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = [sys.executable, "-m", "regab", "train", "epochs=2", f"hydra.run.dir={folder}/run"]
        commands = [run, [sys.executable, "-c", "import torch"]]
        rivals = [lambda c=c: subprocess.run(c, check=True, capture_output=True) for c in commands]
        in_turns(rivals, 1)
        ours, theirs = in_turns(rivals, 7)
    print(f"{'digits, 2 epochs, all files':34}{ours:9.2f}s{theirs:9.2f}s{ours / theirs:8.2f}  (bare: import torch)")


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    steps()
    start_up()
