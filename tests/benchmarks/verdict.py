"""From nothing to a word on each regularizer: ``python -m tests.benchmarks.verdict [STUDY …]``.

Do dropout and batch norm help a network of two layers on digits, a fifth of whose training labels are wrong? The usual
way: a script that trains every combination with ten seeds, then for each regularizer Student's t for paired samples on
its mean difference over the settings of the others, with Holm's adjustment, and two one-sided tests for "no practical
difference". regab's: the same combinations with ``--seeds auto``, which adds seeds until it is clear, where the usual
way may end without a word. Both err in 5 % of the cases. Seconds until they say it (regab writes its page after that),
CPU seconds of all their processes to the end, seeds, runs, what they say, and the ratios. regab runs before and after
its rival, and its means count.
"""

from __future__ import annotations

import csv
import json
import math
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from tests.benchmarks import cpu

SEEDS, PRACTICAL, LEVEL = 10, 0.005, 0.05
VERDICT = re.compile(r"\S+=\S+ +(helps|hurts|no |changed )")  # as in "norm=batch  helps  +2.4 points"
Words = dict[str, str]


class Study(NamedTuple):
    """Two hidden layers of so many units, and the values of each regularizer, the first of which is off."""

    width: int
    factors: dict[str, list[float | str]]


DROPOUT, NORM, DECAY = {"dropout": [0, 0.5]}, {"norm": ["none", "batch"]}, {"weight_decay": [0, 1]}
STUDIES = {
    "narrow": Study(32, DROPOUT | NORM),
    "default": Study(128, DROPOUT | NORM),  # regab's own network for such data
    "wide": Study(512, DROPOUT | NORM),
    "example": Study(512, DROPOUT | DECAY),  # at the top of README
}


class Taken(NamedTuple):
    """Seconds of a command until its answer, CPU seconds of its processes, and what came out."""

    seconds: float
    cpu: float
    runs: int
    words: Words


def call(words: list[str]) -> tuple[float, float]:
    """Seconds until the first verdict is printed, or to the end where none is, and CPU seconds."""
    before, start = cpu.children(), time.perf_counter()
    with subprocess.Popen([sys.executable, "-m", *words], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        seconds = [time.perf_counter() - start for line in process.stdout if VERDICT.match(line)]
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)
    return [*seconds, time.perf_counter() - start][0], cpu.children() - before


def usual_words(runs: pd.DataFrame, factors: dict[str, list[float | str]]) -> Words:
    """A verdict for each level but the first, from a row per run with its levels, ``seed`` and ``accuracy``."""
    differences = {}
    for factor, (off, *levels) in factors.items():
        means = runs.pivot_table("accuracy", index="seed", columns=factor)
        differences |= {f"{factor}={level}": (means[level] - means[off]).to_numpy() for level in levels}
    unequal = _holm({n: float(stats.ttest_1samp(d, 0).pvalue) for n, d in differences.items()})
    near = _holm({n: _within(d) for n, d in differences.items()})
    return {n: _word(d.mean(), unequal[n], near[n]) for n, d in differences.items()}


def _within(differences: np.ndarray) -> float:
    """The p-value of two one-sided tests of whether the mean is within ± PRACTICAL."""
    tests = ((-PRACTICAL, "greater"), (PRACTICAL, "less"))
    return max(float(stats.ttest_1samp(differences, bound, alternative=side).pvalue) for bound, side in tests)


def _holm(p: dict[str, float]) -> dict[str, float]:
    adjusted, least = {}, 0.0
    for rank, name in enumerate(sorted(p, key=lambda name: p[name])):
        least = adjusted[name] = max(least, (len(p) - rank) * p[name])
    return adjusted


def _word(mean: float, unequal: float, near: float) -> str:
    if near < LEVEL:
        return "no practical difference"
    if math.isnan(unequal) or unequal >= LEVEL:
        return "no evidence"
    return "helps" if mean > 0 else "hurts"


def usual(study: Study, folder: Path) -> Taken:
    file = folder / "usual.csv"
    script = ["tests.benchmarks.rivals.noisy_labels", str(study.width), str(SEEDS), json.dumps(study.factors)]
    seconds = call([*script, str(file)])
    runs = pd.read_csv(file, keep_default_na=False)
    return Taken(*seconds, len(runs), usual_words(runs, study.factors))


def ours(study: Study, folder: Path) -> Taken:
    factors = [f"reg.{name}={','.join(map(str, levels))}" for name, levels in study.factors.items()]
    fixed = ["model=mlp", f"model.widths=[{study.width},{study.width}]", "data.label_noise=0.2", "epochs=40"]
    how = ["--seeds", "auto", "--practical", str(PRACTICAL), f"hydra.sweep.dir={folder}"]
    seconds = call(["regab", "train", "-m", *fixed, *factors, *how])
    table = csv.DictReader((folder / "factors.csv").open(newline=""))
    words = {f"{row['factor'].split('.')[1]}={row['level']}": row["verdict"] for row in table if not row["other"]}
    return Taken(*seconds, len(pd.read_csv(folder / "results.csv")), words)


def compare(name: str) -> None:
    """Print three lines for one study."""
    study = STUDIES[name]
    variants = math.prod(map(len, study.factors.values()))
    with tempfile.TemporaryDirectory() as folder:
        first, theirs, last = ours(study, Path(folder, "a")), usual(study, Path(folder)), ours(study, Path(folder, "b"))
    mean = first._replace(seconds=(first.seconds + last.seconds) / 2, cpu=(first.cpu + last.cpu) / 2)
    for who, taken in (("usual", theirs), ("regab", mean)):
        numbers = f"{taken.seconds:8.1f}s{taken.cpu:8.1f}s{taken.runs / variants:7.1f}{taken.runs:6}"
        print(f"{name:9}{study.width:6} {who:7}{numbers}  {'; '.join(f'{n} {w}' for n, w in taken.words.items())}")
    ratios = f"{theirs.seconds / mean.seconds:8.1f}×{theirs.cpu / mean.cpu:8.1f}×"
    print(f"{name:9}{study.width:6} {'ratio':7}{ratios}{theirs.runs / mean.runs:13.1f}×", flush=True)


def main() -> None:
    print(f"{'':9}{'width':>6}{'':8}{'seconds':>9}{'CPU':>9}{'seeds':>7}{'runs':>6}  verdicts")
    for name in sys.argv[1:] or STUDIES:
        compare(name)


if __name__ == "__main__":
    main()
