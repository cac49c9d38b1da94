"""Which runs are trained together, in which order, and what that will take."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import Any

from regab.config import Run
from regab.script import is_script
from regab.stacking import lanes_for
from regab.training.assembly.facts import Facts

# A stack's working set should stay near a core: 64-128-128-10 networks (1.5 MB each) took 3.6, 3.1 and 3.2 ms per run
# and epoch in stacks of 8, 16 and 32; 784-512-512-10 ones gain nothing from stacking. What is larger by itself than a
# core's cache still shares, in stacks of some, what a step costs beside arithmetic: small CNNs of 8×8 images (7 MB)
# took 31.5, 30.1, 29.0, 26.8, 26.4 and 27.9 ms in stacks of 2, 3, 4, 6, 8 and 11.
CACHE = 24e6
SOME, ROOM = 8, 64e6
LARGEST = {"cpu": 32, "cuda": 1024, "mps": 64}
GPU_MEMORY = 20e9
# Operations per second of a core (by whether runs are batched), and seconds that are no arithmetic: per step of a
# stack, per step of a lane, per epoch of a lane. Measured for the networks of tests/benchmarks on a 2-core EPYC; they
# order chunks and make the estimate, nothing more.
RATE = {True: 90e9, False: 36e9}
PER_STEP, PER_LANE_STEP, PER_LANE_EPOCH = 3e-4, 4.5e-5, 4e-4
LONG = 0.02  # seconds of a step


@dataclass
class Chunk:
    """Runs that are trained as one stack by one worker; ``resume`` is the key of a checkpoint to go on from.

    ``bytes`` is what the stack holds, ``data`` what its data do.
    """

    runs: list[Run]
    seconds: float = 0.0
    bytes: float = 0.0
    data: float = 0.0
    resume: str = ""
    attempt: int = 0
    device: str = "cpu"

    @property
    def key(self) -> str:
        """Names the chunk's own checkpoint."""
        return hashlib.sha256(",".join(sorted(run.digest for run in self.runs)).encode()).hexdigest()[:16]

    @property
    def lanes(self) -> int:
        return len({run.trajectory for run in self.runs})


@dataclass
class Plan:
    """Chunks, longest first, for so many workers; scripts have no ``structures``."""

    chunks: list[Chunk]
    workers: int
    structures: int

    @property
    def seconds(self) -> float:
        """About how long it takes: the workers' loads when each takes the next chunk as it becomes free."""
        loads = [0.0] * max(self.workers, 1)
        for chunk in self.chunks:
            loads[loads.index(min(loads))] += chunk.seconds
        return max(loads)

    @property
    def bytes(self) -> float:
        """About how much memory the largest chunks and the data take at once. On a CPU, workers share the data."""
        workers = max(self.workers, 1)
        copies = workers if any(chunk.device != "cpu" for chunk in self.chunks) else 1
        data = max((chunk.data for chunk in self.chunks), default=0.0)
        return sum(sorted((chunk.bytes for chunk in self.chunks), reverse=True)[:workers]) + copies * data


def make_plan(runs: list[Run], facts: dict[str, Facts], workers: int, resumable: dict[str, str] | None = None) -> Plan:
    """Cut runs into chunks. ``facts`` are what ``examine`` found of each structure.

    ``resumable`` says from which checkpoint a run (its digest) can go on; runs of one checkpoint go on together.
    """
    if runs and is_script(runs[0].config):
        return Plan([Chunk([run]) for run in runs], min(workers, len(runs)), 0)
    groups, resumed = defaultdict[str, list[Run]](list), defaultdict[str, list[Run]](list)
    for run in sorted(runs, key=lambda run: run.config["seed"]):  # equal seeds share their draws
        key = (resumable or {}).get(run.digest)
        (resumed[key] if key else groups[run.structure]).append(run)
    chunks = [_chunk(part, facts[part[0].structure], key) for key, part in resumed.items()]
    chunks += [
        _chunk(part, facts[structure])
        for structure, group in groups.items()
        for part in _cut(group, facts[structure], workers, alone=len(groups) < 2 * workers)
    ]
    chunks.sort(key=lambda chunk: -chunk.seconds)
    return Plan(chunks, min(workers, len(chunks)), len({run.structure for run in runs}))


def split(chunk: Chunk, left: list[Run], resume: str) -> list[Chunk]:
    """What is left of a chunk that failed, in halves, for another attempt: in the end its culprit is alone."""
    half = -(-len(left) // 2)
    parts = [part for part in (left[:half], left[half:]) if part]
    return [replace(chunk, runs=part, resume=resume, attempt=chunk.attempt + 1) for part in parts]


def _cut(group: list[Run], facts: Facts, workers: int, alone: bool) -> list[list[Run]]:
    lanes = defaultdict[str, list[Run]](list)
    for run in group:
        lanes[run.trajectory].append(run)
    asked = group[0].config["stack"]["size"]
    size = stack_size(facts) if asked == "auto" else asked
    count = -(-len(lanes) // size)
    if alone and asked == "auto" and workers > 1:  # every worker gets a share
        count = min(len(lanes), -(-count // workers) * workers)
    members = list(lanes.values())
    bounds = [round(i * len(members) / count) for i in range(count + 1)]
    return [list(chain(*members[a:b])) for a, b in pairwise(bounds)]


def stack_size(facts: Facts) -> int:
    """Lanes per stack: as many as a core's cache holds, or some, or as a GPU's memory does; one where stacking does not
    pay."""
    if not facts.stacked:
        return 1
    if facts.device == "cpu":
        return max(1, min(LARGEST["cpu"], max(int(CACHE / facts.bytes), min(SOME, int(ROOM / facts.bytes)))))
    fitting = max(1, min(LARGEST[facts.device], int(GPU_MEMORY / facts.bytes)))
    return 1 << fitting.bit_length() - 1  # what ``lanes_for`` leaves as it is


def _chunk(runs: list[Run], facts: Facts, resume: str = "") -> Chunk:
    config, lanes = runs[0].config, lanes_for(len({run.trajectory for run in runs}), facts.device)
    seconds = lanes * _lane_seconds(config, facts) + config["epochs"] * _steps(config, facts) * PER_STEP
    return Chunk(runs, seconds, lanes * facts.bytes, facts.data_bytes, resume, device=facts.device)


def cost(run: Run, facts: dict[str, Facts]) -> float:
    """About the seconds of a core that a run adds to a stack; infinite where nothing is known of it, as of a script."""
    own = facts[run.structure]
    return _lane_seconds(run.config, own) if own.flops else math.inf


def gains_from_threads(run: Run, facts: dict[str, Facts]) -> bool:
    """Whether a run's steps on a CPU are long enough for several threads: with two, those of a ResNet (80 ms), a ViT
    (110 ms) and a transformer (40 ms) take 0.6 to 0.7 of the time, those of a GRU (15 ms) and of a CNN of 8×8 images
    (2 ms) all of it."""
    own = facts[run.structure]
    seconds = 3 * own.flops * min(run.config["batch_size"], own.n_train) / RATE[own.stacked]
    return own.device == "cpu" and not own.stacked and seconds > LONG


def _lane_seconds(config: dict[str, Any], facts: Facts) -> float:
    arithmetic = facts.flops * (3 * facts.n_train + facts.n_evaluated) / RATE[facts.stacked]
    return config["epochs"] * (arithmetic + _steps(config, facts) * PER_LANE_STEP + PER_LANE_EPOCH)


def _steps(config: dict[str, Any], facts: Facts) -> int:
    return -(-facts.n_train // config["batch_size"])
