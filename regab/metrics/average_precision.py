"""Average precision: the precision at every recall, averaged."""

from regab.metrics._classes import Ranking


class AveragePrecision(Ranking):
    """Σᵢ (recallᵢ − recallᵢ₋₁)·precisionᵢ over the thresholds of a class's score, without interpolation.

    Of two classes that of the second (class 1); of more the mean of each against the rest, over those that the split
    has. Range: [0, 1], by chance the share of the class; NaN where all examples are of one class.
    """

    label = "average precision"
    function = "average_precision"
