"""How much memory data may take."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

SHARE = 0.5  # of what is free: models and what else is running need the rest
CGROUPS = Path("/sys/fs/cgroup")
LIMITS = {  # by the version of the control groups: the file of the limit, of what is taken, and the kernel's own caches
    "": ("memory.max", "memory.current", "inactive_file"),
    "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
_asked: ContextVar[float | None] = ContextVar("asked", default=None)


@contextmanager
def limited(gigabytes: float | str) -> Iterator[None]:
    """What is loaded here may take so much (10⁹ bytes), or, with ``auto``, half of the memory that is free."""
    token = _asked.set(None if isinstance(gigabytes, str) else gigabytes * 1e9)
    try:
        yield
    finally:
        _asked.reset(token)


def room() -> float:
    """Bytes that the data to be loaded may take: as ``limited``, else half of what is free to this process."""
    asked = _asked.get()
    return SHARE * min(_free(), _free_in_cgroups(), _free_address_space()) if asked is None else asked


def _free() -> float:
    with suppress(OSError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(float(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def _free_in_cgroups() -> float:
    """What the control groups of this process, which containers and batch systems use, leave to it."""
    free = float("inf")
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, kinds, place = line.split(":", 2)
            for kind in {"", "memory"} & set(kinds.split(",")):
                top = CGROUPS / kind
                group = top / place.lstrip("/")
                free = min([free, *(_free_in(folder, *LIMITS[kind]) for folder in (group, *group.parents))])
    return free


def _free_in(group: Path, limit: str, taken: str, caches: str) -> float:
    try:
        most, used = float((group / limit).read_text()), float((group / taken).read_text())
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return most - used + float(stat[caches])
    except (OSError, ValueError, KeyError):  # no such group is to be seen from here; "max" is no limit
        return float("inf")


def _free_address_space() -> float:
    """Under ``ulimit -v``."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return float("inf")
    with suppress(OSError):
        return limit - float(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    return float(limit)
