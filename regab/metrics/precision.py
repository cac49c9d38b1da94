"""Precision: the share of what is said to be of a class that is, averaged over classes."""

from regab.metrics._classes import ByClass


class Precision(ByClass):
    """mean over classes of tp / (tp + fp), 0 for one that the model never says, over those that the split has or the
    model says (macro precision).

    Range: [0, 1]. Of two classes both count; that of one alone is ``precision_per_class``. Of several labels per
    example, the mean over labels of having them, over those that some example has.
    """

    label = "macro precision"
    function = "precision"
