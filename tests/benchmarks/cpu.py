"""What commands take of all processors."""

from __future__ import annotations

import resource


def children() -> float:
    """CPU seconds of all processes that this one has begun and that have ended, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
