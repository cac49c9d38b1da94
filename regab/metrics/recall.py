"""Recall: the share of a class that is said to be of it, averaged over classes."""

from regab.metrics._classes import ByClass


class Recall(ByClass):
    """mean over classes of tp / (tp + fn), 0 for one that the split does not have but the model says (macro recall).

    Range: [0, 1]. Of two classes both count; that of one alone is ``recall_per_class``. Of several labels per
    example, the mean over labels of having them, over those that some example has.
    """

    label = "macro recall"
    function = "recall"
