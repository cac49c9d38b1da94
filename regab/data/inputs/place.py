"""Where the user's data lie."""

import os
from pathlib import Path


def place(path: str | Path) -> Path:
    """A path as it is where something has that name, else with ``~`` as a home folder; ``~nobody`` stays as it is."""
    return Path(path) if os.path.exists(path) else Path(os.path.expanduser(path))
