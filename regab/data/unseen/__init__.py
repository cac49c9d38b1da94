"""Reading examples that training has not seen, as training's own were read: a file for each kind of them.

A reader is a dataclass of plain values, kept with a run (``kept.py``). Its ``read(given, encode)`` takes paths, data
frames, arrays or lists; ``encode`` is what was learned of the training examples. ``classes`` are their names, in the
order in which ``read`` numbers them.
"""
