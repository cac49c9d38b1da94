"""What can be made of a folder of results by ``regab export``."""

from pathlib import Path


class Export:
    """One is ``regab export DIR --to <file name>``.

    A subclass may be a dataclass, whose fields are then options of the command: ``file: str | None = None`` is
    ``--file``, ``best: bool = False`` is ``--best``. What it needs it imports when it is used.
    """

    def export(self, folder: Path) -> str:
        """Write it; what is said then, in a line. Raises UsageError, CannotWrite."""
        raise NotImplementedError
