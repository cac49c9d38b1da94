"""A variant as a report has it: its runs, how it compares, and how it is drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from regab.records.results import variant_name

Row = dict[str, Any]


@dataclass(eq=False)
class Variant:
    """A configuration with all its runs (rows of results.csv), how it compares, and how it is drawn.

    ``differs``: its levels of those factors in which it is not as the baseline.
    """

    name: str
    levels: dict[str, str]
    rows: list[Row]
    effect: Row
    differs: dict[str, str] = field(default_factory=dict)
    colour: str = "#444444"
    marker: str = "o"
    dashes: str = "-"

    @property
    def methods(self) -> list[str]:
        return list(dict.fromkeys(map(method_of, self.differs)))

    @property
    def style(self) -> dict[str, Any]:
        """How it is drawn: colour, dashes of its lines, marker of its points."""
        return {"color": self.colour, "linestyle": self.dashes, "marker": self.marker}

    @property
    def finished(self) -> list[Row]:
        return [row for row in self.rows if row["status"] == "finished"]

    @property
    def is_baseline(self) -> bool:
        return not self.differs

    @property
    def short(self) -> str:
        """What sets it apart: ``dropout.rate=0.5``, or ``baseline``."""
        return variant_name(self.differs) if self.differs else "baseline"


def method_of(factor: str) -> str:
    """``dropout`` of ``reg.dropout.rate``, ``noise`` of ``reg.extra.noise.deviation``; other keys as they are."""
    parts = factor.split(".")
    if parts[0] != "reg" or len(parts) < 2:
        return factor
    return parts[2] if parts[1] == "extra" and len(parts) > 2 else parts[1]
