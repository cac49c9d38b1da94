"""Recall of each class: the share of it that is said to be of it."""

from regab.metrics._classes import PerClass


class RecallPerClass(PerClass):
    """tp / (tp + fn) of a class.

    Columns ``recall_0``, ``recall_1``, …, one for each class. Range: [0, 1]; NaN where no example is of it.
    """

    called = "recall"
    function = "recall"
