"""How figures look. One colour for one thing everywhere; all colours can be told apart by the colour-blind."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Okabe & Ito's palette.
TRAIN, VAL, TEST, SELECTED, FAINT = "#0072B2", "#D55E00", "#009E73", "#444444", "#9AA5B1"
L1, L2 = "#CC79A7", "#56B4E9"
VARIANTS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555", "#8C6D1F"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "*"]
DASHES: list[Any] = ["-", "--", "-.", ":"]

RC = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E3E7EB",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
}


@contextmanager
def figure(path: Path, width: float, height: float) -> Iterator[Figure]:
    """A figure (inches) to draw on, saved under ``path`` at the end. Without pyplot, which keeps figures alive."""
    with mpl.rc_context(RC):
        drawn = Figure(figsize=(width, height), dpi=120, layout="constrained")
        FigureCanvasAgg(drawn)
        yield drawn
        drawn.savefig(path)


def variant_style(index: int) -> dict[str, Any]:
    """Colour and dashes of a variant: together they tell 32 apart."""
    n = len(VARIANTS)
    return {"color": VARIANTS[index % n], "linestyle": DASHES[index // n % len(DASHES)]}


def whole_numbers(axes: Any) -> None:
    """Ticks of the x axis at whole numbers, for epochs."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def wide_range(values: Any) -> bool:
    """Whether positive values span so much that a logarithmic axis shows them better."""
    finite = [v for v in values if math.isfinite(v) and v > 0]
    return bool(finite) and max(finite) > 8 * min(finite)
