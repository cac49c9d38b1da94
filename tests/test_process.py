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

def asked_for(place):
    text = Path("/proc/self/smaps").read_text()
    found = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) .*?^VmFlags: (.*?)$", text, re.MULTILINE | re.DOTALL)
    return any(int(first, 16) <= place < int(end, 16) and "hg" in flags.split() for first, end, flags in found)

tune()
kept = [torch.zeros(2**18) for _ in range(32)]  # of a megabyte each
print(sum(asked_for(tensor.data_ptr()) for tensor in kept))
"""


@pytest.mark.slow
@pytest.mark.skipif(not ENABLED.is_file(), reason="no huge pages here")
def test_huge_pages_are_asked_for_where_that_lies_which_is_kept_in_training():
    done = subprocess.run(python("-c", SCRIPT), capture_output=True, text=True, check=True)
    assert int(done.stdout) > 24  # how many it gets is Linux' affair
