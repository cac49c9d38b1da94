"""What its runs' files cost a process that trains: ``python -m tests.benchmarks.writing [RUNS …]``.

CPU milliseconds per run of the process that trains a stack of small networks on digits, beside training: for each row,
and for the end of a run. Written by itself, and by ``Writers``, as where it trains on a GPU.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from regab.command.plugins import register
from regab.config import CONF, Run, check
from regab.workers import writers
from regab.workers.journal import Journals
from regab.workers.plan import Chunk
from regab.workers.trainer import Open, train_chunk

SIZES = (64, 256, 1024)
EPOCHS = 5


class Timed:
    """``Journals`` or ``Writers``, and the CPU seconds that each of their calls takes here."""

    def __init__(self, made: Open) -> None:
        self.made, self.seconds = made, list[float]()

    def __call__(self, *content: Any) -> Any:
        self.journals = self.made(*content)
        return self

    def _timed(self, call: Callable[..., Any], *content: Any) -> Any:
        begun = time.process_time()
        events = call(*content)
        self.seconds.append(time.process_time() - begun)
        return events

    def note(self, *epoch: Any) -> Any:
        return self._timed(self.journals.note, *epoch)

    def written(self) -> Any:
        return self._timed(self.journals.written)


def chunk(runs: int, folder: Path) -> Chunk:
    """So many runs as one stack."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        words = ["model=mlp", "model.widths=[32]", f"epochs={EPOCHS}"]
        config: Any = OmegaConf.to_container(compose("config", words), resolve=True)
    configs = [check(config | {"seed": seed}) for seed in range(runs)]
    return Chunk([Run(config, folder / str(i), {}) for i, config in enumerate(configs)])


def measured(runs: int, made: Open) -> tuple[float, float]:
    """Milliseconds per row and per end."""
    timed = Timed(made)
    with tempfile.TemporaryDirectory() as folder:
        train_chunk(chunk(runs, Path(folder)), Path(folder), lambda events: None, lambda: False, 1, timed)
    row = sum(timed.seconds[1:EPOCHS]) / (EPOCHS - 1)  # the first begins their files
    return 1e3 * row / runs, 1e3 * (sum(timed.seconds[EPOCHS:]) - row) / runs


def main() -> None:
    torch.set_num_threads(1)
    register(claim=False)
    several = writers.Writers()
    print(
        f"{'':10}{'by itself':>20}{f'by {len(several.pipes)} writers':>20}\n{'':10}{2 * f'{chr(32):4}a row   an end'}"
    )
    try:
        for runs in map(int, sys.argv[1:] or SIZES):
            found = [measured(runs, made) for made in (Journals, several.open)]
            print(f"{runs:5} runs" + "".join(f"{row:9.3f}{end:9.3f}  " for row, end in found), flush=True)
    finally:
        several.close()


if __name__ == "__main__":
    main()
