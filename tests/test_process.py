"""Settings of a process that trains."""

import subprocess
from pathlib import Path

import pytest

from tests.conftest import python

ENABLED = Path("/sys/kernel/mm/transparent_hugepage/enabled")
SCRIPT = """
import re, torch
from pathlib import Path
from regab.training.process import tune

def huge():
    return int(re.search(r"AnonHugePages: +([0-9]+)", Path("/proc/self/smaps_rollup").read_text())[1])

tune()
before, kept = huge(), [torch.zeros(2**18) for _ in range(32)]  # of a megabyte each
print(huge() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not ENABLED.is_file() or "[never]" in ENABLED.read_text(), reason="no huge pages here")
def test_what_is_kept_in_training_lies_in_huge_pages():
    done = subprocess.run(python("-c", SCRIPT), capture_output=True, text=True, check=True)
    assert int(done.stdout) > 16 * 2**10
