"""What composing the configurations of a sweep takes, against Hydra's own: ``python -m tests.benchmarks.compose``."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode

from regab.command.compose import Composer, without_hydra
from regab.command.plugins import register
from regab.config import CONF, plain

PART = 20  # of the 1,000 runs, those that Hydra composes


def composers() -> tuple[Composer, Callable[[list[str]], dict]]:
    """regab's and Hydra's own, which take the overrides of a run. To be called where Hydra is initialized."""
    hydra = GlobalHydra.instance().hydra
    loader = hydra.config_loader
    master = hydra.compose_config("config", [], run_mode=RunMode.MULTIRUN)
    return Composer(loader, master), lambda words: plain(without_hydra(loader.load_sweep_config(master, words)))


def milliseconds(compose: Callable[[list[str]], dict], jobs: list[list[str]]) -> float:
    start = time.perf_counter()
    for words in jobs:
        compose(words)
    return 1e3 * (time.perf_counter() - start) / len(jobs)


def main() -> None:
    register(claim=False)
    levels = itertools.product(range(10), range(10), range(10))
    jobs = [
        ["model=mlp", "reg.norm.kind=batch", f"reg.dropout.rate={d / 20}", f"reg.l2.strength={s}e-4", f"seed={seed}"]
        for d, s, seed in levels
    ]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        ours, hydras = composers()
        times = milliseconds(ours, jobs), milliseconds(hydras, jobs[:: len(jobs) // PART])
    print(f"per run: regab {times[0]:.2f} ms, Hydra {times[1]:.1f} ms: {times[1] / times[0]:.0f}×")


if __name__ == "__main__":
    main()
