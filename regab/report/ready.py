"""What a report imports, in pieces, for those who have time to do so before there is anything to report."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

# 0.7 s in all. regab.report.figures stands before matplotlib, which it imports with care.
PIECES = ("pandas", "scipy.special", "regab.report.figures", "matplotlib.figure", "regab.report.report")


def get_ready(enough: Callable[[], bool] = lambda: False) -> None:
    """Import piece after piece, until there is something better to do; called again, it goes on where it was."""
    for piece in PIECES:
        if enough():
            return
        import_module(piece)
