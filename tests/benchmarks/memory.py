"""Peak memory of whole sweeps, all processes together: ``python -m tests.benchmarks.memory [RUNS …]``.

The sum over the processes of a sweep of their proportional set size (PSS: pages that are shared count once), read from
/proc ten times a second. The last column is the ratio to the first line.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.rivals.workloads import WORKLOADS
from tests.benchmarks.sweep import regab
from tests.processes import children

SIZES = (32, 256)


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    return [pid, *(p for child in children(pid) for p in family(child))]


def proportional(pid: int) -> int:
    """Bytes of a process, shared pages divided among those who share them; 0 if it has ended."""
    return _bytes(f"/proc/{pid}/smaps_rollup", "Pss:")


def anonymous(pid: int | str = "self") -> int:
    """Bytes of a process that no file backs; 0 if it has ended."""
    return _bytes(f"/proc/{pid}/status", "RssAnon:")


def _bytes(file: str, name: str) -> int:
    try:
        lines = Path(file).read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith(name)), 0)


def peak(words: list[str], taken: Callable[[int], int] = proportional, every: float = 0.1) -> int:
    """The most that a command and its processes have ``taken`` at one time, asked ``every`` so many seconds."""
    process, most = subprocess.Popen(words, stdout=subprocess.DEVNULL), 0
    while process.poll() is None:
        most = max(most, sum(map(taken, family(process.pid))))
        time.sleep(every)
    if process.returncode:
        raise SystemExit(f"exit code {process.returncode}: {' '.join(words)}")
    return most


def main() -> None:
    workload, first = WORKLOADS["digits_mlp"], 0
    per_seed = len(workload.dropouts) * len(workload.decays)
    for runs in map(int, sys.argv[1:] or SIZES):
        with tempfile.TemporaryDirectory() as folder:
            most = peak(regab(workload, runs // per_seed, f"{folder}/sweep"))
        first = first or most
        print(f"{runs:5} runs {most / 1e6:8.0f} MB {most / first:6.2f}×", flush=True)


if __name__ == "__main__":
    main()
