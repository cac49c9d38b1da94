"""Charts inside the page: SVG with classes that the page's style colours, so that they follow its theme."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 340, 236
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 12, 46
LETTER = 5.8  # the width of one, on average
NAMED = 12  # levels that are named below an axis, at most
_DECIMALS = re.compile(r"(\D*\d+)\.(\d+)(\D*|e.*)")  # a number with a point, and what follows it
DASHES = {"-": "none", "--": "7 4", "-.": "7 3 2 3", ":": "2 3"}


def _at(radius: float, angle: float) -> tuple[float, float]:
    """Degrees from above, with the clock."""
    return radius * math.sin(math.radians(angle)), -radius * math.cos(math.radians(angle))


def _arm(angle: float) -> list[tuple[float, float]]:
    """An arm of a plus: its two outer corners and the inner one that follows."""
    return [(1.35, angle - 19), (1.35, angle + 19), (0.6, angle + 45)]


CORNERS: dict[str, list[tuple[float, float]]] = {
    "s": [(-1, -1), (1, -1), (1, 1), (-1, 1)],
    "^": [(0, -1.2), (1.1, 1), (-1.1, 1)],
    "D": [(0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)],
    "v": [(0, 1.2), (1.1, -1), (-1.1, -1)],
    "P": [_at(*corner) for turned in (0, 90, 180, 270) for corner in _arm(turned)],
    "X": [_at(*corner) for turned in (45, 135, 225, 315) for corner in _arm(turned)],
    "*": [_at(0.6 if turn % 2 else 1.4, 36 * turn) for turn in range(10)],
}


class Point(NamedTuple):
    """Where something lies, from where to where it may reach, and what is said of it."""

    x: float
    y: float
    low: float = math.nan
    high: float = math.nan
    words: str = ""


@dataclass(frozen=True)
class Series:
    """Points of one colour: joined by a line, with a ``band`` from low to high or a bar at every point."""

    colour: str
    points: Sequence[Point]
    name: str = ""
    dashes: str = "-"
    marker: str = "o"
    joined: bool = True
    band: bool = False


@dataclass(frozen=True)
class Axis:
    """From values to places; ``marks``: values that are marked, with what is written there."""

    low: float
    high: float
    start: float
    end: float
    marks: Sequence[tuple[float, str]] = ()
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        f = math.log if self.logarithmic else float
        share = (f(value) - f(self.low)) / (f(self.high) - f(self.low))
        return self.start + (self.end - self.start) * share


def round_values(low: float, high: float, count: int) -> list[float]:
    """About so many round values between two."""
    rough = (high - low) / count
    power = 10 ** math.floor(math.log10(rough))
    step = next(f * power for f in (1, 2, 5, 10) if f * power >= rough * (1 - 1e-9))
    return [i * step for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def log_values(low: float, high: float) -> list[float]:
    """Values of 1, 2 and 5 times powers of ten between two."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [f * 10.0**power for power in powers for f in (1, 2, 5) if low <= f * 10.0**power <= high]


def vertical(values: Sequence[float], words: Callable[[float], str]) -> Axis:
    """The axis of values from below to above, with a margin; what is written at round values has no idle zeros."""
    known = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(known), max(known)
    margin = 0.06 * (high - low) or abs(high) / 2 or 1.0
    low, high = low - margin, high + margin
    marks = shortened([(value, words(value)) for value in round_values(low, high, 5)])
    return Axis(low, high, HEIGHT - BOTTOM, TOP, marks)


