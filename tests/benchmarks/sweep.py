"""A whole sweep, start-up, figure and files included, against how it is usually done:

``python -m tests.benchmarks.sweep [digits_mlp | mnist_mlp | digits_cnn] …``.

(a) Hydra's basic launcher around an ordinary DataLoader loop, (b) a fresh process per run, two at a time, (c)
Lightning with its CSVLogger under Hydra's basic launcher (if it is installed). All evaluate training and validation
data after every epoch and write a CSV; regab evaluates the test data too. regab runs before, between and after its
rivals; ratios are of its median. Of (b) and (c) a part of the runs is trained, evenly spread, and their time taken
times the rest: they begin anew with every run.
"""

from __future__ import annotations

import importlib.util
import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from tests.benchmarks.rivals.workloads import WORKLOADS, Workload

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
PART = 8  # runs of (b) and (c) that are trained
Words = list[str]


def listed(values: tuple[float, ...] | range) -> str:
    return ",".join(str(value) for value in values)


def regab(workload: Workload, seeds: int, folder: str) -> Words:
    """regab's command."""
    factors = [f"reg.dropout.rate={listed(workload.dropouts)}", f"reg.weight_decay.strength={listed(workload.decays)}"]
    fixed = [f"epochs={workload.epochs}", f"batch_size={workload.batch_size}", "optimizer.lr=1e-3"]
    root = [f"data.root={DATA}"] if "data=mnist" in workload.words else []
    words = [*workload.words, *factors, *fixed, *root, f"seed=range({seeds})", f"hydra.sweep.dir={folder}"]
    return [sys.executable, "-m", "regab", "train", "-m", *words]


def rival(script: str, name: str, dropouts: str, decays: str, seeds: str, folder: str) -> Words:
    """A rival's command, for one value of each or several."""
    words = [f"workload={name}", f"dropout={dropouts}", f"decay={decays}", f"seed={seeds}", f"data={DATA}"]
    several = "," in dropouts + decays + seeds
    how = ["-m", f"hydra.sweep.dir={folder}"] if several else [f"hydra.run.dir={folder}/{dropouts}-{decays}-{seeds}"]
    return [sys.executable, "-m", f"tests.benchmarks.rivals.{script}", *how, *words]


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def call(words: Words) -> None:
    subprocess.run(words, check=True, capture_output=True)


def two_at_a_time(commands: list[Words]) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(call, commands))


def compare(name: str, runs: int) -> None:
    """Print a line for one workload of so many runs."""
    workload = WORKLOADS[name]
    seeds = runs // (len(workload.dropouts) * len(workload.decays))
    dropouts, decays = listed(workload.dropouts), listed(workload.decays)
    combinations = list(itertools.product(workload.dropouts, workload.decays, range(seeds)))[:: max(1, runs // PART)]

    def ours() -> float:
        with tempfile.TemporaryDirectory() as folder:
            return seconds(lambda: call(regab(workload, seeds, f"{folder}/sweep")))

    times, first = {}, ours()
    taken = [ours()]
    with tempfile.TemporaryDirectory() as folder:
        every = rival("plain", name, dropouts, decays, listed(range(seeds)), f"{folder}/a")
        times["(a)"] = seconds(lambda: call(every))
        taken.append(ours())
        fresh = [rival("plain", name, *map(str, values), f"{folder}/b") for values in combinations]
        times["(b)"] = seconds(lambda: two_at_a_time(fresh)) * runs / len(fresh)
        taken.append(ours())
        if importlib.util.find_spec("lightning"):
            some = listed(range(max(1, seeds * PART // runs)))
            share = seeds / len(some.split(","))
            command = rival("with_lightning", name, dropouts, decays, some, f"{folder}/c")
            times["(c)"] = seconds(lambda: call(command)) * share
            taken.append(ours())
    base = median(taken)
    ratios = "".join(f"{rival_time:9.1f} s {rival_time / base:6.1f}×" for rival_time in times.values())
    print(
        f"{name:12}{runs:5}{base:8.1f} s{ratios}   (first {first:.1f}, {min(taken):.1f}-{max(taken):.1f})", flush=True
    )


def main() -> None:
    names = sys.argv[1:] or list(WORKLOADS)
    print(f"{'':12}{'runs':>5}{'regab':>10}{'(a)':>19}{'(b)':>19}{'(c)':>19}")
    for name in names:
        for runs in WORKLOADS[name].sizes:
            compare(name, runs)


if __name__ == "__main__":
    main()
