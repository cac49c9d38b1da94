"""F1 of each class: the harmonic mean of its precision and recall."""

from regab.metrics._classes import PerClass


class F1PerClass(PerClass):
    """2·tp / (2·tp + fp + fn) of a class.

    Columns ``f1_0``, ``f1_1``, …, one for each class. Range: [0, 1]; NaN where no example is of it.
    """

    called = "F1"
    function = "f1_score"
