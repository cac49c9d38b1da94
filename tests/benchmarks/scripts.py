"""What regab adds to a run of a script: ``python -m tests.benchmarks.scripts [RUNS]``.

Seconds of sweeps of 2 runs and of so many more, one after another, of a script that takes 2 ms.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

FEW, MORE = 2, 40
SCRIPT = "echo '{\"val_loss\": 1}' > result.json\n"
WORDS = ("-m", "script=sh script.sh {seed}", "stack.workers=1")


def seconds(runs: int, folder: str) -> float:
    """Seconds of a sweep of so many runs."""
    words = [sys.executable, "-m", "regab", "train", *WORDS, "--seeds", str(runs)]
    began = time.perf_counter()
    subprocess.run(words, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    more = int(sys.argv[1]) if sys.argv[1:] else MORE
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "script.sh").write_text(SCRIPT)
        few, many = seconds(FEW, folder), seconds(FEW + more, folder)
    print(f"{1e3 * (many - few) / more:.0f} ms per run")


if __name__ == "__main__":
    main()
