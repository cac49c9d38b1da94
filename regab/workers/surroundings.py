"""What a result says of where it was made."""

from __future__ import annotations

import platform
import subprocess
import sys
from functools import cache
from typing import Any

from regab import __version__


@cache
def surroundings() -> dict[str, Any]:
    """Versions, of torch where this process uses it, and the git commit of the folder that the user stands in."""
    torch = {"torch": str(sys.modules["torch"].__version__)} if "torch" in sys.modules else {}
    return {
        "versions": {"regab": __version__, **torch, "python": platform.python_version()},
        "git_commit": _git_commit(),
    }


def _git_commit() -> str | None:
    try:
        git = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    except OSError:  # no git on this machine
        return None
    return git.stdout.strip() or None
