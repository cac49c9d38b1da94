"""How figures look. One colour for one thing everywhere; all colours can be told apart by the colour-blind."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zlib import crc32

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from regab.records.printable import printable

# Okabe & Ito's palette.
TRAIN, VAL, TEST, SELECTED, FAINT = "#0072B2", "#D55E00", "#009E73", "#444444", "#9AA5B1"
L1, L2 = "#CC79A7", "#56B4E9"
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "*"]
DASHES: list[Any] = ["-", "--", "-.", ":"]
BASELINE = "#444444"

# Colours that methods have in every report; what is not listed here takes a free one, chosen by its name.
HOME = {
    "dropout": "#0072B2",
    "weight_decay": "#D55E00",
    "l2": "#E69F00",
    "l1": "#8C6D1F",
    "norm": "#009E73",
    "shift_flip_crop": "#CC79A7",
    "rotate_zoom": "#CC79A7",
    "early_stopping": "#56B4E9",
    "label_smoothing": "#7B3FA0",
}
FREE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7B3FA0", "#8C6D1F"]

LONGEST = 80  # characters of a name in a figure

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
    "text.parse_math": False,  # names may have any number of $
    "svg.hashsalt": "regab",  # the same picture is the same file
    "pdf.fonttype": 42,  # letters as outlines of a font: journals refuse Type 3
}
# Of several methods together; darker than those of single ones.
TOGETHER = ["#5B3E8C", "#7A1F3D", "#1F5C5C", "#6B5900", "#3D4B73", "#8A3B00", "#4A5D23", "#803B6B"]


@contextmanager
def figure(path: Path, width: float, height: float, also: Path | None = None) -> Iterator[Figure]:
    """A figure (inches) to draw on, saved under ``path`` (and ``also``: SVG, or that and PDF) at the end.

    Without pyplot, which keeps figures alive.
    """
    with mpl.rc_context(RC), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a box is drawn in its place
        warnings.filterwarnings("ignore", "constrained_layout not applied")  # too many long names; nothing is lost
        drawn = Figure(figsize=(width, height), dpi=120, layout="constrained")
        FigureCanvasAgg(drawn)
        yield drawn
        _write_powers_plainly(drawn)
        _lay_out(drawn)
        drawn.savefig(path)
        if also:
            drawn.savefig(also.with_suffix(".svg"), metadata={"Date": None})
        if also and also.suffix == ".pdf":
            drawn.savefig(also, metadata={"CreationDate": None})


def _lay_out(drawn: Figure) -> None:
    """Once for all files: ``savefig`` would draw all there is an extra time to do so, a quarter of a picture's time."""
    engine = drawn.get_layout_engine()
    assert engine is not None, "figure() gave it one"
    engine.execute(drawn)
    drawn.set_layout_engine(None)


def label(name: str, most: int = LONGEST) -> str:
    """A name as far as there is room for it, and as an SVG file may have it."""
    name = printable(name)
    return name if len(name) <= most else f"{name[: most - 1]}…"


def label_outer(panels: Sequence[Any], columns: int, ticks: bool = True) -> None:
    """Label the first panel of each row and the last of each column alone; so too their ``ticks``, if all have the same
    axes."""
    for index, axes in enumerate(panels):
        if index % columns:
            axes.set_ylabel("")
            axes.tick_params(labelleft=not ticks)
        if index + columns < len(panels):
            axes.set_xlabel("")
            axes.tick_params(labelbottom=not ticks)
        elif ticks:
            axes.tick_params(labelbottom=True)  # also above a place that is empty


def _write_powers_plainly(drawn: Figure) -> None:
    """Logarithmic axes have formulas for labels, which are not drawn as such."""
    for axis in [axis for axes in drawn.axes for axis in (axes.xaxis, axes.yaxis) if axis.get_scale() == "log"]:
        axis.set_major_formatter(_Power())
        axis.set_minor_formatter(_Power(minor_thresholds=(1, 0.4)))


class _Power(LogFormatter):
    """``0.01``, ``2e+06``, where a tick has a label at all."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:g}" if super().__call__(x, pos) else ""


def method_colours(methods: Sequence[str]) -> dict[str, str]:
    """A colour for each method: its own in every report, unless another of these methods has that one too."""
    colours: dict[str, str] = {}
    for method in sorted(methods, key=lambda m: m not in HOME):
        start = crc32(method.encode()) % len(FREE)
        wishes = [HOME.get(method, FREE[start]), *FREE[start:], *FREE[:start]]
        colours[method] = next((c for c in wishes if c not in colours.values()), wishes[0])
    return {method: colours[method] for method in methods}


def whole_numbers(axes: Any) -> None:
    """Ticks of the x axis at whole numbers, for epochs."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def wide_range(values: Any) -> bool:
    """Whether positive values span so much that a logarithmic axis shows them better."""
    finite = [v for v in values if math.isfinite(v) and v > 0]
    return bool(finite) and max(finite) > 8 * min(finite)
