"""``looks.json``: what was said of a sweep before it had results, and what it had each time that it was concluded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from regab.records.files import to_json, write_atomically
from regab.records.load import load_json

LOOKS = "looks.json"
Seeds = dict[str, list[int]]  # of the finished runs of each variant, by its name


@dataclass(frozen=True)
class Looks:
    """``planned``: how many looks there will be at most; ``most``: seeds up to which ``--seeds auto`` goes, with its
    own looks; ``practical``: a difference too small to matter. None where nothing was said. ``seen``: the looks until
    now."""

    planned: int | None = None
    most: int | None = None
    practical: float | None = None
    seen: list[Seeds] = field(default_factory=list)

    def at(self, seeds: Seeds) -> Looks:
        """With a look at these runs, unless there was one."""
        return self if seeds in self.seen else replace(self, seen=[*self.seen, seeds])


NOTHING_SAID = Looks()


def seeds_of(runs: Iterable[tuple[str, int]]) -> Seeds:
    """From the variant and the seed of each finished run."""
    found: dict[str, set[int]] = {}
    for variant, seed in runs:
        found.setdefault(variant, set()).add(int(seed))
    return {variant: sorted(found[variant]) for variant in sorted(found)}


def load_looks(root: Path) -> Looks:
    """What a sweep's folder knows of its looks; nothing where the file is missing or damaged."""
    try:
        return Looks(**load_json(root / LOOKS) or {})
    except TypeError:
        return Looks()


def save_looks(root: Path, looks: Looks) -> None:
    """Raises CannotWrite."""
    if looks != load_looks(root):
        write_atomically(root / LOOKS, to_json(asdict(looks)))
