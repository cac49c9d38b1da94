"""What ``regab export`` writes: every file in this folder that does not begin with an underscore, but for ``base``."""

from functools import cache

from regab.exports.base import Export
from regab.folder import classes_in


@cache
def exports() -> dict[str, type[Export]]:
    """All exports by name, in alphabetical order, beside those to trackers. Reads the files without importing torch."""
    return classes_in(__name__, __path__, Export)
