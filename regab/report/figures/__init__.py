"""Figures of a report."""

import os
import sys
from contextlib import suppress

if "matplotlib" not in sys.modules:  # whose import fails where MPLBACKEND names what there is not; no figure needs it
    backend = os.environ.pop("MPLBACKEND", None)
    import matplotlib as mpl

    if backend is not None:
        os.environ["MPLBACKEND"] = backend
        with suppress(ValueError):
            mpl.rcParams["backend"] = backend