def shortened(marks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """``80.00%`` and ``85.00%`` as 80% and 85%: without the last decimals, where these are zeros in all of them."""
    parts = [_DECIMALS.fullmatch(text) for _, text in marks]
    idle = min((len(p[2]) - len(p[2].rstrip("0")) for p in parts if p), default=0)
    cut = [f"{p[1]}.{p[2][: len(p[2]) - idle]}".rstrip(".") + p[3] if p and idle else None for p in parts]
    return [(value, new or text) for (value, text), new in zip(marks, cut, strict=True)]


def even(labels: Sequence[str]) -> Axis:
    """The axis of levels at equal distances: level i at i. Of many, some are named, evenly spread."""
    step = math.ceil(len(labels) / NAMED) or 1
    room = (WIDTH - LEFT - RIGHT) * step / max(len(labels), 1) / LETTER
    marks = [
        (i, label if len(label) <= room else f"{label[: max(int(room) - 1, 1)]}…")
        for i, label in [*enumerate(labels)][::step]
    ]
    margin = 0.25 if len(labels) > 1 else 1.0
    return Axis(-margin, len(labels) - 1 + margin, LEFT, WIDTH - RIGHT, marks)


def chart(label: str, x: Axis, y: Axis, series: Sequence[Series], below: str, zero: bool = False) -> str:
    """An SVG element: axes, then the series."""
    parts = [f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">', _axes(x, y)]
    if zero and y.low < 0 < y.high:
        parts.append(f'<line class="nil" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(0):.1f}" y2="{y(0):.1f}"/>')
    parts += [_drawn(each, x, y) for each in series]
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text class="axis" x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{escape(below)}</text>')
    return "".join([*parts, "</svg>"])


def _axes(x: Axis, y: Axis) -> str:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    grid = "".join(f'<line x1="{LEFT}" x2="{right}" y1="{y(v):.1f}" y2="{y(v):.1f}"/>' for v, _ in y.marks)
    left = "".join(
        f'<text x="{LEFT - 6}" y="{y(v) + 4:.1f}" text-anchor="end">{escape(words)}</text>' for v, words in y.marks
    )
    under = "".join(
        f'<text x="{x(v):.1f}" y="{bottom + 16}" text-anchor="middle">{escape(words)}</text>' for v, words in x.marks
    )
    floor = f'<line x1="{LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>'
    return f'<g class="grid">{grid}</g><g class="axis">{floor}{left}{under}</g>'


def _drawn(series: Series, x: Axis, y: Axis) -> str:
    known = [p for p in series.points if math.isfinite(p.y)]
    parts = []
    if series.band and len(banded := [p for p in known if math.isfinite(p.low)]) > 1:
        around = [(p.x, p.high) for p in banded] + [(p.x, p.low) for p in reversed(banded)]
        parts.append(f'<path class="spread" d="{_path(around, x, y)}Z"/>')
    if series.joined and len(known) > 1:
        dashes = f' stroke-dasharray="{DASHES[series.dashes]}"'
        parts.append(f'<path class="mean" d="{_path([(p.x, p.y) for p in known], x, y)}"{dashes}/>')
    for p in known:
        bar = _bar(p, x, y) if not series.band else ""
        words = f"<title>{escape(p.words)}</title>" if p.words else ""
        parts.append(f"<g>{words}{bar}{dot(series.marker, x(p.x), y(p.y))}</g>")
    name = f' data-name="{escape(series.name)}"' if series.name else ""
    return f'<g style="--c: {series.colour}"{name}>{"".join(parts)}</g>'


def _bar(p: Point, x: Axis, y: Axis) -> str:
    if not math.isfinite(p.low):
        return ""
    return f'<line class="whisker thin" x1="{x(p.x):.1f}" x2="{x(p.x):.1f}" y1="{y(p.low):.1f}" y2="{y(p.high):.1f}"/>'


def _path(points: Sequence[tuple[float, float]], x: Axis, y: Axis) -> str:
    return "".join(f"{'L' if i else 'M'}{x(a):.1f} {y(b):.1f}" for i, (a, b) in enumerate(points))


def dot(marker: str, x: float, y: float) -> str:
    """A point of the shape that matplotlib calls by this letter."""
    corners = CORNERS.get(marker)
    if corners is None:
        return f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="5"/>'
    return f'<polygon class="dot" points="{" ".join(f"{x + 5 * a:.1f},{y + 5 * b:.1f}" for a, b in corners)}"/>'


def legend(series: Sequence[Series]) -> str:
    """The names of series beside their lines."""
    entries = [
        f'<span style="--c: {s.colour}"><svg width="26" height="10" aria-hidden="true"><path class="mean" d="M0 5H26" '
        f'stroke-dasharray="{DASHES[s.dashes]}"/></svg> {escape(s.name)}</span>'
        for s in series
    ]
    return f'<p class="names">{" ".join(entries)}</p>'


def figure(title: str, drawn: str, below: str = "") -> str:
    """A chart with its title above."""
    return f'<figure class="panel"><figcaption>{escape(title)}</figcaption>{drawn}{below}</figure>'
