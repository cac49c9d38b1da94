"""Plain layers of a whole stack of runs, forward and backward written out."""
