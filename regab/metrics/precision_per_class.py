"""Precision of each class: the share of what is said to be of it that is."""

from regab.metrics._classes import PerClass


class PrecisionPerClass(PerClass):
    """tp / (tp + fp) of a class, 0 where the model never says it.

    Columns ``precision_0``, ``precision_1``, …, one for each class. Range: [0, 1]; NaN where no example is of it.
    """

    called = "precision"
    function = "precision"
